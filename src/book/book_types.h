#pragma once

#include <cstddef>
#include <cstdint>

#include "market/event.h"
#include "market/quality.h"
#include "market/types.h"

namespace tapeline::book {

// Best bid and offer. A side without orders has price 0 and size 0.
struct Bbo {
  std::uint64_t bid_shares;
  std::uint64_t ask_shares;
  Price bid;
  Price ask;
  friend bool operator==(const Bbo&, const Bbo&) = default;
};

// One price level as a reader sees it.
struct LevelView {
  Price price;
  std::uint32_t orders;
  std::uint64_t shares;
  friend bool operator==(const LevelView&, const LevelView&) = default;
};

// The best levels of a side together.
struct SideDepth {
  std::uint64_t shares;
  std::uint32_t orders;
  std::uint32_t levels;  // How many there were.
  Price best;            // 0 where there is none.
};

// One resting order as a reader sees it.
struct OrderView {
  OrderRef ref;
  Side side;
  Price price;
  Shares shares;
  Mpid attribution;   // Blank if none.
  EventTime entered;  // When it joined its queue.
};

// Where an order stands in the queue of its price level.
struct QueuePosition {
  std::uint32_t orders_ahead;
  std::uint64_t shares_ahead;
  std::uint32_t orders;  // Of the whole level, the order included.
  std::uint64_t shares;
};

// A change of one resting order: `before` is 0 for a new order, `after` is 0 for one that is gone.
struct OrderChange {
  OrderRef ref;
  Side side;
  Price price;
  Shares before;
  Shares after;
  EventTime entered;
  Mpid attribution;  // Blank if none.
};

enum class TradeKind : std::uint8_t { displayed, hidden, cross };

// A print. The aggressor's side is exact for displayed orders (the opposite of the resting side); a hidden
// trade and a cross have none.
struct TradeReport {
  Price price;
  std::uint64_t shares;
  MatchNumber match;
  OrderRef resting;   // 0 for a cross.
  Side resting_side;  // Meaningful for displayed and hidden trades.
  TradeKind kind;
  bool printable;   // False: excluded from volume, already part of a cross print.
  char cross_type;  // Of a cross: O C H A; otherwise 0.
};

// Whether the book of a symbol trades continuously. `unknown` until the feed says; treated as trading.
enum class TradingState : char {
  unknown = 0,
  halted = 'H',
  paused = 'P',
  quotation_only = 'Q',
  trading = 'T'
};

// What the feed said of a symbol besides its orders and its name.
struct SymbolState {
  TradingState trading = TradingState::unknown;
  char short_sale = 0;  // Reg SHO: '0' no restriction, '1' restricted intraday, '2' restricted; 0 unknown.
  char market_category = 0;
  char financial_status = 0;
  char luld_tier = 0;
  char etp = 0;
  char operational_halt = 0;  // 'H' halted on one market, 'T' resumed; 0 unknown.
  char retail_interest = 0;
  Code4 halt_reason;
  std::uint32_t round_lot = 100;
  Price collar_reference{};
  Price collar_upper{};
  Price collar_lower{};
  ImbalanceBody imbalance{};  // The last NOII; see imbalance_time.
  char imbalance_direction = 0;
  EventTime imbalance_time{};  // 0 while there was none.
  Price ipo_price{};
  std::uint32_t ipo_release_seconds = 0;
};

// What was wrong with the input, counted over the life of the books.
struct BookCounters {
  std::uint64_t unknown_order = 0;    // An execution, cancel, delete or replace of an order not in the book.
  std::uint64_t overfill = 0;         // More executed or cancelled than the order had left.
  std::uint64_t duplicate_ref = 0;    // An add or replace whose new reference is already live.
  std::uint64_t invalid_field = 0;    // Zero shares, or a side that is neither buy nor sell.
  std::uint64_t crossed = 0;          // Times a book became crossed outside an auction or halt.
  std::uint64_t locked = 0;           // Times the best bid came to equal the best ask there.
  std::uint64_t unknown_message = 0;  // Types that the specification does not know.
  std::uint64_t malformed_message = 0;  // Known types of a wrong length.
  std::uint64_t over_capacity = 0;      // Orders refused because max_blocks are in use.
  friend bool operator==(const BookCounters&, const BookCounters&) = default;
};

// What books tell as they change. Derive and hide what you need: calls are resolved at compile time and an
// empty one costs nothing. The event that caused a call is valid during the call only.
struct NullBookHandler {
  void on_look_ahead(const Event&) {}   // Some events before that one begins, to load what it will touch.
  void on_event_begin(const Event&) {}  // Before each event is applied.
  void on_order(const Event&, const OrderChange&) {}
  void on_bbo(const Event&, const Bbo& /*before*/, const Bbo& /*after*/, Quality) {}
  void on_trade(const Event&, const TradeReport&, const Bbo& /*prevailing*/, Quality) {}
  void on_broken_trade(const Event&) {}
  void on_status(const Event&, const SymbolState&) {}  // After the state has taken the event in.
  void on_event_end(const Event&) {}                   // After each event, whatever its kind.
};

}  // namespace tapeline::book
