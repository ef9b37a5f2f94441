#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tapeline::app {

// What can be odd about a feed. The order is that of the page; the names in to_key are part of the JSON
// format.
enum class Anomaly : std::uint8_t {
  unknown_type,
  wrong_length,
  out_of_order_time,
  time_beyond_midnight,
  gap,
  missing_message,
  duplicate_message,
  late_message,
  session_change,
  malformed_packet,
  incomplete_capture,
  trailing_byte,
  unknown_order,
  overfill,
  duplicate_reference,
  invalid_field,
  over_capacity,
  crossed_book,
  locate_without_directory,
};
inline constexpr std::size_t anomaly_count = static_cast<std::size_t>(Anomaly::locate_without_directory) + 1;

struct AnomalyNames {
  std::string_view key;    // In JSON.
  std::string_view words;  // On the page.
};

inline constexpr std::array<AnomalyNames, anomaly_count> anomaly_names{{
    {"unknown_types", "messages of a type that ITCH 5.0 does not know"},
    {"wrong_lengths", "messages of a wrong length"},
    {"out_of_order_times", "messages with a time before that of one before them"},
    {"times_beyond_midnight", "messages with a time beyond midnight"},
    {"gaps", "gaps in the sequence numbers"},
    {"missing_messages", "messages missing in those gaps"},
    {"duplicate_messages", "messages delivered again"},
    {"late_messages", "messages too late for their gap"},
    {"session_changes", "changes of the session"},
    {"malformed_packets", "malformed packets"},
    {"incomplete_captures", "packets that the capture cut off"},
    {"trailing_bytes", "bytes behind the end"},
    {"unknown_orders", "changes of orders that are not in the book"},
    {"overfills", "executions or cancels of more than an order had"},
    {"duplicate_references", "new orders with a reference that is live"},
    {"invalid_fields", "orders with no shares or no side"},
    {"over_capacity", "orders refused for want of room"},
    {"crossed_books", "times that a book crossed outside an auction"},
    {"locates_without_directory", "locates used before their directory message"},
}};

struct Finding {
  std::uint64_t count = 0;
  std::optional<std::uint64_t> first_message;  // Its number in its session, where known.
};

class Anomalies {
 public:
  void note(Anomaly anomaly, std::uint64_t count, std::optional<std::uint64_t> message) {
    if (count == 0) return;
    Finding& finding = findings_[static_cast<std::size_t>(anomaly)];
    if (finding.count == 0) finding.first_message = message;
    finding.count += count;
  }
  [[nodiscard]] const std::array<Finding, anomaly_count>& findings() const { return findings_; }

 private:
  std::array<Finding, anomaly_count> findings_{};
};

}  // namespace tapeline::app
