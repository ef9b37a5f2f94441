#include "analytics/depth.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& depth_schema() {
  static const std::array columns{
      COLUMN(DepthRow, time, event_time, "ns", "The moment just before which the book is shown."),
      COLUMN(DepthRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(DepthRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(DepthRow, bid_price, price, "dollars", "Best bid; null if there is none."),
      COLUMN(DepthRow, ask_price, price, "dollars", "Best ask; null if there is none."),
      COLUMN(DepthRow, bid_size, u64, "shares", "Displayed in the best n bid levels."),
      COLUMN(DepthRow, ask_size, u64, "shares", "Displayed in the best n ask levels."),
      COLUMN(DepthRow, bid_orders, u32, "", "Orders in the best n bid levels."),
      COLUMN(DepthRow, ask_orders, u32, "", "Orders in the best n ask levels."),
      COLUMN(DepthRow, bid_levels, u8, "", "How many bid levels there were, at most n."),
      COLUMN(DepthRow, ask_levels, u8, "", "How many ask levels there were, at most n."),
      COLUMN(DepthRow, imbalance, f64, "",
             "(bid_size - ask_size) / (bid_size + ask_size); null if both are 0."),
      COLUMN(DepthRow, sequence, u64, "",
             "Position in the session of the last message that changed the book."),
      QUALITY_COLUMN(DepthRow),
  };
  static const table::Schema schema{"depth",
                                    "Depth of the best n levels at the end of each window with a change.",
                                    sizeof(DepthRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
