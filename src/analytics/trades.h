#pragma once

#include <array>

#include "book/book_types.h"
#include "market/event.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "table/schema.h"

namespace tapeline::analytics {

// What a row of the trades table is. `broken` withdraws the trade with the same match number.
enum class TradeRowKind : std::uint8_t { displayed, hidden, cross, broken };

struct TradeRow {
  std::uint64_t sequence;
  EventTime time;
  CaptureTime captured;
  std::uint64_t size;
  std::uint64_t match;
  std::uint64_t resting_order;
  Price price;
  Price bid_price;
  Price ask_price;
  Symbol symbol;
  Locate locate;
  char aggressor;
  char printable;
  char cross_type;
  TradeRowKind kind;
  Quality quality;
  std::array<std::uint8_t, 5> reserved = {};
};

[[nodiscard]] const table::Schema& trades_schema();

// Turns executions, hidden trades, crosses and broken trades into rows. Stateless.
class Trades {
 public:
  template <class Out>
  void process(const stream::Context& context, const Symbol& symbol, const book::TradeReport& trade,
               const book::Bbo& prevailing, Out& out) {
    // The aggressor took the side opposite to the resting order's. A hidden order's side in the feed is
    // always 'B' since 2014, and a cross has no aggressor: neither is guessed.
    char aggressor = ' ';
    if (trade.kind == book::TradeKind::displayed) aggressor = trade.resting_side == Side::bid ? 'S' : 'B';
    out.emit(TradeRow{raw(context.sequence), context.time, context.captured, trade.shares, raw(trade.match),
                      raw(trade.resting), trade.price, prevailing.bid, prevailing.ask, symbol, context.key,
                      aggressor, trade.printable ? 'Y' : 'N', trade.cross_type,
                      static_cast<TradeRowKind>(trade.kind), context.quality});
  }

  template <class Out>
  void process_broken(const stream::Context& context, const Symbol& symbol, MatchNumber match, Out& out) {
    TradeRow row{};
    row.sequence = raw(context.sequence);
    row.time = context.time;
    row.captured = context.captured;
    row.match = raw(match);
    row.symbol = symbol;
    row.locate = context.key;
    row.aggressor = ' ';
    row.kind = TradeRowKind::broken;
    row.quality = context.quality;
    out.emit(row);
  }
};

}  // namespace tapeline::analytics
