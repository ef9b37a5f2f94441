#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "book/book_types.h"
#include "market/event.h"
#include "market/quality.h"

namespace tapeline::book {

// One call of a book's handler, kept so that two books can be compared call by call. Fields that the kind
// does not name keep their defaults, so that equal calls are equal records.
struct BookRecord {
  enum class Kind : std::uint8_t { order, bbo, trade, broken_trade, status, event_end };

  Kind kind = Kind::event_end;
  Sequence sequence{};  // Of the event that caused the call.
  Locate locate{};
  OrderChange order{};
  Bbo before{};
  Bbo after{};  // trade: the prevailing one
  TradeReport trade{};
  MatchNumber broken{};
  Quality quality = Quality::good;
  TradingState trading = TradingState::unknown;

  friend bool operator==(const BookRecord& a, const BookRecord& b);
};

// One line: "bbo locate=1 100.0000 x 200 / 100.0100 x 300 -> … good".
[[nodiscard]] std::string to_string(const BookRecord& record);
[[nodiscard]] std::string to_string(const Bbo& bbo);

// A handler that keeps every call.
class BookRecorder {
 public:
  void on_order(const Event& event, const OrderChange& change);
  void on_bbo(const Event& event, const Bbo& before, const Bbo& after, Quality quality);
  void on_trade(const Event& event, const TradeReport& trade, const Bbo& prevailing, Quality quality);
  void on_broken_trade(const Event& event);
  void on_status(const Event& event, const SymbolState& state);
  void on_look_ahead(const Event&) {}
  void on_event_begin(const Event&) {}
  void on_event_end(const Event& event);

  [[nodiscard]] const std::vector<BookRecord>& records() const { return records_; }
  void clear() { records_.clear(); }

 private:
  BookRecord& append(BookRecord::Kind kind, const Event& event);

  std::vector<BookRecord> records_;
};

}  // namespace tapeline::book
