#pragma once

#include <cstdint>

namespace tapeline::analytics {

// Queue imbalance of the best prices, from -1 (all ask) to 1 (all bid), without unit:
//
//   I = (qb - qa) / (qb + qa)
//
// of the displayed sizes. It does not change when both sizes are scaled, and changes its sign when the sides
// are swapped. Sizes must not both be 0.
//
// Source: M. Gould, J. Bonart, "Queue Imbalance as a One-Tick-Ahead Price Predictor in a Limit Order Book",
// Market Microstructure and Liquidity 2 (2016), their I.
[[nodiscard]] constexpr double queue_imbalance(std::uint64_t bid_shares, std::uint64_t ask_shares) {
  return (static_cast<double>(bid_shares) - static_cast<double>(ask_shares)) /
         (static_cast<double>(bid_shares) + static_cast<double>(ask_shares));
}

}  // namespace tapeline::analytics
