#include "alerting/targets.h"

#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "alerting/conditions.h"

namespace tapeline::alerting {

namespace {

using nlohmann::json;

std::string text_of(const json& document) {
  return document.dump(-1, ' ', true, json::error_handler_t::replace);
}

// The same from firing to resolved, and of no other pipeline.
std::string dedup_key(const Origin& origin, const status::Alert& alert) {
  constexpr std::size_t longest = 255;  // What PagerDuty takes.
  return fmt::format("tapeline/{}/{}", origin.source, key_of(alert)).substr(0, longest);
}

Result<http::Url> url_of(const std::string& text, std::string_view setting) {
  Result<http::Url> url = http::parse_url(text);
  if (!url) return fail(url.error().code, fmt::format("{}: {}", setting, url.error().message));
  return url;
}

json alertmanager_alert(const Notification& notification, const Origin& origin, std::uint64_t repeat_ns) {
  const status::Alert& alert = notification.alert;
  json labels = {{"alertname", "Tapeline" + alert.name},
                 {"job", "tapeline"},
                 {"instance", origin.source},
                 {"venue", origin.venue},
                 {"severity", alert.severity}};
  if (!alert.partition.empty()) labels["partition"] = alert.partition;
  return {{"labels", std::move(labels)},
          {"annotations", {{"summary", alert.summary}, {"description", alert.remedy}}},
          {"startsAt", utc_text(notification.started_ns)},
          {"endsAt",
           utc_text(notification.resolved ? notification.ended_ns : notification.told_ns + 4 * repeat_ns)}};
}

json webhook_document(const Notification& notification, const Origin& origin) {
  const status::Alert& alert = notification.alert;
  json document = {{"format", 1},
                   {"status", notification.resolved ? "resolved" : "firing"},
                   {"key", dedup_key(origin, alert)},
                   {"name", alert.name},
                   {"severity", alert.severity},
                   {"summary", alert.summary},
                   {"remedy", alert.remedy},
                   {"source", origin.source},
                   {"venue", origin.venue},
                   {"started_at", utc_text(notification.started_ns)},
                   {"ended_at", nullptr},
                   {"partition", nullptr}};
  if (notification.resolved) document["ended_at"] = utc_text(notification.ended_ns);
  if (!alert.partition.empty()) document["partition"] = alert.partition;
  return document;
}

json pagerduty_event(const Notification& notification, const Origin& origin, const std::string& routing_key) {
  const status::Alert& alert = notification.alert;
  json event = {{"routing_key", routing_key},
                {"event_action", notification.resolved ? "resolve" : "trigger"},
                {"dedup_key", dedup_key(origin, alert)}};
  if (notification.resolved) return event;
  constexpr std::size_t longest_summary = 1'024;
  json details = {{"remedy", alert.remedy}, {"version", origin.version}};
  if (!alert.partition.empty()) details["partition"] = alert.partition;
  event["client"] = "Tapeline";
  event["payload"] = {{"summary", alert.summary.substr(0, longest_summary)},
                      {"source", origin.source},
                      {"severity", alert.severity},
                      {"timestamp", utc_text(notification.started_ns)},
                      {"component", "tapeline"},
                      {"group", origin.venue},
                      {"class", alert.name},
                      {"custom_details", std::move(details)}};
  return event;
}

}  // namespace

std::string utc_text(std::uint64_t realtime_ns) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(static_cast<std::time_t>(realtime_ns / 1'000'000'000)),
                     realtime_ns / 1'000'000 % 1'000);
}

Result<Target> alertmanager_target(const std::string& url, const Origin& origin, std::uint64_t repeat_ns) {
  Result<http::Url> at = url_of(url, "alerts.alertmanager_url");
  if (!at) return std::unexpected(at.error());
  while (at->target.ends_with('/')) at->target.pop_back();
  at->target += "/api/v2/alerts";
  return Target{
      .name = "alertmanager",
      .write =
          [at = *at, origin, repeat_ns](const Notification& notification) {
            return http::Post{
                .url = at,
                .body = text_of(json::array({alertmanager_alert(notification, origin, repeat_ns)}))};
          },
      .repeat_ns = repeat_ns};
}

Result<Target> webhook_target(const std::string& url, const Origin& origin, const std::string& token) {
  const Result<http::Url> at = url_of(url, "alerts.webhook_url");
  if (!at) return std::unexpected(at.error());
  return Target{.name = "webhook", .write = [at = *at, origin, token](const Notification& notification) {
                  http::Post post{.url = at, .body = text_of(webhook_document(notification, origin))};
                  if (!token.empty()) post.headers = {{"Authorization", "Bearer " + token}};
                  return post;
                }};
}

Result<Target> pagerduty_target(const std::string& url, const Origin& origin,
                                const std::string& routing_key) {
  const Result<http::Url> at = url_of(url, "alerts.pagerduty_url");
  if (!at) return std::unexpected(at.error());
  return Target{.name = "pagerduty", .write = [at = *at, origin, routing_key](const Notification& told) {
                  return http::Post{.url = at, .body = text_of(pagerduty_event(told, origin, routing_key))};
                }};
}

}  // namespace tapeline::alerting
