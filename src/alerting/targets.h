#pragma once

#include <functional>
#include <string>

#include "alerting/alert_states.h"
#include "base/result.h"
#include "http/http_client.h"

namespace tapeline::alerting {

// Who tells.
struct Origin {
  std::string source;   // The pipeline's name.
  std::string venue;    // The exchange's market identifier code.
  std::string version;  // Of the program.
};

// Somebody to tell: its protocol is how a notification becomes a request. docs/formats/alerts.md has an
// example of each.
struct Target {
  std::string name;  // "pagerduty"
  std::function<http::Post(const Notification&)> write{};
  // It forgets what it is not told again, so often.
  std::uint64_t repeat_ns = 0;
};

// POST /api/v2/alerts of Prometheus' Alertmanager, which `url` is the address of. An alert that is not
// repeated ends by itself after four times `repeat_ns`.
[[nodiscard]] Result<Target> alertmanager_target(const std::string& url, const Origin& origin,
                                                 std::uint64_t repeat_ns);
// A JSON document of ours, with a bearer token where there is one.
[[nodiscard]] Result<Target> webhook_target(const std::string& url, const Origin& origin,
                                            const std::string& token);
// PagerDuty's Events API v2: trigger and resolve by the same dedup_key.
[[nodiscard]] Result<Target> pagerduty_target(const std::string& url, const Origin& origin,
                                              const std::string& routing_key);

// "2026-03-02T14:30:00.123Z"
[[nodiscard]] std::string utc_text(std::uint64_t realtime_ns);

}  // namespace tapeline::alerting
