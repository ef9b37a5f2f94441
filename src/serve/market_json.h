#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "serve/json_text.h"
#include "serve/market_view.h"
#include "terminal/book_snapshot.h"

// How symbols, books, trades and bars are written, the same in answers and in the stream. Prices are in
// dollars, times in nanoseconds since the exchange's midnight. docs/formats/websocket.md has the columns.
namespace tapeline::serve {

inline constexpr std::size_t most_levels = 100;  // Of each side, in any answer.

// Where in the feed a value stands.
struct FeedPlace {
  std::string_view session;
  std::uint64_t sequence;
  EventTime time;
};
[[nodiscard]] FeedPlace place_of(const MarketView& view);
void append_place(JsonText& json, const FeedPlace& place);  // Members of an object.

// [[price, size, orders], …]
void append_levels(JsonText& json, std::span<const book::LevelView> levels);
// One object with all that a page about one book shows.
void append_book(JsonText& json, const terminal::BookSnapshot& book, const FeedPlace& place);
// [number, time_ns, price, size, aggressor, kind, match, sequence, quality]
void append_trade(JsonText& json, const TapeTrade& trade, std::uint64_t number);
// [start_s, open, high, low, close, vwap, volume, buy_volume, sell_volume, trades, order_flow, spread,
// quality]
void append_bar(JsonText& json, const FlowBar& bar);

// One line of the overview; its columns in the order of `overview_columns`.
void append_overview_row(JsonText& json, const MarketView& view, Locate locate);
inline constexpr std::string_view overview_columns =
    R"(["symbol","last","change","bid","bid_size","ask","ask_size","rate","messages","trades","volume",)"
    R"("state","quality"])";

}  // namespace tapeline::serve
