#include "alerting/delivery_queue.h"

#include <algorithm>
#include <utility>

#include "alerting/conditions.h"

namespace tapeline::alerting {

void DeliveryQueue::push(Notification notification, std::uint64_t now_ns) {
  if (waiting_.size() >= policy_.most_waiting) make_room();
  if (waiting_.empty()) {
    due_ns_ = now_ns;
    wait_ns_ = 0;
  }
  waiting_.push_back({std::move(notification), now_ns});
}

// The first one may be on its way and stays.
void DeliveryQueue::make_room() {
  if (waiting_.size() < 2) return;
  ++counters_.dropped;
  for (auto it = waiting_.begin() + 1; it < waiting_.end(); ++it) {
    const std::string key = key_of(it->notification.alert);
    const bool is_superseded = std::any_of(it + 1, waiting_.end(), [&](const Waiting& later) {
      return key_of(later.notification.alert) == key;
    });
    if (!is_superseded) continue;
    waiting_.erase(it);
    return;
  }
  waiting_.erase(waiting_.begin() + 1);
}

void DeliveryQueue::pop(std::uint64_t now_ns) {
  waiting_.pop_front();
  due_ns_ = now_ns;
  wait_ns_ = 0;
}

void DeliveryQueue::note_delivered(std::uint64_t now_ns) {
  ++counters_.sent;
  last_error_.clear();
  pop(now_ns);
}

void DeliveryQueue::note_refused(std::string error, std::uint64_t now_ns) {
  ++counters_.failed;
  last_error_ = std::move(error);
  pop(now_ns);
}

void DeliveryQueue::note_failed(std::string error, std::uint64_t now_ns, std::uint64_t least_wait_ns) {
  if (now_ns - waiting_.front().since_ns >= policy_.give_up_ns) return note_refused(std::move(error), now_ns);
  last_error_ = std::move(error);
  ++counters_.retries;
  wait_ns_ = std::clamp(2 * wait_ns_, policy_.first_wait_ns, policy_.most_wait_ns);
  std::uniform_int_distribution<std::uint64_t> drawn(wait_ns_ / 2, wait_ns_);
  due_ns_ = now_ns + std::max(drawn(random_), std::min(least_wait_ns, policy_.most_wait_ns));
}

}  // namespace tapeline::alerting
