#include "analytics/trade_bars.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& trade_bars_schema() {
  static constexpr std::array<std::string_view, bar_clock_count> clocks{"tick", "volume", "dollar",
                                                                        "imbalance"};
  static const std::array columns{
      table::Column{"clock", table::ColumnType::label, offsetof(TradeBarRow, clock), "",
                    "What the bar's length is told by.", clocks},
      COLUMN(TradeBarRow, opened, event_time, "ns", "Exchange time of the first trade."),
      COLUMN(TradeBarRow, time, event_time, "ns", "Exchange time of the last trade, which closed the bar."),
      COLUMN(TradeBarRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(TradeBarRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(TradeBarRow, number, u64, "", "Number of the symbol's bar of this clock, from 1."),
      COLUMN(TradeBarRow, open, price, "dollars", "Price of the first trade."),
      COLUMN(TradeBarRow, high, price, "dollars", "Highest price."),
      COLUMN(TradeBarRow, low, price, "dollars", "Lowest price."),
      COLUMN(TradeBarRow, close, price, "dollars", "Price of the last trade."),
      COLUMN(TradeBarRow, vwap, price_f64, "dollars",
             "Volume-weighted average price: sum(price * size) / sum(size)."),
      COLUMN(TradeBarRow, twap, price_f64, "dollars",
             "Time-weighted average price: each stands until the next trade."),
      COLUMN(TradeBarRow, volume, u64, "shares", "Printable trades: displayed, hidden and crosses."),
      COLUMN(TradeBarRow, buy_volume, u64, "shares", "Of it, taken by buyers from displayed orders."),
      COLUMN(TradeBarRow, sell_volume, u64, "shares", "Of it, taken by sellers from displayed orders."),
      COLUMN(TradeBarRow, trades, u32, "", "Number of printable trades."),
      COLUMN(TradeBarRow, sequence, u64, "", "Position in the session of the last trade."),
      QUALITY_COLUMN(TradeBarRow),
  };
  static const table::Schema schema{
      "trade_bars", "Bars of so many trades, shares or dollars, or of so much imbalance, with VWAP and TWAP.",
      sizeof(TradeBarRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
