#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "alerting/alert_sender.h"
#include "alerting/settings.h"
#include "app/commands.h"
#include "app/config_options.h"
#include "app/standard_output.h"
#include "http/beast/beast_http_client.h"
#include "os/machine.h"
#include "os/posix/system_clock.h"
#include "status/status_server.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(The section [alerts] of the configuration says what is told and whom: an Alertmanager, a webhook, PagerDuty. Secrets
are read from the environment or from files, never from the configuration. docs/formats/alerts.md has what is sent.

Examples:
  tapeline alerts list                                what fires now, in the pipeline on ./tapeline-data
  tapeline alerts test --config tapeline.toml         tells each target of a test, and that it is over
  TAPELINE_PAGERDUTY_KEY=… tapeline alerts test --set alerts.pagerduty=true)";

struct Options {
  ConfigText config;
  std::string format = "text";
};

std::string describe(const status::Alert& alert) {
  return fmt::format("{:<9}{}{}: {}\n         {}\n", alert.severity, alert.name,
                     alert.partition.empty() ? "" : "/" + alert.partition, alert.summary, alert.remedy);
}

Result<void> list(const Options& options) {
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  const Result<status::Status> status = status::ask_status(config::status_socket(*config));
  if (!status) return std::unexpected(status.error());
  if (options.format == "json") {
    const nlohmann::json document = nlohmann::json::parse(status::encode(*status));
    return write_standard_output(
        nlohmann::json{{"alerts", document["alerts"]}, {"targets", document["alert_targets"]}}.dump() + '\n');
  }
  std::string text;
  for (const status::Alert& alert : status->alerts) text += describe(alert);
  return write_standard_output(text.empty() ? "nothing fires\n" : text);
}

// Firing, then over: PagerDuty and Alertmanager open and close it.
Result<void> tell(const alerting::AlerterConfig& config, const alerting::Target& target) {
  const os::SystemClock clock;
  const std::unique_ptr<http::HttpClient> client = http::make_beast_http_client("tapeline/" TAPELINE_VERSION);
  alerting::Notification notification;
  notification.alert = {.name = "Test",
                        .severity = "warning",
                        .summary = "a test of `tapeline alerts test`: nothing is wrong",
                        .remedy = "nothing to do"};
  notification.started_ns = notification.told_ns = clock.realtime_ns();
  for (const bool resolved : {false, true}) {
    notification.resolved = resolved;
    notification.ended_ns = resolved ? clock.realtime_ns() : 0;
    const alerting::Delivery delivery = alerting::deliver(target, *client, notification, config.timeout_ms);
    if (delivery.outcome != alerting::Outcome::delivered) return fail(ErrorCode::io, delivery.error);
  }
  return {};
}

Result<void> test(const Options& options) {
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  const Result<alerting::AlerterConfig> alerter = alerting::alerter_config(
      *config, alerting::secrets_of_this_process(), os::host_name(), TAPELINE_VERSION);
  if (!alerter) return std::unexpected(alerter.error());
  if (alerter->targets.empty())
    return fail(ErrorCode::usage,
                "nobody is told: set alerts.alertmanager_url, alerts.webhook_url or alerts.pagerduty");
  std::size_t failures = 0;
  for (const alerting::Target& target : alerter->targets) {
    const Result<void> told = tell(*alerter, target);
    failures += !told;
    const std::string line =
        options.format == "json"
            ? nlohmann::json{{"target", target.name},
                             {"error", told ? nlohmann::json() : nlohmann::json(told.error().message)}}
                      .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) +
                  '\n'
            : fmt::format("{:<13} {}\n", target.name, told ? "told" : told.error().message);
    if (const Result<void> written = write_standard_output(line); !written) return written;
  }
  if (failures == 0) return {};
  return fail(ErrorCode::io,
              fmt::format("{} of {} targets could not be told", failures, alerter->targets.size()));
}

}  // namespace

void add_alerts_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("alerts", "Show what is wrong with the running pipeline, and test who is told");
  command->footer(std::string(footer));
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* description) {
    CLI::App* made = command->add_subcommand(name, description);
    add_config_options(*made, options->config);
    made->add_option("--format", options->format, "How to write it")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    return made;
  };
  CLI::App* listing = add("list", "Print the alerts that fire now and what to do about each");
  CLI::App* testing = add("test", "Send a test alert to every target, and that it is over");
  command->callback([&action, options, listing, testing] {
    if (listing->parsed()) action = [options] { return list(*options); };
    if (testing->parsed()) action = [options] { return test(*options); };
    if (!action)
      action = []() -> Result<void> {
        return fail(ErrorCode::usage, "name what to do: `tapeline alerts list` or `tapeline alerts test`");
      };
  });
}

}  // namespace tapeline::app
