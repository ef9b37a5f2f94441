#include "analytics/activity.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& activity_schema() {
  static const std::array columns{
      COLUMN(ActivityRow, start, event_time, "ns", "Start of the window, included."),
      COLUMN(ActivityRow, end, event_time, "ns", "End of the window, excluded."),
      COLUMN(ActivityRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(ActivityRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(ActivityRow, added, u32, "", "Displayed orders that joined a queue, replacements included."),
      COLUMN(ActivityRow, cancelled, u32, "", "Orders withdrawn, all that was left of them."),
      COLUMN(ActivityRow, reduced, u32, "", "Messages that withdrew a part of an order."),
      COLUMN(ActivityRow, replaced, u32, "", "Orders replaced by another one."),
      COLUMN(ActivityRow, executions, u32, "", "Executions of displayed orders."),
      COLUMN(ActivityRow, filled, u32, "", "Orders of which nothing was left by an execution."),
      COLUMN(ActivityRow, added_shares, u64, "shares", "Of the orders that joined."),
      COLUMN(ActivityRow, cancelled_shares, u64, "shares",
             "Withdrawn, in whole, in part or by a replacement."),
      COLUMN(ActivityRow, executed_shares, u64, "shares", "Executed."),
      COLUMN(ActivityRow, cancel_to_trade, f64, "",
             "(cancelled + reduced) / executions; null without executions."),
      COLUMN(ActivityRow, fill_probability, f64, "",
             "filled / (filled + cancelled + replaced): of the orders that left the book; null if none did."),
      COLUMN(ActivityRow, fill_share, f64, "",
             "executed_shares / (executed_shares + cancelled_shares); null if none left the book."),
      COLUMN(ActivityRow, cancelled_lifetime, f64, "ns",
             "Mean time from joining the queue to being withdrawn; null if none was."),
      COLUMN(ActivityRow, filled_lifetime, f64, "ns",
             "Mean time from joining the queue to the last execution; null if none was filled."),
      COLUMN(ActivityRow, sequence, u64, "", "Position in the session of the last change of an order."),
      QUALITY_COLUMN(ActivityRow),
  };
  static const table::Schema schema{"activity", "What became of the displayed orders, per symbol and window.",
                                    sizeof(ActivityRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
