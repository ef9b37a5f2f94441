#pragma once

#include <cstdint>
#include <vector>

#include "simulator/intraday_profile.h"
#include "simulator/market.h"

namespace tapeline::simulator {

inline constexpr std::uint64_t never = ~std::uint64_t{0};

enum class CrossType : char { open = 'O', close = 'C', halt = 'H' };

// An indication of how the coming cross of this symbol would go; `progress` runs from 0 to 1 at the cross.
void send_imbalance(Market& market, std::uint32_t index, CrossType type, double progress);

// Crosses the symbol: displayed orders at the front of one side's queue are executed out of volume at the
// cross price (C, not printable) if messages are available, and the cross prints the whole (Q, one reserved
// message).
void cross(Market& market, std::uint32_t index, CrossType type);

// The indications before the open or the close: rounds over the busiest symbols, faster towards the end.
class ImbalanceRounds {
 public:
  ImbalanceRounds(const Market& market, CrossType type, std::uint64_t cross_time);

  [[nodiscard]] std::uint64_t next_time() const { return next_time_; }
  void fire(Market& market);

 private:
  static constexpr std::uint32_t slow_rounds = 20;  // Every ten seconds until 100 seconds before the cross…
  static constexpr std::uint32_t fast_rounds = 40;  // …then every two and a half.

  [[nodiscard]] std::uint64_t round_start(std::uint32_t round) const;

  CrossType type_;
  std::uint64_t cross_time_;
  std::uint64_t spacing_ns_;
  std::uint32_t symbols_;
  std::uint32_t round_ = 0;
  std::uint32_t position_ = 0;
  std::uint64_t next_time_;
};

// Crosses every symbol once, in an order of its own, within a second or two.
class CrossSweep {
 public:
  CrossSweep(Market& market, CrossType type, std::uint64_t cross_time);

  [[nodiscard]] std::uint64_t next_time() const { return next_time_; }
  void fire(Market& market);

 private:
  CrossType type_;
  std::vector<std::uint32_t> order_;
  std::size_t position_ = 0;
  std::uint64_t spacing_ns_;
  std::uint64_t next_time_;
};

}  // namespace tapeline::simulator
