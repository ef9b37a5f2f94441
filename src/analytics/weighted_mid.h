#pragma once

#include <cstdint>

#include "base/uint128.h"
#include "market/types.h"

namespace tapeline::analytics {

// The mid weighted by the sizes across: it leans to the side that is about to be consumed. In dollars:
//
//   M = (Pb * qa + Pa * qb) / (qb + qa)
//
// Sizes must not both be 0. Source: S. Stoikov, "The Micro-Price: A High Frequency Estimator of Future
// Prices", Quantitative Finance 18 (2018), his weighted mid-price.
[[nodiscard]] constexpr double weighted_mid(Price bid, std::uint64_t bid_shares, Price ask,
                                            std::uint64_t ask_shares) {
  const Uint128 weighted =
      static_cast<Uint128>(bid.ticks) * ask_shares + static_cast<Uint128>(ask.ticks) * bid_shares;
  return static_cast<double>(weighted) / (static_cast<double>(bid_shares) + static_cast<double>(ask_shares)) /
         Price::per_dollar;
}

}  // namespace tapeline::analytics
