#include "analytics/queue_positions.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& queue_positions_schema() {
  static const std::array columns{
      COLUMN(QueuePositionRow, time, event_time, "ns", "The moment just before which the book is shown."),
      COLUMN(QueuePositionRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(QueuePositionRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(QueuePositionRow, side, character, "", "B or S: the best bid or the best ask."),
      COLUMN(QueuePositionRow, price, price, "dollars", "Of the queue: the best of its side."),
      COLUMN(QueuePositionRow, order, u64, "", "Reference of the order."),
      COLUMN(QueuePositionRow, orders_ahead, u32, "", "Orders before it in the queue: 0 is executed next."),
      COLUMN(QueuePositionRow, shares_ahead, u64, "shares", "Of these orders."),
      COLUMN(QueuePositionRow, shares, u32, "shares", "Of the order."),
      COLUMN(QueuePositionRow, attribution, text4, "",
             "Its market participant; null if it is not attributed."),
      COLUMN(QueuePositionRow, entered, event_time, "ns", "When it joined the queue."),
      COLUMN(QueuePositionRow, level_orders, u32, "", "Orders in the whole queue."),
      COLUMN(QueuePositionRow, level_shares, u64, "shares", "Shares in the whole queue."),
      COLUMN(QueuePositionRow, sequence, u64, "",
             "Position in the session of the last message that changed the book."),
      QUALITY_COLUMN(QueuePositionRow),
  };
  static const table::Schema schema{
      "queue_positions", "Where the first orders at the best prices stand in their queues, at an interval.",
      sizeof(QueuePositionRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
