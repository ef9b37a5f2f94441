#include "surveillance/alert.h"

#include <fmt/format.h>

#include "analytics/columns.h"

namespace tapeline::surveillance {

const table::Schema& alerts_schema() {
  static const std::array columns{
      COLUMN(AlertRow, time, event_time, "ns", "Exchange time of the message that completed the pattern."),
      COLUMN(AlertRow, captured, capture_time, "ns", "When its packet was captured; null for a file."),
      COLUMN(AlertRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(AlertRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(AlertRow, id, u64, "", "Hash of what the alert is about; names its evidence."),
      table::Column{"detector", table::ColumnType::label, offsetof(AlertRow, detector), "",
                    "The pattern; see docs/surveillance.md for each and for what the numbers mean of it.",
                    detector_names},
      COLUMN(AlertRow, side, character, "",
             "B or S: of the withdrawn orders, of the takers, or of the resting orders; null if both."),
      COLUMN(AlertRow, severity, u8, "", "1 from the threshold on, 2 from twice, 3 from four times."),
      COLUMN(AlertRow, score, f64, "", "How strong the pattern is, in the detector's own unit."),
      COLUMN(AlertRow, threshold, f64, "", "The score from which it is told."),
      COLUMN(AlertRow, start, event_time, "ns", "Exchange time of the first message of the pattern."),
      COLUMN(AlertRow, end, event_time, "ns", "Exchange time of the last one."),
      COLUMN(AlertRow, first_sequence, u64, "", "Position in the session of the first of them."),
      COLUMN(AlertRow, last_sequence, u64, "", "Position in the session of the last one."),
      COLUMN(AlertRow, orders, u32, "", "Orders in the pattern."),
      COLUMN(AlertRow, price_levels, u32, "", "Prices that they stood at."),
      COLUMN(AlertRow, shares, u64, "shares", "Withdrawn, taken or filled by the pattern."),
      COLUMN(AlertRow, other_shares, u64, "shares", "Traded on the other side, or against the run."),
      COLUMN(AlertRow, trades, u32, "", "Executions in the pattern."),
      COLUMN(AlertRow, messages, u32, "", "Order messages in the burst."),
      COLUMN(AlertRow, ratio, f64, "", "The part that the detector's rule asks for; null if it has none."),
      COLUMN(AlertRow, move_bps, f64, "basis points", "How far the mid was moved; null if not looked at."),
      COLUMN(AlertRow, price, price, "dollars", "Where it happened: the price of the last order or trade."),
      COLUMN(AlertRow, sequence, u64, "", "Position in the session of the message that completed it."),
      QUALITY_COLUMN(AlertRow),
  };
  static const table::Schema schema{"alerts", "Patterns that surveillance looks for, one row for each found.",
                                    sizeof(AlertRow), columns};
  return schema;
}

std::uint64_t alert_id(const AlertRow& alert) {
  // FNV-1a over the values, least significant byte first, then a mix so that all bits differ.
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325;
  const auto add = [&](std::uint64_t value) {
    for (int i = 0; i < 8; ++i) hash = (hash ^ (value >> 8 * i & 0xFF)) * 0x0000'0100'0000'01B3;
  };
  add(static_cast<std::uint64_t>(alert.detector));
  add(raw(alert.locate));
  add(static_cast<unsigned char>(alert.side));
  add(alert.first_sequence);
  add(alert.last_sequence);
  add(raw(alert.start));
  add(raw(alert.end));
  hash ^= hash >> 33;
  hash *= 0xFF51'AFD7'ED55'8CCD;
  return hash ^ hash >> 33;
}

std::string alert_id_text(std::uint64_t id) {
  return fmt::format("{:016x}", id);
}

}  // namespace tapeline::surveillance
