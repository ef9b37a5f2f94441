#include "alerting/settings.h"

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

namespace tapeline::alerting {

namespace {

constexpr std::size_t longest_secret = 4'096;

// Without the line feed that an editor leaves. Nothing where none is set.
Result<std::string> secret_of(const Secrets& secrets, const std::string& variable, const std::string& path,
                              std::string_view name) {
  std::string secret;
  if (!path.empty()) {
    Result<std::string> text = secrets.file(path);
    if (!text) return fail(ErrorCode::usage, fmt::format("alerts.{}_file: {}", name, text.error().message));
    secret = std::move(*text);
  } else if (!variable.empty()) {
    secret = secrets.environment(variable).value_or("");
  }
  while (secret.ends_with('\n') || secret.ends_with('\r') || secret.ends_with(' ')) secret.pop_back();
  for (const char c : secret)
    if (c <= ' ' || c > '~')
      return fail(ErrorCode::usage,
                  fmt::format("the secret of alerts.{} holds a character that none may hold", name));
  return secret;
}

Result<std::string> pagerduty_key(const config::Alerts& alerts, const Secrets& secrets) {
  Result<std::string> key =
      secret_of(secrets, alerts.pagerduty_key_env, alerts.pagerduty_key_file, "pagerduty_key");
  if (key && key->empty())
    return fail(
        ErrorCode::usage,
        fmt::format("alerts.pagerduty is on, but there is no routing key: set the environment variable "
                    "{}, or alerts.pagerduty_key_file",
                    alerts.pagerduty_key_env));
  return key;
}

Result<void> add_targets(const config::Config& config, const Secrets& secrets, const Origin& origin,
                         std::vector<Target>& targets) {
  const config::Alerts& alerts = config.alerts;
  const auto add = [&targets](Result<Target> target) -> Result<void> {
    if (!target) return std::unexpected(target.error());
    targets.push_back(std::move(*target));
    return {};
  };
  if (!alerts.alertmanager_url.empty()) {
    const std::uint64_t repeat_ns = alerts.alertmanager_repeat_s * 1'000'000'000;
    if (Result<void> done = add(alertmanager_target(alerts.alertmanager_url, origin, repeat_ns)); !done)
      return done;
  }
  if (!alerts.webhook_url.empty()) {
    const Result<std::string> token =
        secret_of(secrets, alerts.webhook_token_env, alerts.webhook_token_file, "webhook_token");
    if (!token) return std::unexpected(token.error());
    if (Result<void> done = add(webhook_target(alerts.webhook_url, origin, *token)); !done) return done;
  }
  if (alerts.pagerduty) {
    const Result<std::string> key = pagerduty_key(alerts, secrets);
    if (!key) return std::unexpected(key.error());
    if (Result<void> done = add(pagerduty_target(alerts.pagerduty_url, origin, *key)); !done) return done;
  }
  return {};
}

bool is_on_this_machine(const config::Feed& feed) {
  if (feed.protocol == config::Protocol::itch50_soupbintcp) return feed.tcp_server.host.starts_with("127.");
  return feed.interface == "lo";
}

}  // namespace

Secrets secrets_of_this_process() {
  return {[](const std::string& name) -> std::optional<std::string> {
            const char* const value = std::getenv(name.c_str());
            if (value == nullptr) return std::nullopt;
            return std::string(value);
          },
          [](const std::string& path) -> Result<std::string> {
            std::ifstream file(path, std::ios::binary);
            std::string text(longest_secret + 1, '\0');
            if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
            if (!file.is_open() || file.bad()) return fail(ErrorCode::io, "cannot read " + path);
            text.resize(static_cast<std::size_t>(file.gcount()));
            if (text.size() > longest_secret)
              return fail(ErrorCode::usage, path + " is too long for a secret");
            return text;
          }};
}

Result<AlerterConfig> alerter_config(const config::Config& config, const Secrets& secrets,
                                     const std::string& host, const std::string& version) {
  const config::Alerts& alerts = config.alerts;
  if (alerts.session_open_minutes >= alerts.session_close_minutes)
    return fail(ErrorCode::usage, "alerts.session_open_minutes is not before alerts.session_close_minutes");
  AlerterConfig made;
  made.limits.stale_ns = config::nanoseconds(alerts.stale_ms);
  made.limits.open_minute = alerts.session_open_minutes;
  made.limits.close_minute = alerts.session_close_minutes;
  made.limits.skew_ratio = alerts.skew_ratio;
  made.limits.skew_messages = alerts.skew_messages;
  made.limits.back_pressure = alerts.back_pressure;
  made.limits.clock_error_ns = alerts.clock_error_us * 1'000;
  made.limits.clock_matters = !is_on_this_machine(config.feed);
  made.timing = {alerts.hold_ms * 1'000'000, alerts.resolve_ms * 1'000'000};
  made.delivery.give_up_ns = alerts.give_up_s * 1'000'000'000;
  made.timeout_ms = alerts.timeout_ms;
  const Origin origin{alerts.source.empty() ? host : alerts.source, config.feed.venue, version};
  if (Result<void> done = add_targets(config, secrets, origin, made.targets); !done)
    return std::unexpected(done.error());
  return made;
}

}  // namespace tapeline::alerting
