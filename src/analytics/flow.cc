#include "analytics/flow.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& flow_schema() {
  using enum table::ColumnType;
  constexpr std::string_view deeper = "The same of the level behind, counted from the best at each moment.";
  static const std::array columns{
      COLUMN(FlowRow, start, event_time, "ns", "Start of the window, included."),
      COLUMN(FlowRow, end, event_time, "ns", "End of the window, excluded."),
      COLUMN(FlowRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(FlowRow, symbol, text8, "", "Ticker symbol."),
      table::Column{
          "ofi_1", i64, offsetof(FlowRow, ofi[0]), "shares",
          "Order-flow imbalance at the best prices: bids gained less bids lost, asks the other way."},
      table::Column{"ofi_2", i64, offsetof(FlowRow, ofi[1]), "shares", deeper},
      table::Column{"ofi_3", i64, offsetof(FlowRow, ofi[2]), "shares", deeper},
      table::Column{"ofi_4", i64, offsetof(FlowRow, ofi[3]), "shares", deeper},
      table::Column{"ofi_5", i64, offsetof(FlowRow, ofi[4]), "shares", deeper},
      COLUMN(FlowRow, buy_volume, u64, "shares", "Taken by buyers from displayed orders."),
      COLUMN(FlowRow, sell_volume, u64, "shares", "Taken by sellers from displayed orders."),
      COLUMN(FlowRow, trade_imbalance, i64, "shares", "buy_volume - sell_volume."),
      COLUMN(
          FlowRow, queue_imbalance, f64, "",
          "(bid size - ask size) / (bid size + ask size) at the best prices, weighted by time; null if never "
          "two-sided."),
      COLUMN(FlowRow, last_queue_imbalance, f64, "", "The same at the end of the window; null if one-sided."),
      COLUMN(FlowRow, weighted_mid, price_f64, "dollars",
             "Mid weighted by the sizes across, at the end of the window; null if one-sided."),
      COLUMN(FlowRow, two_sided_ns, u64, "ns",
             "How long both sides were there, from the first change on or before."),
      COLUMN(FlowRow, events, u32, "", "Messages that changed the best five levels, or traded."),
      COLUMN(FlowRow, sequence, u64, "", "Position in the session of the last of them."),
      QUALITY_COLUMN(FlowRow),
  };
  static const table::Schema schema{"flow", "Order-flow, trade and queue imbalance per symbol and window.",
                                    sizeof(FlowRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
