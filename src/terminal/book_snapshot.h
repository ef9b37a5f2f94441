#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "book/order_books.h"
#include "market/event.h"
#include "market/quality.h"
#include "market/types.h"

namespace tapeline::terminal {

// The last print of a symbol; `shares` is 0 while there was none.
struct LastTrade {
  Price price{};
  std::uint64_t shares = 0;
  EventTime time{};
  MatchNumber match{};
  book::TradeKind kind{};
  Side resting_side{};  // Of a displayed trade.
  char cross_type = 0;
  bool broken = false;  // Undone by the exchange later.
};

// One side of a book, best level first.
struct SideSnapshot {
  std::vector<book::LevelView> levels;
  std::size_t all_levels = 0;          // Those that `levels` leaves out included.
  std::vector<book::OrderView> queue;  // The orders of the best level, first in the queue first.
};

// All that a page about one book shows.
struct BookSnapshot {
  Symbol symbol = Symbol("");
  Locate locate{};
  EventTime time{};  // As of.
  Quality quality = Quality::good;
  book::SymbolState state{};
  SideSnapshot bid;
  SideSnapshot ask;
  LastTrade last_trade;

  // In dollars; nothing where a side is empty.
  [[nodiscard]] std::optional<double> spread() const;
  [[nodiscard]] std::optional<double> mid() const;
  // (bid size × ask price + ask size × bid price) / (bid size + ask size): nearer to the side that has less.
  [[nodiscard]] std::optional<double> weighted_mid() const;
  // (bid size − ask size) / (bid size + ask size).
  [[nodiscard]] std::optional<double> imbalance() const;

  [[nodiscard]] bool has_both_sides() const { return !bid.levels.empty() && !ask.levels.empty(); }
};

// The book of `locate` with at most `levels` levels a side (0: all of them).
[[nodiscard]] BookSnapshot take_snapshot(const book::OrderBooks& books, Locate locate, EventTime time,
                                         std::size_t levels);

// What a quality means, in words; empty for `good`.
[[nodiscard]] std::string explain(Quality quality);

[[nodiscard]] std::string_view to_string(book::TradingState state);

}  // namespace tapeline::terminal
