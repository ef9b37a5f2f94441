#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>

#include "alerting/alert_states.h"

namespace tapeline::alerting {

struct DeliveryPolicy {
  std::size_t most_waiting = 1'024;
  std::uint64_t first_wait_ns = 500'000'000;  // Before the second try; doubled from try to try.
  std::uint64_t most_wait_ns = 60'000'000'000;
  std::uint64_t give_up_ns = 3'600'000'000'000;  // What has waited for so long is given up.
};

// What waits to be told to one target, first in, first out: a target that comes back hears in order what it
// missed. Waits between tries are drawn between half and the whole of what is due, so that many pipelines do
// not try at once. Neither clock nor thread.
class DeliveryQueue {
 public:
  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t retries = 0;
    std::uint64_t failed = 0;
    std::uint64_t dropped = 0;
  };

  DeliveryQueue(const DeliveryPolicy& policy, std::uint64_t seed) : policy_(policy), random_(seed) {}

  // When it is full, the oldest goes that a later one of the same alert has made pointless, else the oldest.
  void push(Notification notification, std::uint64_t now_ns);

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  // When the first one is to be tried; UINT64_MAX where none waits.
  [[nodiscard]] std::uint64_t due_ns() const { return waiting_.empty() ? UINT64_MAX : due_ns_; }
  // There must be one.
  [[nodiscard]] const Notification& front() const { return waiting_.front().notification; }

  // What came of trying front(), which stays as it was meanwhile.
  void note_delivered(std::uint64_t now_ns);
  void note_refused(std::string error, std::uint64_t now_ns);  // Trying again would not help.
  // `least_wait_ns`: as the target asked for.
  void note_failed(std::string error, std::uint64_t now_ns, std::uint64_t least_wait_ns = 0);

  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const std::string& last_error() const { return last_error_; }

 private:
  struct Waiting {
    Notification notification;
    std::uint64_t since_ns;
  };
  void make_room();
  void pop(std::uint64_t now_ns);

  DeliveryPolicy policy_;
  std::mt19937_64 random_;
  std::deque<Waiting> waiting_;
  std::uint64_t due_ns_ = 0;
  std::uint64_t wait_ns_ = 0;  // Before the next try of front(); 0: it has not been tried.
  Counters counters_;
  std::string last_error_;
};

}  // namespace tapeline::alerting
