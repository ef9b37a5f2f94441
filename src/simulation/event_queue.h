#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/check.h"

namespace tapeline::simulation {

// Time, and what is going to happen. What is due at the same time happens in the order in which it was
// planned, so a run depends on nothing but its seed.
class EventQueue {
 public:
  using Action = std::function<void()>;

  [[nodiscard]] std::uint64_t now_ns() const { return now_ns_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }  // Of what has happened.

  // What is planned for the past happens now.
  void at(std::uint64_t time_ns, Action action) {
    events_.push_back({std::max(time_ns, now_ns_), next_number_++, std::move(action)});
    std::push_heap(events_.begin(), events_.end(), later);
  }
  void after(std::uint64_t delay_ns, Action action) { at(now_ns_ + delay_ns, std::move(action)); }

  // Moves the time on to the next event and lets it happen; false where there is none.
  bool step() {
    if (events_.empty()) return false;
    std::pop_heap(events_.begin(), events_.end(), later);
    Event event = std::move(events_.back());
    events_.pop_back();
    CHECK(event.time_ns >= now_ns_);
    now_ns_ = event.time_ns;
    ++count_;
    event.action();
    return true;
  }

 private:
  struct Event {
    std::uint64_t time_ns;
    std::uint64_t number;
    Action action;
  };
  static bool later(const Event& a, const Event& b) {
    return a.time_ns != b.time_ns ? a.time_ns > b.time_ns : a.number > b.number;
  }

  std::uint64_t now_ns_ = 0;
  std::uint64_t next_number_ = 0;
  std::uint64_t count_ = 0;
  std::vector<Event> events_;  // A heap, the next one at the front.
};

}  // namespace tapeline::simulation
