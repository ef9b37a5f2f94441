#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "alerting/alert_sender.h"
#include "alerting/alert_states.h"
#include "alerting/conditions.h"
#include "alerting/targets.h"
#include "base/result.h"
#include "os/clock.h"
#include "status/status.h"

namespace tapeline::alerting {

struct AlerterConfig {
  Limits limits;
  AlertTiming timing;
  DeliveryPolicy delivery;
  std::uint64_t timeout_ms = 5'000;
  std::vector<Target> targets;
};

// Judges one account of the pipeline after the other and tells the targets what has changed. Used by one
// thread, which never waits for a target.
class Alerter {
 public:
  using MakeClient = std::function<std::unique_ptr<http::HttpClient>()>;

  // `clock` must outlive it. `log` is told of targets that cannot be reached, on threads of its own.
  Alerter(const AlerterConfig& config, const MakeClient& make_client, const os::Clock& clock,
          AlertSender::Log log);

  // Goes on where a run before this one stopped, by what memory() was then. Called first.
  Result<void> restore(std::string_view memory) { return states_.restore(memory, clock_.monotonic_ns()); }
  // What restore() takes; it changes when an alert begins or ends.
  [[nodiscard]] std::string memory() const { return states_.save(); }

  // Judges the account and adds to it what fires and how the targets are. What has begun or ended by that.
  std::vector<Notification> judge(status::Status& status);

 private:
  struct Told {
    std::unique_ptr<AlertSender> sender;
    std::uint64_t repeated_ns = 0;
  };

  const Limits limits_;
  const os::Clock& clock_;
  AlertStates states_;
  std::vector<Told> targets_;
};

}  // namespace tapeline::alerting
