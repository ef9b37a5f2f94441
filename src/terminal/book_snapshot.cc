#include "terminal/book_snapshot.h"

#include <array>
#include <utility>

namespace tapeline::terminal {

namespace {

SideSnapshot take_side(const book::OrderBooks& books, Locate locate, Side side, std::size_t levels) {
  SideSnapshot snapshot;
  snapshot.all_levels = books.level_count(locate, side);
  snapshot.levels.resize(levels == 0 ? snapshot.all_levels : std::min(levels, snapshot.all_levels));
  books.levels(locate, side, snapshot.levels);
  if (!snapshot.levels.empty()) snapshot.queue = books.queue(locate, side, snapshot.levels[0].price);
  return snapshot;
}

}  // namespace

std::optional<double> BookSnapshot::spread() const {
  if (!has_both_sides()) return std::nullopt;
  return ask.levels[0].price.dollars() - bid.levels[0].price.dollars();
}

std::optional<double> BookSnapshot::mid() const {
  if (!has_both_sides()) return std::nullopt;
  return (ask.levels[0].price.dollars() + bid.levels[0].price.dollars()) / 2;
}

std::optional<double> BookSnapshot::weighted_mid() const {
  if (!has_both_sides()) return std::nullopt;
  const auto bid_size = static_cast<double>(bid.levels[0].shares);
  const auto ask_size = static_cast<double>(ask.levels[0].shares);
  return (bid_size * ask.levels[0].price.dollars() + ask_size * bid.levels[0].price.dollars()) /
         (bid_size + ask_size);
}

std::optional<double> BookSnapshot::imbalance() const {
  if (!has_both_sides()) return std::nullopt;
  const auto bid_size = static_cast<double>(bid.levels[0].shares);
  const auto ask_size = static_cast<double>(ask.levels[0].shares);
  return (bid_size - ask_size) / (bid_size + ask_size);
}

BookSnapshot take_snapshot(const book::OrderBooks& books, Locate locate, EventTime time, std::size_t levels) {
  BookSnapshot snapshot;
  snapshot.symbol = books.symbol(locate);
  snapshot.locate = locate;
  snapshot.time = time;
  snapshot.quality = books.quality(locate);
  snapshot.state = books.state(locate);
  snapshot.bid = take_side(books, locate, Side::bid, levels);
  snapshot.ask = take_side(books, locate, Side::ask, levels);
  return snapshot;
}

std::string explain(Quality quality) {
  static constexpr std::array<std::pair<Quality, std::string_view>, 5> words{{
      {Quality::gapped, "messages are missing for good"},
      {Quality::recovering, "messages are missing and being fetched"},
      {Quality::stale, "the feed is silent where it should not be"},
      {Quality::crossed, "the best bid is above the best ask"},
      {Quality::suspect, "the feed contradicted the book"},
  }};
  std::string text;
  for (const auto& [flag, meaning] : words)
    if (has(quality, flag)) text.append(text.empty() ? "" : "; ").append(meaning);
  return text;
}

std::string_view to_string(book::TradingState state) {
  switch (state) {
    case book::TradingState::unknown: return "unknown";
    case book::TradingState::halted: return "halted";
    case book::TradingState::paused: return "paused";
    case book::TradingState::quotation_only: return "quotation only";
    case book::TradingState::trading: return "trading";
  }
  return "unknown";
}

}  // namespace tapeline::terminal
