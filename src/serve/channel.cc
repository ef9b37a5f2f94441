#include "serve/channel.h"

#include <algorithm>
#include <functional>

#include "serve/market_json.h"

namespace tapeline::serve {

namespace {

// What turns one list of levels, best first, into another: new and changed ones, and those that are gone with
// a size of 0.
std::vector<book::LevelView> level_changes(Side side, std::span<const book::LevelView> before,
                                           std::span<const book::LevelView> after) {
  const auto is_better = [side](Price a, Price b) { return side == Side::bid ? a > b : a < b; };
  std::vector<book::LevelView> changes;
  std::size_t old = 0;
  const auto remove = [&changes](const book::LevelView& level) { changes.push_back({level.price, 0, 0}); };
  for (const book::LevelView& level : after) {
    while (old < before.size() && is_better(before[old].price, level.price)) remove(before[old++]);
    const bool known = old < before.size() && before[old].price == level.price;
    const bool same = known && before[old] == level;
    if (known) ++old;
    if (!same) changes.push_back(level);
  }
  while (old < before.size()) remove(before[old++]);
  return changes;
}

BinaryTrade binary_trade(const TapeTrade& trade, std::uint64_t number) {
  BinaryTrade row{};
  row.number = number;
  row.time_ns = raw(trade.time);
  row.size = trade.shares;
  row.match = raw(trade.match);
  row.sequence = trade.sequence;
  row.price = trade.price.ticks;
  row.aggressor = trade.aggressor == ' ' ? '\0' : trade.aggressor;
  row.kind = trade.shares == 0 ? BinaryTrade::broken : static_cast<std::uint8_t>(trade.kind);
  row.quality = static_cast<std::uint8_t>(trade.quality);
  return row;
}

BinaryBar binary_bar(const FlowBar& bar) {
  BinaryBar row{};
  row.start_s = bar.start_s;
  row.open = bar.open.ticks;
  row.high = bar.high.ticks;
  row.low = bar.low.ticks;
  row.close = bar.close.ticks;
  row.trades = bar.trades;
  row.volume = bar.volume;
  row.buy_volume = bar.buy_volume;
  row.sell_volume = bar.sell_volume;
  row.order_flow = bar.order_flow;
  row.vwap = bar.vwap();
  row.spread = bar.mean_spread();
  row.quality = static_cast<std::uint8_t>(bar.quality);
  return row;
}

void append_levels_to(BinaryMessage& message, std::span<const book::LevelView> levels) {
  for (const book::LevelView& level : levels)
    message.append(BinaryLevel{level.price.ticks, level.orders, level.shares});
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
      filter_(request.filter),
      format_(request.format) {}

void Channel::begin(JsonText& json, bool anew, const MarketView& view) {
  json.begin_object().member("type", anew ? "snapshot" : "delta").member("table", to_string(table_));
  json.member("id", id_);
  if (is_by_symbol(table_)) json.member("symbol", symbol_.view());
  json.member("n", ++number_);
  append_place(json, place_of(view));
}

BinaryHeader Channel::binary_header(bool anew, const MarketView& view) {
  const FeedPlace place = place_of(view);
  BinaryHeader header{};
  header.table = static_cast<std::uint8_t>(table_);
  header.kind = anew ? BinaryHeader::snapshot : BinaryHeader::delta;
  header.version = BinaryHeader::current_version;
  header.id = static_cast<std::uint32_t>(id_);
  header.n = ++number_;
  header.sequence = place.sequence;
  header.time_ns = raw(place.time);
  header.session = FixedText<10>(place.session);
  header.symbol = symbol_;
  return header;
}

bool Channel::tell(StreamContext& context, Outgoing& out) {
  if (table_ == StreamTable::overview) return tell_overview(context.view, out.text);
  if (table_ == StreamTable::status) return tell_status(context, out.text);
  return tell_symbol(context, out);
}

bool Channel::tell_symbol(StreamContext& context, Outgoing& out) {
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

bool Channel::tell_book(MarketView& view, bool anew, std::uint64_t changes, Outgoing& out) {
  const book::OrderBooks& books = view.books();
  const Quality quality = books.quality(locate_);
  const book::TradingState state = books.state(locate_).trading;
  std::vector<book::LevelView> changed[2];
  for (const Side side : {Side::bid, Side::ask}) {
    std::vector<book::LevelView> now(depth_);
    now.resize(books.levels(locate_, side, now));
    changed[raw(side)] = level_changes(side, sent_.levels[raw(side)], now);
    sent_.levels[raw(side)] = std::move(now);
  }
  const auto& [bids, asks] = changed;
  if (!anew && bids.empty() && asks.empty() && quality == sent_.quality && state == sent_.state) return false;
  sent_.quality = quality;
  sent_.state = state;
  if (format_ == StreamFormat::binary) {
    BinaryHeader header = binary_header(anew, view);
    header.quality = static_cast<std::uint8_t>(quality);
    header.state = static_cast<char>(state);
    BinaryMessage message(out.binary, header);
    message.append(BinaryBook{changes, static_cast<std::uint32_t>(bids.size()),
                              static_cast<std::uint32_t>(asks.size())});
    append_levels_to(message, bids);
    append_levels_to(message, asks);
    message.finish();
    return true;
  }
  JsonText json(out.text);
  begin(json, anew, view);
  json.member("quality", tapeline::to_string(quality)).member("state", terminal::to_string(state));
  json.member("changes", changes);
  append_levels(json.key("bids"), bids);
  append_levels(json.key("asks"), asks);
  json.end_object();
  out.text += '\n';
  return true;
}

bool Channel::tell_bbo(MarketView& view, bool anew, std::uint64_t changes, Outgoing& out) {
  const book::Bbo bbo = view.books().bbo(locate_);
  const Quality quality = view.books().quality(locate_);
  const book::TradingState state = view.books().state(locate_).trading;
  if (!anew && bbo == sent_.bbo && quality == sent_.quality && state == sent_.state) return false;
  sent_.bbo = bbo;
  sent_.quality = quality;
  sent_.state = state;
  if (format_ == StreamFormat::binary) {
    BinaryHeader header = binary_header(anew, view);
    header.quality = static_cast<std::uint8_t>(quality);
    header.state = static_cast<char>(state);
    BinaryMessage message(out.binary, header);
    message.append(BinaryBbo{changes, bbo.bid.ticks, bbo.ask.ticks, bbo.bid_shares, bbo.ask_shares});
    message.finish();
    return true;
  }
  JsonText json(out.text);
  begin(json, anew, view);
  json.member("quality", tapeline::to_string(quality)).member("state", terminal::to_string(state));
  json.member("changes", changes).member("bid", bbo.bid).member("bid_size", bbo.bid_shares);
  json.member("ask", bbo.ask).member("ask_size", bbo.ask_shares).end_object();
  out.text += '\n';
  return true;
}

bool Channel::tell_trades(MarketView& view, bool anew, Outgoing& out) {
  const SymbolRecord& record = *view.record(locate_);
  const Ring<TapeTrade>& tape = record.tape;
  if (!anew && sent_.place == tape.total()) return false;
  const std::uint64_t wanted = anew ? tape.oldest() : sent_.place;
  const std::uint64_t first = std::max(wanted, tape.oldest());
  const double vwap = record.notional / static_cast<double>(record.volume);
  sent_.place = tape.total();
  if (format_ == StreamFormat::binary) {
    BinaryMessage message(out.binary, binary_header(anew, view));
    message.append(BinaryTrades{first - wanted, record.volume, vwap, record.open.ticks, record.high.ticks,
                                record.low.ticks, static_cast<std::uint32_t>(tape.total() - first)});
    for (std::uint64_t i = first; i < tape.total(); ++i) message.append(binary_trade(tape[i], i));
    message.finish();
    return true;
  }
  JsonText json(out.text);
  begin(json, anew, view);
  json.member("missed", first - wanted).member("volume", record.volume);
  json.member("open", record.open).member("high", record.high).member("low", record.low);
  json.member("vwap", vwap, 4).key("trades").begin_array();
  for (std::uint64_t i = first; i < tape.total(); ++i) append_trade(json, tape[i], i);
  json.end_array().end_object();
  out.text += '\n';
  return true;
}

bool Channel::tell_bars(MarketView& view, bool anew, Outgoing& out) {
  SymbolRecord& record = *view.record(locate_);
  FlowBars& flow = bar_seconds_ == 1 ? record.seconds : record.minutes;
  flow.settle(view.feed().watermark());
  const Ring<FlowBar>& bars = flow.bars();
  if (bars.empty() && !anew) return false;
  // The bar that was the newest may have grown since.
  const std::uint64_t wanted = anew || sent_.place == 0 ? bars.oldest() : sent_.place - 1;
  const std::uint64_t first = std::max(wanted, bars.oldest());
  sent_.place = bars.total();
  if (format_ == StreamFormat::binary) {
    BinaryMessage message(out.binary, binary_header(anew, view));
    message.append(
        BinaryBars{first - wanted, bar_seconds_, static_cast<std::uint32_t>(bars.total() - first)});
    for (std::uint64_t i = first; i < bars.total(); ++i) message.append(binary_bar(bars[i]));
    message.finish();
    return true;
  }
  JsonText json(out.text);
  begin(json, anew, view);
  json.member("width_s", std::uint64_t{bar_seconds_}).member("missed", first - wanted).key("bars");
  json.begin_array();
  for (std::uint64_t i = first; i < bars.total(); ++i) append_bar(json, bars[i]);
  json.end_array().end_object();
  out.text += '\n';
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
