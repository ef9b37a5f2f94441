#pragma once

#include <cstdint>

#include "market/types.h"

namespace tapeline::exchange {

enum class PacingMode : std::uint8_t {
  rate,        // So many messages a second, whatever their times.
  event_time,  // As the messages' times are apart, faster or slower by a factor.
  unpaced,     // As fast as it goes.
};

struct Pacing {
  PacingMode mode = PacingMode::rate;
  double messages_per_second = 10'000;
  double speed = 1;  // Of event_time: 2 plays an hour in half an hour.

  // Bursts as at an open, of the mode rate: each period begins with a time at a multiple of the rate, on top
  // of it. A factor of 1 makes none.
  double burst_factor = 1;
  std::uint64_t burst_length_ns = 100'000'000;
  std::uint64_t burst_period_ns = 1'000'000'000;
};

// When each message is due, by an absolute schedule: what is late once does not make the rest late, and
// rounding does not add up. Times are of one monotonic clock.
class Pacer {
 public:
  Pacer(const Pacing& pacing, std::uint64_t start_ns) : pacing_(pacing), start_ns_(start_ns) {}

  // Of the mode rate: when message number `index`, from 0, is due.
  [[nodiscard]] std::uint64_t due_ns(std::uint64_t index) const;
  // Of the mode event_time: when a message of this time is due. The first one asked for is due at the start,
  // and none before those asked for earlier.
  [[nodiscard]] std::uint64_t due_ns(EventTime time);

  // Moves all that is still to come: after the machine has slept, the backlog is not made up for at once.
  void postpone(std::uint64_t by_ns) { start_ns_ += by_ns; }

 private:
  [[nodiscard]] double per_ns() const { return pacing_.messages_per_second / 1e9; }
  [[nodiscard]] bool bursts() const { return pacing_.burst_factor != 1 && pacing_.burst_length_ns > 0; }
  [[nodiscard]] double burst_messages() const {
    return per_ns() * pacing_.burst_factor * static_cast<double>(pacing_.burst_length_ns);
  }
  [[nodiscard]] double period_messages() const {
    return burst_messages() +
           per_ns() * static_cast<double>(pacing_.burst_period_ns - pacing_.burst_length_ns);
  }

  Pacing pacing_;
  std::uint64_t start_ns_;
  bool first_known_ = false;
  std::uint64_t first_time_ns_ = 0;
  std::uint64_t last_time_ns_ = 0;
};

}  // namespace tapeline::exchange
