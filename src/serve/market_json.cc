#include "serve/market_json.h"

#include "market/event_time_text.h"

namespace tapeline::serve {

namespace {

std::string_view name_of(book::TradeKind kind) {
  switch (kind) {
    case book::TradeKind::displayed: return "displayed";
    case book::TradeKind::hidden: return "hidden";
    case book::TradeKind::cross: return "cross";
  }
  return "displayed";
}

void append_side(JsonText& json, std::string_view name, const terminal::SideSnapshot& side) {
  json.key(name);
  append_levels(json, side.levels);
}

void append_last_trade(JsonText& json, const terminal::LastTrade& trade) {
  json.key("last_trade");
  if (trade.shares == 0) {
    json.null();
    return;
  }
  json.begin_object().member("time_ns", raw(trade.time)).member("price", trade.price);
  json.member("size", trade.shares).member("kind", name_of(trade.kind)).key("aggressor");
  if (trade.kind == book::TradeKind::displayed)
    json.text(trade.resting_side == Side::ask ? "buy" : "sell");
  else
    json.null();
  json.member("match", raw(trade.match)).member("broken", trade.broken).end_object();
}

void append_half(JsonText& json, Price price, std::uint64_t shares) {
  if (shares == 0)
    json.null().null();
  else
    json.price(price).number(shares);
}

}  // namespace

FeedPlace place_of(const MarketView& view) {
  return {view.feed().position().session.view(), view.feed().sequence(), view.feed().watermark()};
}

void append_place(JsonText& json, const FeedPlace& place) {
  json.member("session", place.session).member("sequence", place.sequence);
  json.member("time_ns", raw(place.time));
}

void append_levels(JsonText& json, std::span<const book::LevelView> levels) {
  json.begin_array();
  for (const book::LevelView& level : levels)
    json.begin_array().price(level.price).number(level.shares).number(level.orders).end_array();
  json.end_array();
}

void append_book(JsonText& json, const terminal::BookSnapshot& book, const FeedPlace& place) {
  json.begin_object().member("symbol", book.symbol.view()).member("locate", std::uint64_t{raw(book.locate)});
  append_place(json, place);
  json.member("time", event_time_text(place.time));
  json.member("quality", tapeline::to_string(book.quality));
  json.member("trading_state", terminal::to_string(book.state.trading));
  json.member("halt_reason", book.state.halt_reason.view());
  json.member("spread", book.spread(), 4).member("mid", book.mid(), 5);
  json.member("weighted_mid", book.weighted_mid(), 6).member("imbalance", book.imbalance(), 6);
  json.member("bid_levels", std::uint64_t{book.bid.all_levels});
  json.member("ask_levels", std::uint64_t{book.ask.all_levels});
  append_side(json, "bids", book.bid);
  append_side(json, "asks", book.ask);
  append_last_trade(json, book.last_trade);
  json.end_object();
}

void append_trade(JsonText& json, const TapeTrade& trade, std::uint64_t number) {
  json.begin_array().number(number).number(raw(trade.time)).price(trade.price).number(trade.shares);
  json.character(trade.aggressor).text(trade.shares == 0 ? "broken" : name_of(trade.kind));
  json.number(raw(trade.match)).number(trade.sequence).text(tapeline::to_string(trade.quality)).end_array();
}

void append_bar(JsonText& json, const FlowBar& bar) {
  json.begin_array().number(bar.start_s).price(bar.open).price(bar.high).price(bar.low).price(bar.close);
  json.decimal(bar.vwap(), 6).number(bar.volume).number(bar.buy_volume).number(bar.sell_volume);
  json.number(bar.trades).signed_number(bar.order_flow).decimal(bar.mean_spread(), 6);
  json.text(tapeline::to_string(bar.quality)).end_array();
}

void append_overview_row(JsonText& json, const MarketView& view, Locate locate) {
  const SymbolRecord& record = *view.record(locate);
  const book::Bbo bbo = view.books().bbo(locate);
  json.begin_array().text(view.books().symbol(locate).view()).price(record.last.price);
  if (record.open.ticks == 0)
    json.null();
  else
    json.decimal(record.last.price.dollars() / record.open.dollars() - 1, 6);
  append_half(json, bbo.bid, bbo.bid_shares);
  append_half(json, bbo.ask, bbo.ask_shares);
  json.decimal(record.rate, 1).number(record.messages).number(record.trades).number(record.volume);
  json.text(terminal::to_string(view.books().state(locate).trading));
  json.text(tapeline::to_string(view.books().quality(locate))).end_array();
}

}  // namespace tapeline::serve
