#include "analytics/bars.h"

#include <array>

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& bars_schema() {
  static const std::array columns{
      COLUMN(BarRow, start, event_time, "ns", "Start of the window, included."),
      COLUMN(BarRow, end, event_time, "ns", "End of the window, excluded."),
      COLUMN(BarRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(BarRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(BarRow, open, price, "dollars", "Price of the first trade."),
      COLUMN(BarRow, high, price, "dollars", "Highest price."),
      COLUMN(BarRow, low, price, "dollars", "Lowest price."),
      COLUMN(BarRow, close, price, "dollars", "Price of the last trade."),
      COLUMN(BarRow, vwap, price_f64, "dollars",
             "Volume-weighted average price: sum(price * size) / sum(size)."),
      COLUMN(BarRow, twap, price_f64, "dollars",
             "Time-weighted average price: each stands until the next trade or the window's end."),
      COLUMN(BarRow, volume, u64, "shares", "Printable trades: displayed, hidden and crosses."),
      COLUMN(BarRow, buy_volume, u64, "shares", "Of it, taken by buyers from displayed orders."),
      COLUMN(BarRow, sell_volume, u64, "shares", "Of it, taken by sellers from displayed orders."),
      COLUMN(BarRow, trades, u32, "", "Number of printable trades."),
      COLUMN(BarRow, sequence, u64, "", "Position in the session of the last trade."),
      QUALITY_COLUMN(BarRow),
  };
  static const table::Schema schema{
      "bars", "Time bars with VWAP, one row per symbol and window with a trade.", sizeof(BarRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
