#include "analytics/bbo_changes.h"

#include <array>

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& bbo_schema() {
  static const std::array columns{
      COLUMN(BboRow, sequence, u64, "", "Position in the session of the message that changed the BBO."),
      COLUMN(BboRow, time, event_time, "ns", "Exchange time of that message."),
      COLUMN(BboRow, captured, capture_time, "ns", "When its packet reached us; null for a file."),
      COLUMN(BboRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(BboRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(BboRow, bid_price, price, "dollars", "Best bid; null if there is none."),
      COLUMN(BboRow, bid_size, u64, "shares", "Displayed at the best bid; 0 if there is none."),
      COLUMN(BboRow, ask_price, price, "dollars", "Best ask; null if there is none."),
      COLUMN(BboRow, ask_size, u64, "shares", "Displayed at the best ask; 0 if there is none."),
      QUALITY_COLUMN(BboRow),
  };
  static const table::Schema schema{"bbo", "Best bid and offer after each message that changed it.",
                                    sizeof(BboRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
