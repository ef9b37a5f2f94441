#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "analytics/best_levels.h"
#include "analytics/order_flow_imbalance.h"
#include "market/types.h"

namespace tapeline::analytics {

// The order-flow imbalance of the best five levels, summed up (order_flow_imbalance.h). A change of a level's
// size is one addition; only where a level comes or goes are the levels compared.
struct LevelFlow {
  static constexpr std::size_t levels = 5;
  std::array<std::int64_t, levels> sums;

  // A level that stays has another size; beyond the fifth it counts nowhere.
  void resize(Side side, std::size_t level, std::int64_t delta) {
    sums[level] += side == Side::bid ? delta : -delta;
  }
  // Whether the best levels of a side differ.
  [[nodiscard]] static bool differ(const RankedSide& old, const RankedSide& now) {
    return std::memcmp(&old.ranks, &now.ranks, sizeof(LevelRank) * levels) != 0 ||
           std::memcmp(&old.shares, &now.shares, sizeof(std::uint64_t) * levels) != 0;
  }
  void move(Side side, const RankedSide& old, const RankedSide& now) {
    for (std::size_t m = 0; m < levels; ++m)
      sums[m] += order_flow_of(side, {old.ranks[m], old.shares[m]}, {now.ranks[m], now.shares[m]});
  }
};

}  // namespace tapeline::analytics
