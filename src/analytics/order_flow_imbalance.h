#pragma once

#include <cstdint>

#include "market/types.h"

namespace tapeline::analytics {

// What one event adds to the order-flow imbalance at one level of the book, in shares:
//
//   e = I{Pb' >= Pb} qb' - I{Pb' <= Pb} qb - I{Pa' <= Pa} qa' + I{Pa' >= Pa} qa
//
// with price P and size q of the level before the event and after it (primed), bid and ask. OFI of a window
// is the sum of e over its events, so it adds up over windows; with bids and asks swapped it changes its
// sign.
//
// Source: R. Cont, A. Kukanov, S. Stoikov, "The Price Impact of Order Book Events", Journal of Financial
// Econometrics 12 (2014), the contribution e_n of their section 2; at further levels: K. Xu, M. Gould,
// S. Howison, "Multi-Level Order-Flow Imbalance in a Limit Order Book", Market Microstructure and Liquidity 4
// (2018).
//
// `LevelRank` orders the prices of either side: larger is better, and 0 is a level that is not there, with
// size 0.
using LevelRank = std::uint32_t;

[[nodiscard]] constexpr LevelRank rank_of(Side side, Price price) {
  return side == Side::bid ? price.ticks : ~price.ticks;
}
[[nodiscard]] constexpr Price price_of_rank(Side side, LevelRank rank) {
  return Price{side == Side::bid ? rank : ~rank};
}

struct RankedLevel {
  LevelRank rank;
  std::uint64_t shares;
};

// The terms of e that belong to one side; the other side's cancel, as an event changes one side.
[[nodiscard]] constexpr std::int64_t order_flow_of(Side side, RankedLevel before, RankedLevel after) {
  const std::uint64_t gained = after.rank >= before.rank ? after.shares : 0;
  const std::uint64_t lost = after.rank <= before.rank ? before.shares : 0;
  const auto flow = static_cast<std::int64_t>(gained - lost);
  return side == Side::bid ? flow : -flow;
}

}  // namespace tapeline::analytics
