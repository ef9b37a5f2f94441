#include "analytics/trades.h"

#include <array>

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& trades_schema() {
  static constexpr std::array<std::string_view, 4> kinds{"displayed", "hidden", "cross", "broken"};
  static const std::array columns{
      COLUMN(TradeRow, sequence, u64, "", "Position of the message in the session."),
      COLUMN(TradeRow, time, event_time, "ns", "Exchange time."),
      COLUMN(TradeRow, captured, capture_time, "ns", "When its packet reached us; null for a file."),
      COLUMN(TradeRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(TradeRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(TradeRow, price, price, "dollars", "Price of the print."),
      COLUMN(TradeRow, size, u64, "shares", "Size of the print."),
      COLUMN(TradeRow, aggressor, character, "",
             "Side that took liquidity, B or S: the opposite of the resting order's; null for hidden and "
             "cross."),
      table::Column{"kind", table::ColumnType::label, offsetof(TradeRow, kind), "",
                    "displayed, hidden, cross, or broken (withdraws the trade with this match number).",
                    kinds},
      COLUMN(TradeRow, printable, character, "", "N: excluded from volume, as part of a cross print."),
      COLUMN(TradeRow, cross_type, character, "",
             "Of a cross: O opening, C closing, H halt or IPO, A extended."),
      COLUMN(TradeRow, match, u64, "", "Match number, unique in the day."),
      COLUMN(TradeRow, resting_order, u64, "", "Reference of the resting order; 0 for a cross."),
      COLUMN(TradeRow, bid_price, price, "dollars", "Best bid just before the trade."),
      COLUMN(TradeRow, ask_price, price, "dollars", "Best ask just before the trade."),
      QUALITY_COLUMN(TradeRow),
  };
  static const table::Schema schema{"trades", "Every print of the tape, with its true aggressor.",
                                    sizeof(TradeRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
