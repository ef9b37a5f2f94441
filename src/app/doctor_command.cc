#include <memory>

#include <fmt/format.h>

#include "alerting/settings.h"
#include "app/commands.h"
#include "app/config_options.h"
#include "app/standard_output.h"
#include "doctor/report.h"
#include "os/machine.h"
#include "status/status_server.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(Looks at what the live pipeline needs of this machine: receive buffers, the interface and its timestamps, processors
and how threads wait, limits, the disk of the data folder (16 small writes that leave nothing behind), the clock; and who is
told of alerts, and what fires where a pipeline runs. Nothing is changed: under each finding stands the command that mends it, for you to run. What matters depends on the settings, so
name the file that the pipeline will use. The exit code is 6 if anything is bad, 0 if not.

Examples:
  tapeline doctor --config tapeline.toml
  tapeline doctor --set feed.interface=eth1 --set data.folder=/data
  tapeline doctor --format json | jq '.findings[] | select(.grade != "ok")')";

struct Options {
  ConfigText config;
  std::string format = "text";
};

// Whether somebody can be told of what goes wrong.
doctor::Finding examine_alerts(const config::Config& config) {
  const Result<alerting::AlerterConfig> alerter = alerting::alerter_config(
      config, alerting::secrets_of_this_process(), os::host_name(), TAPELINE_VERSION);
  if (!alerter) return {doctor::Grade::bad, "alerts", "targets", alerter.error().message};
  if (alerter->targets.empty())
    return {doctor::Grade::ok, "alerts", "targets",
            "nobody is told: alerts are in the log, in `tapeline status` and on the page alone"};
  std::string names;
  for (const alerting::Target& target : alerter->targets) names += (names.empty() ? "" : ", ") + target.name;
  return {doctor::Grade::ok, "alerts", "targets", names + "; `tapeline alerts test` tries each"};
}

// What the pipeline itself finds wrong, where one runs.
void add_pipeline(const config::Config& config, std::vector<doctor::Finding>& findings) {
  const Result<status::Status> status = status::ask_status(config::status_socket(config));
  if (!status) return;
  for (const status::Alert& alert : status->alerts)
    findings.push_back({doctor::Grade::warn, "pipeline", alerting::key_of(alert),
                        fmt::format("{}: {}", alert.summary, alert.remedy)});
  if (status->alerts.empty())
    findings.push_back({doctor::Grade::ok, "pipeline", "alerts", "it runs, and nothing is wrong with it"});
}

Result<void> run(const Options& options) {
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  const std::unique_ptr<os::Machine> machine = os::make_machine();
  std::vector<doctor::Finding> findings = doctor::examine(*config, *machine);
  findings.push_back(examine_alerts(*config));
  add_pipeline(*config, findings);
  const StandardOutput output = standard_output();
  const Result<void> written = write_standard_output(
      options.format == "json"
          ? doctor::report_json(findings)
          : doctor::draw_report(findings, {.width = output.width, .colour = output.colour}));
  if (!written || !doctor::anything_bad(findings)) return written;
  return fail(ErrorCode::unsupported,
              "this machine is not fit for the live pipeline yet; run the commands above");
}

}  // namespace

void add_doctor_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "doctor", "Tell whether this machine is fit for the live pipeline, and what to mend");
  auto options = std::make_shared<Options>();
  add_config_options(*command, options->config);
  command->add_option("--format", options->format, "How to write it")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
