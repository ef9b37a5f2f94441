#include "analytics/costs.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& costs_schema() {
  static const std::array columns{
      COLUMN(CostRow, sequence, u64, "", "Position of the execution in the session."),
      COLUMN(CostRow, time, event_time, "ns", "Exchange time of the execution."),
      COLUMN(CostRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(CostRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(CostRow, aggressor, character, "", "Side that took liquidity, B or S."),
      COLUMN(CostRow, price, price, "dollars", "Price of the execution."),
      COLUMN(CostRow, size, u64, "shares", "Size of the execution."),
      COLUMN(CostRow, mid, price_f64, "dollars",
             "Mid before the first execution of this aggressor at this nanosecond; null if one-sided."),
      COLUMN(CostRow, later_mid, price_f64, "dollars", "Mid one horizon later; null if one-sided then."),
      COLUMN(CostRow, quoted_spread, price_f64, "dollars", "Best ask less best bid, where `mid` was taken."),
      COLUMN(CostRow, effective_spread, price_f64, "dollars",
             "2 D (price - mid); D is 1 for a buyer, -1 for a seller."),
      COLUMN(CostRow, realised_spread, price_f64, "dollars", "2 D (price - later_mid)."),
      COLUMN(CostRow, price_impact, price_f64, "dollars", "2 D (later_mid - mid) = effective less realised."),
      COLUMN(CostRow, effective_bps, f64, "basis points", "effective_spread over mid."),
      COLUMN(CostRow, realised_bps, f64, "basis points", "realised_spread over mid."),
      COLUMN(CostRow, impact_bps, f64, "basis points", "price_impact over mid."),
      QUALITY_COLUMN(CostRow),
  };
  static const table::Schema schema{
      "costs", "Effective and realised spread and price impact of each displayed execution.", sizeof(CostRow),
      columns};
  return schema;
}

}  // namespace tapeline::analytics
