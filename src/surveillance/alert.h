#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "table/schema.h"

namespace tapeline::surveillance {

// Numbers are on disk: none is ever changed or used again.
enum class Detector : std::uint8_t {
  spoofing = 0,
  layering = 1,
  quote_stuffing = 2,
  momentum_ignition = 3,
  marking_the_close = 4,
  wash_trading = 5,
};
inline constexpr std::array<std::string_view, 6> detector_names{
    "spoofing", "layering", "quote_stuffing", "momentum_ignition", "marking_the_close", "wash_trading"};
inline constexpr std::size_t detector_count = detector_names.size();

[[nodiscard]] constexpr std::string_view to_string(Detector detector) {
  return detector_names[static_cast<std::size_t>(detector)];
}

// One alert. What each number means of each detector stands in docs/surveillance.md; 0 or null where it means
// nothing. It accuses a pattern: the feed names no trader.
struct AlertRow {
  std::uint64_t sequence;  // Of the message that completed the pattern.
  EventTime time;
  CaptureTime captured;
  std::uint64_t id;
  EventTime start;
  EventTime end;
  std::uint64_t first_sequence;
  std::uint64_t last_sequence;
  double score;
  double threshold;
  double ratio;
  double move_bps;
  std::uint64_t shares;
  std::uint64_t other_shares;
  std::uint32_t orders;
  std::uint32_t trades;
  std::uint32_t messages;
  std::uint32_t price_levels;
  Symbol symbol;
  Price price;
  Locate locate;
  Detector detector;
  char side;  // B or S, see docs/surveillance.md; ' ' where it has none.
  std::uint8_t severity;
  Quality quality;
  std::array<std::uint8_t, 6> reserved = {};
};
static_assert(sizeof(AlertRow) == 152);  // No padding: evidence and digests compare the bytes.

[[nodiscard]] const table::Schema& alerts_schema();

// A hash of what an alert is about: detector, symbol's locate, side, the evidence's range and times. The same
// messages give the same id, on every machine and in every run.
[[nodiscard]] std::uint64_t alert_id(const AlertRow& alert);

// The id as it is written everywhere: 16 hexadecimal digits.
[[nodiscard]] std::string alert_id_text(std::uint64_t id);

// 1 from the threshold on, 2 from twice, 3 from four times the threshold.
[[nodiscard]] constexpr std::uint8_t severity_of(double score, double threshold) {
  return score >= 4 * threshold ? 3 : score >= 2 * threshold ? 2 : 1;
}

// What every alert has: the caller sets the range, the numbers that fired, and the side, then seals it.
template <class Books>
[[nodiscard]] AlertRow alert_of(Detector detector, const stream::Context& context, const Books& books,
                                double score, double threshold) {
  AlertRow row{};
  row.sequence = raw(context.sequence);
  row.last_sequence = row.sequence;
  row.time = context.time;
  row.end = context.time;
  row.captured = context.captured;
  row.score = score;
  row.threshold = threshold;
  row.severity = severity_of(score, threshold);
  row.symbol = books.symbol(context.key);
  row.locate = context.key;
  row.detector = detector;
  row.side = ' ';
  row.quality = books.quality(context.key);
  return row;
}

[[nodiscard]] constexpr char side_code(Side side) {
  return side == Side::bid ? 'B' : 'S';
}

// What an operator without timers answers to those who keep them; see stream/operator.h. Patterns are found
// by the symbol's own messages alone, so an alert can be found again from these.
struct WithoutTimers {
  [[nodiscard]] static EventTime next_timer() { return stream::no_timer; }
  void open(EventTime) {}
};

}  // namespace tapeline::surveillance
