#pragma once

#include <algorithm>
#include <cstdint>

#include "base/uint128.h"
#include "market/types.h"

namespace tapeline::analytics {

// Kyle's lambda: how much the mid moves for each share of net buying, the slope of the regression
//
//   dm_i = alpha + lambda * q_i + error
//
// over steps i of equal length, where dm is the change of the mid and q the shares bought less those sold by
// aggressors:  lambda = (n sum(q dm) - sum(q) sum(dm)) / (n sum(q^2) - sum(q)^2), in dollars a share, and
// R^2 is the share of the variance of dm that it explains. Sums are integers. Lambda stays the same when
// prices are mirrored and sides swapped; prices times c make it c times as large, sizes times c 1/c.
//
// Source: A. Kyle, "Continuous Auctions and Insider Trading", Econometrica 53 (1985); estimated by regression
// as in J. Hasbrouck, "Trading Costs and Returns for U.S. Equities", Journal of Finance 64 (2009), with mids
// and the true aggressor in place of prices and guessed signs.
struct KyleRegression {
  // Beyond this a step's flow is cut: no market trades a trillion shares at once, and sums must fit.
  static constexpr std::int64_t most_flow = std::int64_t{1} << 40;

  Int128 flow_squares;
  Int128 products;
  Int128 move_squares;
  std::int64_t flows;
  std::int64_t moves;
  std::uint32_t steps;

  // `move` is the change of twice the mid, in price units.
  void add(std::int64_t move, std::int64_t flow) {
    const std::int64_t q = std::clamp(flow, -most_flow, most_flow);
    flow_squares += static_cast<Int128>(q) * q;
    products += static_cast<Int128>(q) * move;
    move_squares += static_cast<Int128>(move) * move;
    flows += q;
    moves += move;
    ++steps;
  }
  // So many steps without a move or a trade.
  void add_quiet(std::uint32_t count) { steps += count; }

  // NaN where no step's flow differs from the others'.
  [[nodiscard]] double lambda() const {
    return static_cast<double>(covariation()) / static_cast<double>(flow_variation()) / 2 / Price::per_dollar;
  }
  [[nodiscard]] double r_squared() const {
    const auto both = static_cast<double>(covariation());
    const Int128 move_variation = move_squares * steps - static_cast<Int128>(moves) * moves;
    return both / static_cast<double>(flow_variation()) * (both / static_cast<double>(move_variation));
  }

 private:
  [[nodiscard]] Int128 covariation() const { return products * steps - static_cast<Int128>(flows) * moves; }
  [[nodiscard]] Int128 flow_variation() const {
    return flow_squares * steps - static_cast<Int128>(flows) * flows;
  }
};

}  // namespace tapeline::analytics
