#include "book/plain_book.h"

#include <algorithm>
#include <iterator>

namespace tapeline::book {

namespace {

template <class Queue>
std::uint64_t total_shares(const Queue& queue) {
  std::uint64_t shares = 0;
  for (const OrderView& order : queue) shares += order.shares;
  return shares;
}

OrderChange change_of(const OrderView& order, Shares before, Shares after) {
  return {order.ref, order.side, order.price, before, after, order.entered, order.attribution};
}

bool may_be_crossed(TradingState state) {
  return state == TradingState::halted || state == TradingState::paused ||
         state == TradingState::quotation_only;
}

}  // namespace

Bbo PlainBook::bbo_of(const Book& book) {
  Bbo bbo{};
  if (!book.bids.empty()) {
    bbo.bid = book.bids.rbegin()->first;
    bbo.bid_shares = total_shares(book.bids.rbegin()->second);
  }
  if (!book.asks.empty()) {
    bbo.ask = book.asks.begin()->first;
    bbo.ask_shares = total_shares(book.asks.begin()->second);
  }
  return bbo;
}

void PlainBook::apply(const Event& event, BookRecorder& recorder) {
  Book& book = books_[event.locate];
  const Bbo before = bbo_of(book);
  switch (event.kind) {
    case EventKind::add: add(event, recorder); break;
    case EventKind::execute:
    case EventKind::execute_with_price:
    case EventKind::cancel:
    case EventKind::remove: reduce(event, recorder); break;
    case EventKind::replace: replace(event, recorder); break;
    case EventKind::trade:
    case EventKind::cross:
    case EventKind::broken_trade: trade(event, recorder); break;
    default:
      take_status(event);
      recorder.on_status(event, book.state);
      break;
  }
  // One message is one step, so it tells of one change of the BBO at most.
  if (const Bbo after = bbo_of(book); after != before) {
    note_crossing(book);
    recorder.on_bbo(event, before, after, book.quality);
  }
  recorder.on_event_end(event);
}

void PlainBook::add(const Event& event, BookRecorder& recorder) {
  Book& book = books_[event.locate];
  learn_symbol(book, event.order.symbol);
  if (event.order.shares == 0 || (event.code != 'B' && event.code != 'S'))
    return flag(book, counters_.invalid_field);
  if (orders_.contains({event.locate, event.order.ref})) return flag(book, counters_.duplicate_ref);
  const Mpid attribution = event.attribution.bytes[0] != 0 ? event.attribution : Mpid("");
  const OrderView order{event.order.ref,   event.code == 'B' ? Side::bid : Side::ask,
                        event.order.price, event.order.shares,
                        attribution,       event.time};
  insert(event.locate, order);
  recorder.on_order(event, change_of(order, 0, order.shares));
}

void PlainBook::reduce(const Event& event, BookRecorder& recorder) {
  Book& book = books_[event.locate];
  const auto found = orders_.find({event.locate, event.order.ref});
  if (found == orders_.end()) return flag(book, counters_.unknown_order);
  OrderView& order = *found->second;
  const Shares by = event.kind == EventKind::remove ? order.shares : event.order.shares;
  if (by == 0) return flag(book, counters_.invalid_field);
  if (by > order.shares) flag(book, counters_.overfill);
  const Shares left = by >= order.shares ? 0 : order.shares - by;
  recorder.on_order(event, change_of(order, order.shares, left));
  if (event.kind == EventKind::execute || event.kind == EventKind::execute_with_price) {
    const bool at_own_price = event.kind == EventKind::execute;
    const TradeReport report{at_own_price ? order.price : event.order.price,
                             event.order.shares,
                             event.match(),
                             order.ref,
                             order.side,
                             TradeKind::displayed,
                             at_own_price || event.code != 'N',
                             0};
    recorder.on_trade(event, report, bbo_of(book), book.quality);
  }
  if (left == 0)
    erase(found);
  else
    order.shares = left;
}

void PlainBook::replace(const Event& event, BookRecorder& recorder) {
  Book& book = books_[event.locate];
  const auto found = orders_.find({event.locate, event.order.ref});
  if (found == orders_.end()) return flag(book, counters_.unknown_order);
  const OrderView old = *found->second;
  if (event.new_ref() != old.ref && orders_.contains({event.locate, event.new_ref()}))
    return flag(book, counters_.duplicate_ref);
  recorder.on_order(event, change_of(old, old.shares, 0));
  erase(found);
  // The old order is gone in any case: that part of the message can be applied.
  if (event.order.shares == 0) return flag(book, counters_.invalid_field);
  const OrderView order{event.new_ref(),    old.side,        event.order.price,
                        event.order.shares, old.attribution, event.time};
  insert(event.locate, order);
  recorder.on_order(event, change_of(order, 0, order.shares));
}

void PlainBook::trade(const Event& event, BookRecorder& recorder) {
  Book& book = books_[event.locate];
  if (event.kind == EventKind::broken_trade) return recorder.on_broken_trade(event);
  TradeReport report{};
  report.printable = true;
  if (event.kind == EventKind::cross) {
    learn_symbol(book, event.cross.symbol);
    report.kind = TradeKind::cross;
    report.price = event.cross.price;
    report.shares = event.cross.shares;
    report.match = event.cross.match;
    report.cross_type = event.code;
  } else {
    learn_symbol(book, event.order.symbol);
    report.kind = TradeKind::hidden;
    report.price = event.order.price;
    report.shares = event.order.shares;
    report.match = event.match();
    report.resting = event.order.ref;
    report.resting_side = event.side();
  }
  recorder.on_trade(event, report, bbo_of(book), book.quality);
}

void PlainBook::take_status(const Event& event) {
  Book& book = books_[event.locate];
  SymbolState& state = book.state;
  if (event.kind == EventKind::directory) {
    book.named = true;
    book.symbol = event.status.symbol;
    state.round_lot = event.status.number;
    state.market_category = event.status.flags[0];
    state.financial_status = event.status.flags[1];
    state.luld_tier = event.status.flags[2];
    state.etp = event.status.flags[3];
  } else if (event.kind == EventKind::trading_action) {
    learn_symbol(book, event.status.symbol);
    state.trading = static_cast<TradingState>(event.code);
    state.halt_reason = event.status.reason;
    note_crossing(book);
  } else if (event.kind == EventKind::short_sale) {
    learn_symbol(book, event.status.symbol);
    state.short_sale = event.code;
  } else if (event.kind == EventKind::unknown) {
    ++counters_.unknown_message;
  } else if (event.kind == EventKind::malformed) {
    flag(book, counters_.malformed_message);
  }
}

void PlainBook::learn_symbol(Book& book, const Symbol& symbol) {
  book.named = true;
  if (book.symbol.view().empty()) book.symbol = symbol;
}

void PlainBook::note_crossing(Book& book) {
  const bool two_sided = !book.bids.empty() && !book.asks.empty() && !may_be_crossed(book.state.trading);
  const Bbo bbo = bbo_of(book);
  const bool crossed = two_sided && bbo.bid > bbo.ask;
  const bool locked = two_sided && bbo.bid == bbo.ask;
  if (crossed && !has(book.quality, Quality::crossed)) ++counters_.crossed;
  if (locked && !book.locked) ++counters_.locked;
  book.locked = locked;
  book.quality = crossed ? book.quality | Quality::crossed : without(book.quality, Quality::crossed);
}

void PlainBook::flag(Book& book, std::uint64_t& counter) {
  ++counter;
  book.quality |= Quality::suspect;
  book.named = true;
}

void PlainBook::insert(Locate locate, const OrderView& order) {
  Queue& queue = books_[locate].levels(order.side)[order.price];
  queue.push_back(order);
  orders_[{locate, order.ref}] = std::prev(queue.end());
}

void PlainBook::erase(Orders::iterator found) {
  const OrderView order = *found->second;
  Levels& levels = books_[found->first.first].levels(order.side);
  Queue& queue = levels[order.price];
  queue.erase(found->second);
  if (queue.empty()) levels.erase(order.price);
  orders_.erase(found);
}

const PlainBook::Book* PlainBook::find_book(Locate locate) const {
  const auto found = books_.find(locate);
  return found == books_.end() ? nullptr : &found->second;
}

Bbo PlainBook::bbo(Locate locate) const {
  const Book* book = find_book(locate);
  return book == nullptr ? Bbo{} : bbo_of(*book);
}

Quality PlainBook::quality(Locate locate) const {
  const Book* book = find_book(locate);
  return book == nullptr ? Quality::good : book->quality;
}

SymbolState PlainBook::state(Locate locate) const {
  const Book* book = find_book(locate);
  return book == nullptr ? SymbolState{} : book->state;
}

Symbol PlainBook::symbol(Locate locate) const {
  const Book* book = find_book(locate);
  return book == nullptr ? Symbol("") : book->symbol;
}

std::size_t PlainBook::live_levels() const {
  std::size_t count = 0;
  for (const auto& [locate, book] : books_) count += book.bids.size() + book.asks.size();
  return count;
}

std::vector<Locate> PlainBook::locates() const {
  std::vector<Locate> all;
  for (const auto& [locate, book] : books_)
    if (book.named) all.push_back(locate);
  return all;
}

std::size_t PlainBook::level_count(Locate locate, Side side) const {
  const Book* book = find_book(locate);
  return book == nullptr ? 0 : book->levels(side).size();
}

std::size_t PlainBook::levels(Locate locate, Side side, std::span<LevelView> out) const {
  const Book* book = find_book(locate);
  if (book == nullptr) return 0;
  const Levels& levels = book->levels(side);
  const std::size_t count = std::min(levels.size(), out.size());
  const auto view = [](const auto& level) {
    return LevelView{level.first, static_cast<std::uint32_t>(level.second.size()),
                     total_shares(level.second)};
  };
  const auto n = static_cast<std::ptrdiff_t>(count);
  if (side == Side::bid)
    std::transform(levels.rbegin(), std::next(levels.rbegin(), n), out.begin(), view);
  else
    std::transform(levels.begin(), std::next(levels.begin(), n), out.begin(), view);
  return count;
}

std::vector<OrderView> PlainBook::queue(Locate locate, Side side, Price price) const {
  const Book* book = find_book(locate);
  if (book == nullptr || !book->levels(side).contains(price)) return {};
  const Queue& queue = book->levels(side).at(price);
  return {queue.begin(), queue.end()};
}

std::optional<OrderView> PlainBook::find_order(Locate locate, OrderRef ref) const {
  const auto found = orders_.find({locate, ref});
  if (found == orders_.end()) return std::nullopt;
  return *found->second;
}

std::optional<QueuePosition> PlainBook::queue_position(Locate locate, OrderRef ref) const {
  const std::optional<OrderView> order = find_order(locate, ref);
  if (!order) return std::nullopt;
  const std::vector<OrderView> all = queue(locate, order->side, order->price);
  const auto own = std::ranges::find(all, ref, &OrderView::ref);
  const std::vector<OrderView> ahead(all.begin(), own);
  return QueuePosition{static_cast<std::uint32_t>(ahead.size()), total_shares(ahead),
                       static_cast<std::uint32_t>(all.size()), total_shares(all)};
}

void PlainBook::reset() {
  books_.clear();
  orders_.clear();
}

}  // namespace tapeline::book
