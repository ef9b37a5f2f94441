#pragma once

#include <cstdint>

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
};

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
