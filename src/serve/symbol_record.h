#pragma once

#include <cstdint>

#include "market/event.h"
#include "market/quality.h"
#include "market/types.h"
#include "serve/flow_bars.h"
#include "serve/ring.h"
#include "terminal/book_snapshot.h"

namespace tapeline::serve {

// A line of the tape. A broken trade is a line of its own, which withdraws the one with its match number.
struct TapeTrade {
  EventTime time;
  std::uint64_t sequence;
  std::uint64_t shares;  // 0: this line breaks the trade `match`.
  MatchNumber match;
  Price price;
  char aggressor;  // 'B', 'S', or ' ' where nobody knows.
  book::TradeKind kind;
  bool printable;
  Quality quality;

  static TapeTrade of(const Event& event, const book::TradeReport& trade, Quality quality) {
    const bool displayed = trade.kind == book::TradeKind::displayed;
    const char aggressor = !displayed ? ' ' : trade.resting_side == Side::ask ? 'B' : 'S';
    return {event.time, raw(event.sequence), trade.shares,    trade.match, trade.price,
            aggressor,  trade.kind,          trade.printable, quality};
  }
  // The trade of that match number is withdrawn.
  static TapeTrade broken(const Event& event, Quality quality) {
    TapeTrade line{};
    line.time = event.time;
    line.sequence = raw(event.sequence);
    line.match = event.match();
    line.aggressor = ' ';
    line.quality = quality;
    return line;
  }
};

[[nodiscard]] inline terminal::LastTrade last_trade_of(const Event& event, const book::TradeReport& trade) {
  return {trade.price, trade.shares,       event.time,       trade.match,
          trade.kind,  trade.resting_side, trade.cross_type, false};
}

// What is kept of a symbol besides its book, since the session's start.
struct SymbolRecord {
  static constexpr std::size_t most_trades = 256;
  static constexpr std::size_t most_seconds = 300;
  static constexpr std::size_t most_minutes = 480;

  Symbol name = Symbol("");  // Blank while the feed has not named it.
  std::uint64_t messages = 0;
  std::uint64_t trades = 0;  // Printable ones, as volume.
  std::uint64_t volume = 0;
  double notional = 0;  // In dollars.
  Price open{};
  Price high{};
  Price low{};
  terminal::LastTrade last;
  Ring<TapeTrade> tape{most_trades};
  FlowBars seconds{1, most_seconds};
  FlowBars minutes{60, most_minutes};
  double rate = 0;  // Messages a second of event time, of the last ten or so.
  std::uint64_t messages_at_tick = 0;
};

}  // namespace tapeline::serve
