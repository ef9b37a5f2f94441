#pragma once

#include <atomic>

#include "os/clock.h"

namespace tapeline::os {

// Time that stands still until it is moved: for tests and the simulation.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::uint64_t realtime_ns = 0, std::uint64_t monotonic_ns = 0)
      : realtime_ns_(realtime_ns), monotonic_ns_(monotonic_ns) {}

  [[nodiscard]] std::uint64_t realtime_ns() const override { return realtime_ns_; }
  [[nodiscard]] std::uint64_t monotonic_ns() const override { return monotonic_ns_; }

  void advance(std::uint64_t by_ns) {
    realtime_ns_ += by_ns;
    monotonic_ns_ += by_ns;
  }
  // Sets the time of day alone, as an administrator or NTP does.
  void step_realtime(std::uint64_t to_ns) { realtime_ns_ = to_ns; }

 private:
  std::atomic<std::uint64_t> realtime_ns_;
  std::atomic<std::uint64_t> monotonic_ns_;
};

}  // namespace tapeline::os
