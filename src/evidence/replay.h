#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "book/book_types.h"
#include "evidence/bundle.h"
#include "market/event.h"

namespace tapeline::evidence {

// What became of one order while the evidence runs.
struct OrderStory {
  OrderRef ref{};
  Side side{};
  Price price{};
  Shares shares = 0;              // When it was first seen here.
  EventTime entered{};            // When it joined its queue; before the evidence for one that rested.
  std::optional<EventTime> left;  // Nothing: it rests at the end.
  Sequence first_sequence{};      // Of the first and the last message about it here.
  Sequence last_sequence{};
  Shares executed = 0;
  Shares withdrawn = 0;
  Shares remaining = 0;
  bool rested = false;  // Before the evidence begins.
  Mpid attribution{};   // Blank if none.
};

struct TradeStory {
  EventTime time{};
  Sequence sequence{};
  Price price{};
  std::uint64_t shares = 0;
  char taker = ' ';  // B or S; ' ' where the feed does not say.
};

struct BookPicture {
  static constexpr std::size_t depth = 10;
  std::vector<book::LevelView> bids;  // Best first.
  std::vector<book::LevelView> asks;
  Quality quality = Quality::good;
};

// The evidence played again.
struct Replay {
  surveillance::AlertRow alert{};  // As it came out now.
  BookPicture before;
  BookPicture after;
  std::vector<OrderStory> orders;  // By their first message.
  std::vector<TradeStory> trades;
  std::uint64_t messages = 0;
};

// Puts book and detectors where they were, applies the bundle's own messages to the operators that the live
// pipeline runs, and demands the same alert, bit for bit. Fails as unsupported where the bundle was sealed by
// other detectors than these, as corrupt where another alert or none comes out.
[[nodiscard]] Result<Replay> replay(const Bundle& bundle);

}  // namespace tapeline::evidence
