#include "serve/channel.h"

#include <algorithm>
#include <functional>

#include "serve/market_json.h"

namespace tapeline::serve {

namespace {

// Appends what turns one list of levels, best first, into another: new and changed ones, and those that are
// gone with a size of 0. Returns how many.
std::size_t append_level_changes(JsonText& json, Side side, std::span<const book::LevelView> before,
                                 std::span<const book::LevelView> after) {
  const auto is_better = [side](Price a, Price b) { return side == Side::bid ? a > b : a < b; };
  std::size_t count = 0;
  std::size_t old = 0;
  json.begin_array();
  const auto remove = [&](const book::LevelView& level) {
    json.begin_array().price(level.price).number(0).number(0).end_array();
    ++count;
  };
  for (const book::LevelView& level : after) {
    while (old < before.size() && is_better(before[old].price, level.price)) remove(before[old++]);
    const bool known = old < before.size() && before[old].price == level.price;
    const bool same = known && before[old] == level;
    if (known) ++old;
    if (same) continue;
    json.begin_array().price(level.price).number(level.shares).number(level.orders).end_array();
    ++count;
  }
  while (old < before.size()) remove(before[old++]);
  json.end_array();
  return count;
}

}  // namespace

Channel::Channel(const StreamRequest& request, StreamTable table, const Symbol& symbol)
    : id_(request.id),
      table_(table),
      symbol_(symbol),
      depth_(request.depth),
      interval_ns_(request.interval_ms * 1'000'000),
      bar_seconds_(request.bar_seconds),
      most_rows_(request.rows),
      filter_(request.filter) {}

void Channel::begin(JsonText& json, bool anew, const MarketView& view) {
  json.begin_object().member("type", anew ? "snapshot" : "delta").member("table", to_string(table_));
  json.member("id", id_);
  if (is_by_symbol(table_)) json.member("symbol", symbol_.view());
  json.member("n", ++number_);
  append_place(json, place_of(view));
}

bool Channel::tell(StreamContext& context, std::string& out) {
  if (table_ == StreamTable::overview) return tell_overview(context.view, out);
  if (table_ == StreamTable::status) return tell_status(context, out);
  return tell_symbol(context, out);
}

bool Channel::tell_symbol(StreamContext& context, std::string& out) {
  MarketView& view = context.view;
  const bool anew = sent_.session != view.session_count();
  if (anew) {
    // A symbol that is not named yet is waited for.
    const std::optional<Locate> found = view.find_symbol(symbol_.view());
    if (!found) return false;
    locate_ = *found;
    sent_ = Sent{.session = view.session_count()};
  }
  const SymbolRecord& record = *view.record(locate_);
  if (!anew && record.messages == sent_.messages && view.epoch() == sent_.epoch) return false;
  const std::uint64_t changes = record.messages - sent_.messages;
  sent_.messages = record.messages;
  sent_.epoch = view.epoch();
  switch (table_) {
    case StreamTable::book: return tell_book(view, anew, changes, out);
    case StreamTable::bbo: return tell_bbo(view, anew, changes, out);
    case StreamTable::trades: return tell_trades(view, anew, out);
    case StreamTable::bars: return tell_bars(view, anew, out);
    case StreamTable::overview:
    case StreamTable::status: break;
  }
  return false;
}

bool Channel::tell_book(MarketView& view, bool anew, std::uint64_t changes, std::string& out) {
  const book::OrderBooks& books = view.books();
  const Quality quality = books.quality(locate_);
  const book::TradingState state = books.state(locate_).trading;
  std::string text;
  JsonText json(text);
  begin(json, anew, view);
  json.member("quality", tapeline::to_string(quality)).member("state", terminal::to_string(state));
  json.member("changes", changes);
  std::size_t changed = 0;
  for (const Side side : {Side::bid, Side::ask}) {
    std::vector<book::LevelView>& before = sent_.levels[raw(side)];
    std::vector<book::LevelView> after(depth_);
    after.resize(books.levels(locate_, side, after));
    json.key(side == Side::bid ? "bids" : "asks");
    changed += append_level_changes(json, side, before, after);
    before = std::move(after);
  }
  json.end_object();
  if (!anew && changed == 0 && quality == sent_.quality && state == sent_.state) {
    --number_;
    return false;
  }
  sent_.quality = quality;
  sent_.state = state;
  out.append(text).append(1, '\n');
  return true;
}

bool Channel::tell_bbo(MarketView& view, bool anew, std::uint64_t changes, std::string& out) {
  const book::Bbo bbo = view.books().bbo(locate_);
  const Quality quality = view.books().quality(locate_);
  const book::TradingState state = view.books().state(locate_).trading;
  if (!anew && bbo == sent_.bbo && quality == sent_.quality && state == sent_.state) return false;
  sent_.bbo = bbo;
  sent_.quality = quality;
  sent_.state = state;
  JsonText json(out);
  begin(json, anew, view);
  json.member("quality", tapeline::to_string(quality)).member("state", terminal::to_string(state));
  json.member("changes", changes).member("bid", bbo.bid).member("bid_size", bbo.bid_shares);
  json.member("ask", bbo.ask).member("ask_size", bbo.ask_shares).end_object();
  out += '\n';
  return true;
}

bool Channel::tell_trades(MarketView& view, bool anew, std::string& out) {
  const SymbolRecord& record = *view.record(locate_);
  const Ring<TapeTrade>& tape = record.tape;
  if (!anew && sent_.place == tape.total()) return false;
  const std::uint64_t wanted = anew ? tape.oldest() : sent_.place;
  const std::uint64_t first = std::max(wanted, tape.oldest());
  JsonText json(out);
  begin(json, anew, view);
  json.member("missed", first - wanted).member("volume", record.volume);
  json.member("open", record.open).member("high", record.high).member("low", record.low);
  json.member("vwap", record.notional / static_cast<double>(record.volume), 4).key("trades").begin_array();
  for (std::uint64_t i = first; i < tape.total(); ++i) append_trade(json, tape[i], i);
  json.end_array().end_object();
  out += '\n';
  sent_.place = tape.total();
  return true;
}

bool Channel::tell_bars(MarketView& view, bool anew, std::string& out) {
  SymbolRecord& record = *view.record(locate_);
  FlowBars& flow = bar_seconds_ == 1 ? record.seconds : record.minutes;
  flow.settle(view.feed().watermark());
  const Ring<FlowBar>& bars = flow.bars();
  if (bars.empty() && !anew) return false;
  // The bar that was the newest may have grown since.
  const std::uint64_t wanted = anew || sent_.place == 0 ? bars.oldest() : sent_.place - 1;
  const std::uint64_t first = std::max(wanted, bars.oldest());
  JsonText json(out);
  begin(json, anew, view);
  json.member("width_s", std::uint64_t{bar_seconds_}).member("missed", first - wanted).key("bars");
  json.begin_array();
  for (std::uint64_t i = first; i < bars.total(); ++i) append_bar(json, bars[i]);
  json.end_array().end_object();
  out += '\n';
  sent_.place = bars.total();
  return true;
}

std::vector<Locate> Channel::pick_rows(MarketView& view) const {
  std::vector<Locate> rows;
  for (const Locate locate : view.ranking()) {
    if (rows.size() == most_rows_) break;
    if (view.books().symbol(locate).view().find(filter_) != std::string_view::npos) rows.push_back(locate);
  }
  return rows;
}

bool Channel::tell_overview(MarketView& view, std::string& out) {
  const bool anew = sent_.session != view.session_count();
  if (anew) sent_ = Sent{.session = view.session_count()};
  const std::vector<Locate> rows = pick_rows(view);
  std::vector<std::pair<Locate, std::size_t>> now;
  now.reserve(rows.size());
  std::string text;
  JsonText json(text);
  begin(json, anew, view);
  if (anew) json.key("columns").json(overview_columns);
  json.member("symbols", view.symbols().size()).key("rows").begin_array();
  std::vector<std::pair<Locate, std::size_t>> before = sent_.rows;
  std::ranges::sort(before);
  bool changed = anew || rows.size() != sent_.rows.size();
  std::string row;
  for (const Locate locate : rows) {
    row.clear();
    JsonText one(row);
    append_overview_row(one, view, locate);
    now.emplace_back(locate, std::hash<std::string>{}(row));
    if (std::ranges::binary_search(before, now.back())) continue;
    json.json(row);
    changed = true;
  }
  json.end_array();
  const auto same_place = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (!std::ranges::equal(now, sent_.rows, same_place)) {
    changed = true;
    json.key("order").begin_array();
    for (const Locate locate : rows) json.text(view.books().symbol(locate).view());
    json.end_array();
  }
  json.end_object();
  sent_.rows = std::move(now);
  if (!changed) {
    --number_;
    return false;
  }
  out.append(text).append(1, '\n');
  return true;
}

bool Channel::tell_status(StreamContext& context, std::string& out) {
  if (context.status_json.empty() || sent_.place == context.status_version) return false;
  JsonText json(out);
  begin(json, true, context.view);
  json.key("status").json(context.status_json).end_object();
  out += '\n';
  sent_.place = context.status_version;
  return true;
}

}  // namespace tapeline::serve
