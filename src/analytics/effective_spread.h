#pragma once

#include <cstdint>

#include "market/types.h"

namespace tapeline::analytics {

// What a trade cost its aggressor, and who kept it, in price units (1/10,000 dollar). With D = 1 for a buyer
// and -1 for a seller, p the price, m the mid before the trade and m' the mid a horizon tau after it:
//
//   effective = 2 D (p - m),   realised = 2 D (p - m'),   impact = 2 D (m' - m),
//
// so effective = realised + impact, exactly. Mids are told twice, which keeps them whole. All three stay the
// same when prices are mirrored and sides swapped.
//
// Source: R. Huang, H. Stoll, "Dealer versus Auction Markets", Journal of Financial Economics 41 (1996);
// SEC Rule 605 of Regulation NMS has the same measures. Here with the true aggressor in place of a guessed
// one.
struct TradeCosts {
  std::int64_t effective;
  std::int64_t realised;
  std::int64_t impact;
};

[[nodiscard]] constexpr TradeCosts trade_costs(bool buyer, Price price, std::uint64_t twice_mid,
                                               std::uint64_t twice_mid_later) {
  const std::int64_t direction = buyer ? 1 : -1;
  const std::int64_t twice_price = 2 * std::int64_t{price.ticks};
  const auto before = static_cast<std::int64_t>(twice_mid);
  const auto later = static_cast<std::int64_t>(twice_mid_later);
  return {direction * (twice_price - before), direction * (twice_price - later),
          direction * (later - before)};
}

}  // namespace tapeline::analytics
