#include "app/book_output.h"

#include <iterator>

#include <fmt/format.h>

#include "app/json_writer.h"
#include "market/event_time_text.h"
#include "terminal/drawing.h"
#include "tick_store/box_table.h"

namespace tapeline::app {

namespace {

using terminal::price_text;

// As RFC 4180 has it. No listed symbol needs quotes; a hostile feed may name one that does.
std::string csv_text(std::string_view text) {
  const std::string clean = terminal::printable(text);
  if (clean.find_first_of(",\"") == std::string::npos) return clean;
  std::string quoted = "\"";
  for (const char c : clean) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

void append_levels(std::string& text, std::string_view side, const terminal::SideSnapshot& snapshot) {
  std::uint64_t cumulative = 0;
  std::size_t number = 0;
  for (const book::LevelView& level : snapshot.levels) {
    cumulative += level.shares;
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{}\n", side, ++number, price_text(level.price),
                   level.shares, level.orders, cumulative);
  }
}

void write_queue(JsonWriter& json, const terminal::SideSnapshot& side) {
  json.begin_array();
  for (const book::OrderView& order : side.queue) {
    json.begin_object(true);
    json.member("order", raw(order.ref));
    json.member("size", std::uint64_t{order.shares});
    json.member("attribution", order.attribution.view());
    json.member("entered", order.entered);
    json.end();
  }
  json.end();
}

void write_levels(JsonWriter& json, const terminal::SideSnapshot& side) {
  std::uint64_t cumulative = 0;
  json.begin_array();
  for (const book::LevelView& level : side.levels) {
    cumulative += level.shares;
    json.begin_object(true);
    json.member("price", level.price);
    json.member("size", level.shares);
    json.member("orders", std::uint64_t{level.orders});
    json.member("cumulative_size", cumulative);
    json.end();
  }
  json.end();
}

void write_code(JsonWriter& json, std::string_view name, char code) {
  json.key(name);
  if (code == 0)
    json.null();
  else
    json.text(std::string_view(&code, 1));
}

void write_last_trade(JsonWriter& json, const terminal::LastTrade& trade) {
  json.key("last_trade");
  if (trade.shares == 0) return json.null();
  static constexpr std::string_view kinds[] = {"displayed", "hidden", "cross"};
  json.begin_object(true);
  json.member("time", trade.time);
  json.member("price", trade.price);
  json.member("size", trade.shares);
  json.member("kind", kinds[static_cast<std::size_t>(trade.kind)]);
  json.key("aggressor");
  if (trade.kind == book::TradeKind::displayed)
    json.text(trade.resting_side == Side::ask ? "buy" : "sell");
  else
    json.null();
  json.member("match", raw(trade.match));
  json.member("broken", trade.broken);
  json.end();
}

void write_collar(JsonWriter& json, const book::SymbolState& state) {
  json.key("collar");
  if (state.collar_upper.ticks == 0) return json.null();
  json.begin_object(true);
  json.member("lower", state.collar_lower);
  json.member("reference", state.collar_reference);
  json.member("upper", state.collar_upper);
  json.end();
}

void write_noii(JsonWriter& json, const book::SymbolState& state) {
  json.key("noii");
  if (raw(state.imbalance_time) == 0) return json.null();
  json.begin_object(true);
  json.member("time", state.imbalance_time);
  write_code(json, "cross_type", state.imbalance.cross_type);
  json.member("paired_size", state.imbalance.paired_shares);
  json.member("imbalance_size", state.imbalance.imbalance_shares);
  write_code(json, "direction", state.imbalance_direction);
  json.member("reference_price", state.imbalance.reference_price);
  json.member("near_price", state.imbalance.near_price);
  json.member("far_price", state.imbalance.far_price);
  json.end();
}

}  // namespace

std::string levels_csv(const terminal::BookSnapshot& snapshot) {
  std::string text = "side,level,price,size,orders,cumulative_size\n";
  append_levels(text, "bid", snapshot.bid);
  append_levels(text, "ask", snapshot.ask);
  return text;
}

std::string snapshot_json(const terminal::BookSnapshot& snapshot, bool with_queue) {
  JsonWriter json;
  json.begin_object();
  json.member("symbol", snapshot.symbol.view());
  json.member("locate", std::uint64_t{raw(snapshot.locate)});
  json.member("time", snapshot.time);
  json.member("trading_state", terminal::to_string(snapshot.state.trading));
  json.member("halt_reason", snapshot.state.halt_reason.view());
  write_code(json, "short_sale", snapshot.state.short_sale);
  json.member("quality", tapeline::to_string(snapshot.quality));
  json.member("spread", snapshot.spread(), 4);
  json.member("mid", snapshot.mid(), 5);
  json.member("weighted_mid", snapshot.weighted_mid(), 6);
  json.member("imbalance", snapshot.imbalance(), 6);
  json.member("bid_levels", std::uint64_t{snapshot.bid.all_levels});
  json.member("ask_levels", std::uint64_t{snapshot.ask.all_levels});
  json.key("bids");
  write_levels(json, snapshot.bid);
  json.key("asks");
  write_levels(json, snapshot.ask);
  write_last_trade(json, snapshot.last_trade);
  write_collar(json, snapshot.state);
  write_noii(json, snapshot.state);
  if (with_queue) {
    json.key("bid_queue");
    write_queue(json, snapshot.bid);
    json.key("ask_queue");
    write_queue(json, snapshot.ask);
  }
  json.end();
  return json.take();
}

std::string all_books_csv(const book::OrderBooks& books) {
  std::string text = "locate,symbol,bid_price,bid_size,ask_price,ask_size,quality\n";
  const auto half = [&text](Price price, std::uint64_t shares) {
    if (shares == 0)
      text += ",,";
    else
      fmt::format_to(std::back_inserter(text), ",{},{}", price_text(price), shares);
  };
  for (const Locate locate : books.locates()) {
    const book::Bbo& bbo = books.bbo(locate);
    fmt::format_to(std::back_inserter(text), "{},{}", raw(locate), csv_text(books.symbol(locate).view()));
    half(bbo.bid, bbo.bid_shares);
    half(bbo.ask, bbo.ask_shares);
    fmt::format_to(std::back_inserter(text), ",{}\n", tapeline::to_string(books.quality(locate)));
  }
  return text;
}

std::string all_books_json(const book::OrderBooks& books) {
  JsonWriter json;
  json.begin_array();
  const auto half = [&json](std::string_view price_name, std::string_view size_name, Price price,
                            std::uint64_t shares) {
    json.key(price_name);
    if (shares == 0)
      json.null();
    else
      json.price(price);
    json.key(size_name);
    if (shares == 0)
      json.null();
    else
      json.number(shares);
  };
  for (const Locate locate : books.locates()) {
    const book::Bbo& bbo = books.bbo(locate);
    json.begin_object(true);
    json.member("locate", std::uint64_t{raw(locate)});
    json.member("symbol", books.symbol(locate).view());
    half("bid_price", "bid_size", bbo.bid, bbo.bid_shares);
    half("ask_price", "ask_size", bbo.ask, bbo.ask_shares);
    json.member("quality", tapeline::to_string(books.quality(locate)));
    json.end();
  }
  json.end();
  return json.take();
}

std::string all_books_table(const book::OrderBooks& books, EventTime time, const StandardOutput& output) {
  std::vector<std::vector<std::string>> rows;
  for (const Locate locate : books.locates()) {
    const book::Bbo& bbo = books.bbo(locate);
    const auto price = [](Price value, std::uint64_t shares) { return shares == 0 ? "" : price_text(value); };
    const auto size = [](std::uint64_t shares) { return shares == 0 ? "" : terminal::grouped(shares); };
    const std::string_view symbol = books.symbol(locate).view();
    rows.push_back({symbol.empty() ? fmt::format("#{}", raw(locate)) : terminal::printable(symbol),
                    size(bbo.bid_shares), price(bbo.bid, bbo.bid_shares), price(bbo.ask, bbo.ask_shares),
                    size(bbo.ask_shares), std::string(terminal::to_string(books.state(locate).trading)),
                    std::string(tapeline::to_string(books.quality(locate)))});
  }
  const std::vector<tick_store::BoxColumn> columns{{"symbol", "", false},        {"bid size", "shares", true},
                                                   {"bid", "dollars", true},     {"ask", "dollars", true},
                                                   {"ask size", "shares", true}, {"state", "", false},
                                                   {"quality", "", false}};
  return fmt::format("{}{} symbols at {}\n", tick_store::draw_box_table(columns, rows, output.width),
                     rows.size(), event_time_text(time));
}

}  // namespace tapeline::app
