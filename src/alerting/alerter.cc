#include "alerting/alerter.h"

#include <fmt/format.h>

namespace tapeline::alerting {

Alerter::Alerter(const AlerterConfig& config, const MakeClient& make_client, const os::Clock& clock,
                 AlertSender::Log log)
    : limits_(config.limits), clock_(clock), states_(config.timing) {
  for (const Target& target : config.targets)
    targets_.push_back({std::make_unique<AlertSender>(target, make_client(), config.delivery,
                                                      config.timeout_ms, clock, log)});
}

std::vector<Notification> Alerter::judge(status::Status& status) {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  const std::vector<Notification> changes =
      states_.update(find_conditions(limits_, status), now_ns, clock_.realtime_ns());
  const std::vector<Notification> firing = states_.firing();
  for (const Notification& notification : firing) status.alerts.push_back(notification.alert);
  for (Told& target : targets_) {
    for (const Notification& change : changes) target.sender->send(change);
    const std::uint64_t repeat_ns = target.sender->target().repeat_ns;
    if (repeat_ns != 0 && now_ns - target.repeated_ns >= repeat_ns) {
      // What still waits is not worth repeating.
      if (target.sender->account().waiting == 0)
        for (const Notification& notification : firing) target.sender->send(notification);
      target.repeated_ns = now_ns;
    }
    const status::AlertTarget account = target.sender->account();
    if (!account.last_error.empty())
      status.warnings.push_back(fmt::format("alerts do not reach {}: {}", account.name, account.last_error));
    status.alert_targets.push_back(account);
  }
  return changes;
}

}  // namespace tapeline::alerting
