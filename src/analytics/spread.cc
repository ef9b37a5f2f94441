#include "analytics/spread.h"

#include <array>

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& spread_schema() {
  static const std::array columns{
      COLUMN(SpreadRow, start, event_time, "ns", "Start of the window, included."),
      COLUMN(SpreadRow, end, event_time, "ns", "End of the window, excluded."),
      COLUMN(SpreadRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(SpreadRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(SpreadRow, spread, price_f64, "dollars", "Quoted spread, weighted by time."),
      COLUMN(SpreadRow, relative_spread_bps, f64, "basis points",
             "Quoted spread over the mid, both weighted by time."),
      COLUMN(SpreadRow, mid, price_f64, "dollars", "Mid price, weighted by time."),
      COLUMN(SpreadRow, min_spread, price, "dollars", "Narrowest spread; null if never two-sided."),
      COLUMN(SpreadRow, max_spread, price, "dollars", "Widest spread; null if never two-sided."),
      COLUMN(SpreadRow, two_sided_ns, u64, "ns", "How long both sides were there."),
      COLUMN(SpreadRow, changes, u32, "", "BBO changes in the window."),
      COLUMN(SpreadRow, sequence, u64, "", "Position in the session of the last change."),
      QUALITY_COLUMN(SpreadRow),
  };
  static const table::Schema schema{"spread", "Time-weighted quoted spread per symbol and window.",
                                    sizeof(SpreadRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
