#pragma once

#include <cmath>
#include <cstdint>

#include "base/uint128.h"
#include "market/types.h"

namespace tapeline::analytics {

// Amihud's illiquidity: the mean, over the steps of a window that had trades, of the size of the return over
// the dollars traded, in 1 / million dollars:
//
//   ILLIQ = 10^6 / D * sum over the D steps of |r_i| / dollars_i
//
// Source: Y. Amihud, "Illiquidity and Stock Returns", Journal of Financial Markets 5 (2002), equation 1, with
// steps of the window in place of days. Prices times c make it 1/c times as large, sizes times c likewise.
struct AmihudIlliquidity {
  double sum;
  std::uint32_t steps;

  // `notional` is price units times shares, more than 0.
  void add(double r, Uint128 notional) {
    sum += std::abs(r) / (static_cast<double>(notional) / Price::per_dollar);
    ++steps;
  }
  // NaN where no step had a trade.
  [[nodiscard]] double value() const { return sum / steps * 1e6; }
};

}  // namespace tapeline::analytics
