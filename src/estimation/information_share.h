#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"

namespace tapeline::estimation {

// Where the price is found: each series' share in the variance of the price that all have in common, from 0
// to 1. The shares depend on which series contemporaneous news is given to, so each has a lower and an upper
// bound, the least and the most over all orderings.
struct InformationShares {
  std::vector<double> lower;
  std::vector<double> upper;
  std::size_t observations = 0;  // Rows of the regression.
};

inline constexpr std::size_t most_series = 5;

// Hasbrouck's information shares of 2 to 5 series of log prices of the same thing, sampled at one clock; NaN
// where a price is not known, and what needs it is left out. They are held to share one trend, each differing
// from the first by a stationary error around a constant. Fitted by least squares is the error-correction
// model
//
//   dp_t = alpha (z_(t-1) - mean z) + Gamma_1 dp_(t-1) + … + Gamma_L dp_(t-L) + e_t,  z_i = p_1 - p_(i+1)
//
// with Omega the mean of e e'. The long-run impact of e on every price is psi, proportional to the vector
// that alpha is orthogonal to, and with M the lower Cholesky factor of Omega in an ordering
//
//   share_j = ([psi M]_j)^2 / (psi Omega psi')
//
// Shares do not change when a series is scaled or all are. Fails (not_found) where there are too few
// observations, (unsupported) where they do not determine the model: a series that never moves, or two that
// are the same.
//
// Source: J. Hasbrouck, "One Security, Many Markets: Determining the Contributions to Price Discovery",
// Journal of Finance 50 (1995); psi by the Granger representation as in R. Baillie et al., "Price Discovery
// and Common Factor Models", Journal of Financial Markets 5 (2002).
[[nodiscard]] Result<InformationShares> information_shares(
    std::span<const std::span<const double>> log_prices, std::size_t lags);

}  // namespace tapeline::estimation
