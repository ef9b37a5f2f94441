#include "analytics/bursts.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& bursts_schema() {
  static const std::array columns{
      COLUMN(BurstRow, start, event_time, "ns", "Exchange time of the first trade."),
      COLUMN(BurstRow, end, event_time, "ns", "Exchange time of the last trade, included."),
      COLUMN(BurstRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(BurstRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(BurstRow, trades, u32, "", "Number of printable trades."),
      COLUMN(BurstRow, volume, u64, "shares", "Of them: displayed, hidden and crosses."),
      COLUMN(BurstRow, buy_volume, u64, "shares", "Taken by buyers from displayed orders."),
      COLUMN(BurstRow, sell_volume, u64, "shares", "Taken by sellers from displayed orders."),
      COLUMN(BurstRow, imbalance, f64, "",
             "(buy_volume - sell_volume) / (buy_volume + sell_volume); null if both are 0."),
      COLUMN(BurstRow, vwap, price_f64, "dollars", "sum(price * size) / sum(size)."),
      COLUMN(BurstRow, first_price, price, "dollars", "Price of the first trade."),
      COLUMN(BurstRow, last_price, price, "dollars", "Price of the last trade."),
      COLUMN(BurstRow, sequence, u64, "", "Position in the session of the last trade."),
      QUALITY_COLUMN(BurstRow),
  };
  static const table::Schema schema{"bursts", "Bursts of trades, each within a gap of the one before.",
                                    sizeof(BurstRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
