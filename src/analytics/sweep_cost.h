#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "book/book_types.h"

namespace tapeline::analytics {

// The average price of taking `shares` from one side of the book at once, best levels first, in dollars:
//
//   P(Q) = sum(p_i * q_i) / Q,  where the q_i fill Q level by level
//
// and its cost over the mid in basis points: |P(Q) - m| / m * 10^4. NaN where the levels hold less than Q.
//
// Source: sweep-to-fill, as the round-trip cost of P. Irvine, G. Benston, E. Kandel, "Liquidity beyond the
// Inside Spread" (2000), which adds both sides up.
struct SweepCost {
  double price;
  double cost_bps;
};

[[nodiscard]] inline SweepCost sweep_cost(std::uint32_t shares, std::span<const book::LevelView> levels,
                                          double twice_mid) {
  std::uint64_t paid = 0;  // Prices and sizes of 32 bits, so their product fits.
  std::uint64_t left = shares;
  for (const book::LevelView& level : levels) {
    const std::uint64_t taken = left < level.shares ? left : level.shares;
    paid += level.price.ticks * taken;
    left -= taken;
    if (left == 0) break;
  }
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (left != 0) return {none, none};
  const double ticks = static_cast<double>(paid) / static_cast<double>(shares);
  const double over = 2 * ticks - twice_mid;
  return {ticks / Price::per_dollar, (over < 0 ? -over : over) / twice_mid * 10'000};
}

}  // namespace tapeline::analytics
