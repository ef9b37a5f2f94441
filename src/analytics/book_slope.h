#pragma once

#include <array>
#include <cmath>
#include <cstdint>
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
// Financial Markets 9 (2006); the slope of the book is the mean of its sides'. It does not change when all
// prices are scaled. NaN where the side is empty, its best price lies at the mid (a locked book), or the best
// level has one share (v_1 = 0). At most 32 levels.
[[nodiscard]] inline double side_slope(double twice_mid, std::span<const book::LevelView> levels) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  constexpr std::size_t most_levels = 32;
  if (levels.empty() || levels.size() > most_levels || levels[0].shares < 2) return none;
  const double gap = std::abs(2 * static_cast<double>(levels[0].price.ticks) - twice_mid);
  if (gap == 0) return none;
  constexpr std::size_t lanes = 4;  // Done at once; what is behind the last level counts nowhere.
  std::array<double, most_levels + lanes> depths;
  std::array<double, most_levels + lanes> prices;
  std::array<double, most_levels + lanes> terms;
  std::uint64_t shares = 0;
  const std::size_t padded = (levels.size() + lanes - 1) / lanes * lanes;
  for (std::size_t t = 0; t < levels.size(); ++t) {
    shares += levels[t].shares;
    depths[t] = static_cast<double>(static_cast<std::int64_t>(shares));
    prices[t] = levels[t].price.ticks;
  }
  for (std::size_t t = levels.size(); t < padded + lanes; ++t) depths[t] = prices[t] = 1;
  for (std::size_t t = 0; t < padded; t += lanes)
    for (std::size_t lane = t; lane < t + lanes; ++lane) depths[lane] = natural_log_of_count(depths[lane]);
  // (v' / v - 1) / |p' / p - 1| with one division, and without the digits that the differences would lose.
  for (std::size_t t = 0; t < padded; t += lanes)
    for (std::size_t lane = t; lane < t + lanes; ++lane)
      terms[lane] = (depths[lane + 1] - depths[lane]) * prices[lane] /
                    (depths[lane] * std::abs(prices[lane + 1] - prices[lane]));
  double sum = depths[0] * twice_mid / gap;
  for (std::size_t t = 1; t < levels.size(); ++t) sum += terms[t - 1];
  return sum / static_cast<double>(levels.size());
}

}  // namespace tapeline::analytics
