#include "os/posix/system_clock.h"

#include <ctime>

namespace tapeline::os {

namespace {

std::uint64_t read_clock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

std::uint64_t SystemClock::realtime_ns() const {
  return read_clock(CLOCK_REALTIME);
}

std::uint64_t SystemClock::monotonic_ns() const {
  return read_clock(CLOCK_MONOTONIC);
}

}  // namespace tapeline::os
