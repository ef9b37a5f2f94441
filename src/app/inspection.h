#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/anomalies.h"
#include "book/order_books.h"
#include "feed/message_source.h"

namespace tapeline::app {

struct SymbolActivity {
  Symbol symbol = Symbol("");
  std::uint64_t messages = 0;
  std::uint64_t adds = 0;
  std::uint64_t executions = 0;  // Of displayed orders.
  std::uint64_t volume = 0;      // Shares: displayed, hidden and crossed, each print once.
  bool named = false;
};

struct MarketEvent {
  EventTime time;
  char code;
};

struct Halt {
  Symbol symbol;
  EventTime time;
  char state;  // 'H' or 'P'
  Code4 reason;
  std::optional<EventTime> resumed;
};

// Watches a feed go through the books and remembers what a page about it tells.
class Inspection : public book::NullBookHandler {
 public:
  // Both must outlive this object.
  Inspection(const book::OrderBooks& books, Anomalies& anomalies);

  void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo&, Quality) {
    if (trade.printable) activity_[raw(event.locate)].volume += trade.shares;
  }
  void on_status(const Event& event, const book::SymbolState&);
  void on_event_end(const Event& event) {
    SymbolActivity& activity = activity_[raw(event.locate)];
    if (++activity.messages == 1) [[unlikely]]
      note_first_message(event);
    if (event.kind == EventKind::add) {
      ++activity.adds;
      if (!activity.named) [[unlikely]]
        learn_symbol(activity, event.order.symbol);
    } else if (event.kind == EventKind::execute || event.kind == EventKind::execute_with_price) {
      ++activity.executions;
    }
    if (event.kind < EventKind::unknown) note_time(event);
    if (books_.live_orders() > peak_orders_) {
      peak_orders_ = books_.live_orders();
      peak_orders_time_ = event.time;
    }
    if (books_.counters() != seen_) [[unlikely]]
      compare_counters(event);
  }

  static constexpr std::size_t seconds_per_day = 86'400;
  static constexpr std::size_t most_listed = 1000;  // Halts and market events that are remembered.

  [[nodiscard]] const std::vector<SymbolActivity>& activity() const { return activity_; }
  [[nodiscard]] const std::vector<std::uint64_t>& seconds() const { return seconds_; }
  [[nodiscard]] bool has_times() const { return last_ >= first_; }
  [[nodiscard]] EventTime first() const { return EventTime{first_}; }
  [[nodiscard]] EventTime last() const { return EventTime{last_}; }
  [[nodiscard]] CaptureTime first_captured() const { return first_captured_; }
  [[nodiscard]] CaptureTime last_captured() const { return last_captured_; }
  [[nodiscard]] std::size_t peak_orders() const { return peak_orders_; }
  [[nodiscard]] EventTime peak_orders_time() const { return peak_orders_time_; }
  [[nodiscard]] const std::vector<MarketEvent>& system_events() const { return system_events_; }
  [[nodiscard]] const std::vector<MarketEvent>& circuit_breakers() const { return circuit_breakers_; }
  [[nodiscard]] const std::vector<Halt>& halts() const { return halts_; }
  [[nodiscard]] std::uint64_t halt_count() const { return halt_count_; }

 private:
  void note_time(const Event& event) {
    const std::uint64_t time = raw(event.time);
    if (time < last_) [[unlikely]]
      anomalies_.note(Anomaly::out_of_order_time, 1, raw(event.sequence));
    if (time >= nanoseconds_per_day) [[unlikely]]
      anomalies_.note(Anomaly::time_beyond_midnight, 1, raw(event.sequence));
    first_ = std::min(first_, time);
    last_ = std::max(last_, time);
    ++seconds_[std::min<std::uint64_t>(time / nanoseconds_per_second, seconds_per_day)];
    if (raw(event.captured) == 0) return;
    if (raw(first_captured_) == 0) first_captured_ = event.captured;
    last_captured_ = event.captured;
  }
  static void learn_symbol(SymbolActivity& activity, const Symbol& symbol);
  void note_first_message(const Event& event);
  void note_trading_action(const Event& event, const Symbol& symbol);
  void compare_counters(const Event& event);

  const book::OrderBooks& books_;
  Anomalies& anomalies_;
  book::BookCounters seen_;
  std::vector<SymbolActivity> activity_;  // By locate.
  std::vector<std::uint64_t> seconds_;    // Messages by second of the day, the last of them beyond midnight.
  std::uint64_t first_ = UINT64_MAX;
  std::uint64_t last_ = 0;
  CaptureTime first_captured_{};
  CaptureTime last_captured_{};
  std::size_t peak_orders_ = 0;
  EventTime peak_orders_time_{};
  std::vector<MarketEvent> system_events_;
  std::vector<MarketEvent> circuit_breakers_;
  std::vector<Halt> halts_;
  std::uint64_t halt_count_ = 0;
  std::unordered_map<std::uint16_t, std::size_t> open_halts_;  // Locate to index in halts_.
};

// All that is known of an input once it has been read, derived from the above.
struct InspectionReport {
  std::string name;
  std::string format;       // "BinaryFILE" or "MoldUDP64 capture".
  std::string compression;  // "none", "gzip", "zstd"; empty where unknown.
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;          // Read, as they lie on disk.
  std::uint64_t message_bytes = 0;  // Without length prefixes.
  std::uint64_t packets = 0;
  std::uint64_t foreign_packets = 0;
  std::vector<std::pair<int, std::uint64_t>>
      types;  // Type code and count, most first; -1 is an empty message.
  std::uint64_t symbols = 0;
  std::vector<SymbolActivity> busiest;  // At most 20, most messages first.
  double messages_per_second = 0;
  std::uint64_t peak_messages = 0;  // In one second of event time.
  EventTime peak_second{};
  std::size_t live_orders = 0;
  std::size_t live_levels = 0;
  std::optional<std::string> error;  // What ended the input early.
};

[[nodiscard]] std::string system_event_words(char code);

}  // namespace tapeline::app
