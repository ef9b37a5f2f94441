#pragma once

#include <cstdint>
#include <vector>

#include "market/types.h"

namespace tapeline::simulator {

// A time of day in nanoseconds since midnight.
[[nodiscard]] constexpr std::uint64_t clock_time(std::uint64_t hour, std::uint64_t minute = 0,
                                                 std::uint64_t second = 0) {
  return ((hour * 60 + minute) * 60 + second) * nanoseconds_per_second;
}

inline constexpr std::uint64_t session_start = clock_time(4);
inline constexpr std::uint64_t market_open = clock_time(9, 30);
inline constexpr std::uint64_t market_close = clock_time(16);
inline constexpr std::uint64_t session_end = clock_time(20);

// How the day's messages spread over the session: quiet before and after the market, a U between the open and
// the close, a burst at either and a bump at 10:00 when figures come out. Constant within slots of ten
// seconds.
class IntradayProfile {
 public:
  static constexpr std::uint64_t slot_ns = 10 * nanoseconds_per_second;

  IntradayProfile();

  [[nodiscard]] std::size_t slots() const { return weights_.size(); }
  [[nodiscard]] static std::uint64_t slot_end(std::size_t slot) {
    return session_start + (slot + 1) * slot_ns;
  }

  // Messages per nanosecond at `now`, which lies in `slot`, if `messages` are to follow until the session
  // ends.
  [[nodiscard]] double rate(std::size_t slot, double now, double messages) const {
    const double left_in_slot = (static_cast<double>(slot_end(slot)) - now) / static_cast<double>(slot_ns);
    const double mass = after_[slot] + weights_[slot] * left_in_slot;
    return mass <= 0 ? 0 : messages * weights_[slot] / (mass * static_cast<double>(slot_ns));
  }

 private:
  std::vector<double> weights_;
  std::vector<double> after_;  // The weight of all later slots.
};

}  // namespace tapeline::simulator
