#pragma once

#include <cstdint>

namespace tapeline::os {

// The time, as a port: a simulation injects its own. Safe to read from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // Nanoseconds since the Unix epoch. May step when the system's clock is set: for timestamps, never for
  // intervals.
  [[nodiscard]] virtual std::uint64_t realtime_ns() const = 0;
  // Nanoseconds since some fixed point; never goes back. For intervals and timeouts.
  [[nodiscard]] virtual std::uint64_t monotonic_ns() const = 0;
};

}  // namespace tapeline::os
