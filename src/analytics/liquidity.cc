#include "analytics/liquidity.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& liquidity_schema() {
  using enum table::ColumnType;
  constexpr std::string_view bought =
      "Average price of buying that much from the book at once; null if it holds less.";
  constexpr std::string_view sold =
      "Average price of selling that much into the book at once; null if it holds less.";
  constexpr std::string_view cost = "What that costs over the mid.";
#define SWEEP_COLUMNS(i, n)                                                                                     \
  table::Column{"shares_" n, u32, offsetof(LiquidityRow, shares[i]), "shares", "A size to trade."},           \
      table::Column{"buy_price_" n, price_f64, offsetof(LiquidityRow, sweeps[i].buy_price), "dollars", bought}, \
      table::Column{"buy_bps_" n, f64, offsetof(LiquidityRow, sweeps[i].buy_bps), "basis points", cost},        \
      table::Column{"sell_price_" n, price_f64, offsetof(LiquidityRow, sweeps[i].sell_price), "dollars", sold}, \
      table::Column { "sell_bps_" n, f64, offsetof(LiquidityRow, sweeps[i].sell_bps), "basis points", cost }
  static const std::array columns{
      COLUMN(LiquidityRow, time, event_time, "ns", "The moment just before which the book is shown."),
      COLUMN(LiquidityRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(LiquidityRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(LiquidityRow, mid, price_f64, "dollars",
             "Mid price; null if one-sided, as is then all that needs it."),
      COLUMN(LiquidityRow, bid_slope, f64, "",
             "Elasticity of the bids' depth by the distance from the mid, mean of n levels."),
      COLUMN(LiquidityRow, ask_slope, f64, "", "The same of the asks."),
      COLUMN(LiquidityRow, slope, f64, "", "Mean of both."),
      SWEEP_COLUMNS(0, "1"),
      SWEEP_COLUMNS(1, "2"),
      SWEEP_COLUMNS(2, "3"),
      COLUMN(LiquidityRow, sequence, u64, "",
             "Position in the session of the last message that changed the book."),
      QUALITY_COLUMN(LiquidityRow),
  };
#undef SWEEP_COLUMNS
  static const table::Schema schema{
      "liquidity", "Slope of the book and cost to trade a size, at the end of each window with a change.",
      sizeof(LiquidityRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
