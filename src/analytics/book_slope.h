#pragma once

#include <cmath>
#include <limits>
#include <span>

#include "analytics/natural_log.h"
#include "book/book_types.h"

namespace tapeline::analytics {

// Slope of one side of a book: how fast depth grows with the distance from the mid, as an elasticity without
// unit. With mid p0, prices p_1 … p_N from the best outwards and v_t the natural logarithm of the shares at
// p_1 … p_t together:
//
//   slope = 1/N * ( v_1 / |p_1/p_0 - 1|  +  sum over t < N of (v_(t+1)/v_t - 1) / |p_(t+1)/p_t - 1| )
//
// Source: R. Naes, J. Skjeltorp, "Order Book Characteristics and the Volume-Volatility Relation", Journal of
// Financial Markets 9 (2006); the slope of the book is the mean of its sides'. It does not change when all prices are scaled. NaN where the side is empty, its best price lies at the
// mid (a locked book), or the best level has one share (v_1 = 0).
[[nodiscard]] inline double side_slope(double twice_mid, std::span<const book::LevelView> levels) {
  if (levels.empty() || levels[0].shares < 2) return std::numeric_limits<double>::quiet_NaN();
  const double gap = std::abs(2 * static_cast<double>(levels[0].price.ticks) / twice_mid - 1);
  if (gap == 0) return std::numeric_limits<double>::quiet_NaN();
  std::uint64_t shares = levels[0].shares;
  double depth = natural_log(static_cast<double>(shares));
  double sum = depth / gap;
  for (std::size_t t = 1; t < levels.size(); ++t) {
    shares += levels[t].shares;
    const double deeper = natural_log(static_cast<double>(shares));
    const double step = std::abs(static_cast<double>(levels[t].price.ticks) /
                                     static_cast<double>(levels[t - 1].price.ticks) -
                                 1);
    sum += (deeper / depth - 1) / step;
    depth = deeper;
  }
  return sum / static_cast<double>(levels.size());
}

}  // namespace tapeline::analytics
