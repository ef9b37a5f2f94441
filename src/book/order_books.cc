#include "book/order_books.h"

#include <algorithm>

#include <fmt/format.h>

namespace tapeline::book {

namespace {

// Both sides of every locate, at most one level entry per order.
constexpr std::size_t side_arena_bytes = std::size_t{1} << 33;

}  // namespace

OrderBooks::OrderBooks(const OrderBooksConfig& config)
    : orders_(config.expected_orders, config.max_blocks * QueueBlock::capacity),
      blocks_(config.max_blocks),
      arena_(side_arena_bytes),
      books_(max_locates),
      windows_(2 * max_locates),
      outside_(2 * max_locates),
      states_(max_locates),
      symbols_(max_locates, Symbol("")) {
  mpids_.push_back(Mpid(""));
  hints_.fill(&blocks_[none].link);
  blocks_[none].shape = QueueBlock::first_flag | QueueBlock::capacity;  // Full: it takes no order.
}

void OrderBooks::reset() {
  const OrderBooksConfig config{orders_.index_limit(), blocks_.capacity()};
  const BookCounters counters = counters_;
  *this = OrderBooks(config);
  counters_ = counters;
}

// The block where the next order of a level goes when its last one cannot take it.
std::uint32_t OrderBooks::append_block(std::uint32_t first_number, OrderRef ref) {
  QueueBlock& first = blocks_[first_number];
  const auto ref_high = static_cast<std::uint32_t>(raw(ref) >> 32);
  if (first.link == first_number && first.size() == 0) {
    first.ref_high = ref_high;
    return first_number;
  }
  const std::uint32_t number = take_block();
  QueueBlock& block = blocks_[number];
  block.level_shares = 0;
  block.previous = first.link;
  block.key = first.key;
  block.link = first_number;
  block.next = none;
  block.ref_high = ref_high;
  block.locate = first.locate;
  block.slot = first.slot;
  block.shape = QueueBlock::shape_of(first.side(), false);
  blocks_[first.link].next = number;
  first.link = number;
  return number;
}

void OrderBooks::unlink_block(std::uint32_t number) {
  const QueueBlock& block = blocks_[number];
  blocks_[block.previous].next = block.next;
  if (block.next != none)
    blocks_[block.next].previous = block.previous;
  else
    blocks_[block.link].link = block.previous;
  free_block(number);
}

// There must be room; see has_room().
std::uint32_t OrderBooks::rest_slowly(const Event& event, OrderRef ref, Side side, PriceKey key,
                                      std::uint16_t attribution) {
  const auto s = static_cast<std::size_t>(side);
  Book& book = books_[raw(event.locate)];
  const std::uint32_t number = level_for(event.locate, side, key);
  QueueBlock& level = blocks_[number];
  std::uint32_t tail = level.link;
  if (!blocks_[tail].takes(ref)) tail = append_block(number, ref);
  CHECK(orders_.has_room());  // There are as many orders as fit the blocks.
  level.level_shares += event.order.shares;
  live_levels_ += level.level_orders == 0;
  ++level.level_orders;
  if (level.slot < PriceWindow::size) book.live[s] |= std::uint64_t{1} << level.slot;
  blocks_[tail].append(ref);
  orders_.put_anywhere(ref, {tail, event.order.shares, event.time, attribution});
  if (!book.plain[s]) note_plainness(event.locate, s);
  return number;
}

// False for what no book can have saved: no shares, or a reference that is live.
bool OrderBooks::load_order(Locate locate, Side side, PriceKey key, const detail::SavedOrder& order) {
  if (order.shares == 0 || is_live(locate, order.ref) || !has_room(locate)) return false;
  const std::uint16_t attribution =
      order.attribution.view().empty() ? std::uint16_t{0} : attribution_index(order.attribution);
  Event event{};
  event.locate = locate;
  event.time = order.entered;
  event.order.shares = order.shares;
  rest_slowly(event, order.ref, side, key, attribution);
  Book& book = books_[raw(locate)];
  NullBookHandler quiet;
  if (is_at_best(book, side, key)) refresh_bbo(event, book, static_cast<std::size_t>(side), quiet);
  return true;
}

void OrderBooks::flag_bad(const Event& event, std::uint64_t& counter) {
  ++counter;
  Book& book = books_[raw(event.locate)];
  book.quality |= Quality::suspect;
  book.mentioned = true;  // Not `named`: the symbol is still to be learned.
}

void OrderBooks::note_crossing(Book& book) {
  const Bbo bbo = bbo_of(book);
  const bool two_sided = bbo.bid_shares != 0 && bbo.ask_shares != 0;
  const bool crossed = !book.auction && two_sided && bbo.bid > bbo.ask;
  const bool locked = !book.auction && two_sided && bbo.bid == bbo.ask;
  if (crossed && !has(book.quality, Quality::crossed)) ++counters_.crossed;
  if (locked && !book.locked) ++counters_.locked;
  book.locked = locked;
  book.quality = crossed ? book.quality | Quality::crossed : without(book.quality, Quality::crossed);
}

void OrderBooks::learn_symbol(Locate locate, const Symbol& symbol) {
  books_[raw(locate)].named = true;
  if (symbols_[raw(locate)].view().empty()) symbols_[raw(locate)] = symbol;
}

std::uint16_t OrderBooks::attribution_index(Mpid mpid) {
  const auto key = std::bit_cast<std::uint32_t>(mpid.bytes);
  const auto [found, inserted] = mpid_indices_.try_emplace(
      key, static_cast<std::uint16_t>(std::min<std::size_t>(mpids_.size(), 65'535)));
  if (inserted && mpids_.size() < 65'535) mpids_.push_back(mpid);
  // NASDAQ has a few hundred participants; a hostile feed that names more than 65,534 shares the last index.
  return static_cast<std::uint16_t>(std::min<std::size_t>(found->second, mpids_.size() - 1));
}

void OrderBooks::take_status(const Event& event) {
  Book& book = books_[raw(event.locate)];
  SymbolState& state = states_[raw(event.locate)];
  switch (event.kind) {
    case EventKind::directory:
      book.named = true;
      symbols_[raw(event.locate)] = event.status.symbol;
      state.round_lot = event.status.number;
      state.market_category = event.status.flags[0];
      state.financial_status = event.status.flags[1];
      state.luld_tier = event.status.flags[2];
      state.etp = event.status.flags[3];
      break;
    case EventKind::trading_action:
      learn_symbol(event.locate, event.status.symbol);
      state.trading = static_cast<TradingState>(event.code);
      state.halt_reason = event.status.reason;
      book.auction = state.trading == TradingState::halted || state.trading == TradingState::paused ||
                     state.trading == TradingState::quotation_only;
      note_crossing(book);
      break;
    case EventKind::short_sale:
      learn_symbol(event.locate, event.status.symbol);
      state.short_sale = event.code;
      break;
    case EventKind::operational_halt: state.operational_halt = event.code; break;
    case EventKind::price_collar:
      state.collar_reference = event.status.price1;
      state.collar_upper = event.status.price2;
      state.collar_lower = event.status.price3;
      break;
    case EventKind::imbalance:
      state.imbalance = event.imbalance;
      state.imbalance_direction = event.code;
      state.imbalance_time = event.time;
      break;
    case EventKind::ipo:
      state.ipo_price = event.status.price1;
      state.ipo_release_seconds = event.status.number;
      break;
    case EventKind::retail_interest: state.retail_interest = event.code; break;
    case EventKind::unknown: ++counters_.unknown_message; break;
    case EventKind::malformed: flag_bad(event, counters_.malformed_message); break;
    default: break;  // Of the market as a whole, or of a participant: told to the handler only.
  }
}

void OrderBooks::mark_all(Quality flags) {
  for (std::size_t i = 0; i < max_locates; ++i) books_[i].quality |= flags;
}

void OrderBooks::unmark_all(Quality flags) {
  for (std::size_t i = 0; i < max_locates; ++i) books_[i].quality = without(books_[i].quality, flags);
}

std::vector<Locate> OrderBooks::locates() const {
  std::vector<Locate> all;
  for (std::size_t i = 0; i < max_locates; ++i)
    if (books_[i].named || books_[i].mentioned) all.push_back(Locate{static_cast<std::uint16_t>(i)});
  return all;
}

std::optional<Locate> OrderBooks::find_symbol(std::string_view symbol) const {
  for (const Locate locate : locates())
    if (symbols_[raw(locate)].view() == symbol) return locate;
  return std::nullopt;
}

std::size_t OrderBooks::level_count(Locate locate, Side side) const {
  const auto s = static_cast<std::size_t>(side);
  const SideLevels& levels = outside(locate, s);
  return static_cast<std::size_t>(std::popcount(books_[raw(locate)].live[s])) +
         static_cast<std::size_t>(std::count_if(
             levels.entries, levels.entries + levels.size,
             [&](std::int64_t entry) { return blocks_[SideLevels::block(entry)].level_orders != 0; }));
}

std::size_t OrderBooks::levels(Locate locate, Side side, std::span<LevelView> out) const {
  std::size_t count = 0;
  if (out.empty()) return count;
  visit_levels(locate, static_cast<std::size_t>(side), [&](std::uint32_t number) {
    const QueueBlock& level = blocks_[number];
    out[count++] = {price_of(side, level.key), level.level_orders, level.level_shares};
    return count < out.size();
  });
  return count;
}

std::vector<OrderView> OrderBooks::queue(Locate locate, Side side, Price price) const {
  std::vector<OrderView> orders;
  for (std::uint32_t number = find_level(locate, side, key_of(side, price)); number != none;
       number = blocks_[number].next) {
    const QueueBlock& block = blocks_[number];
    for (unsigned i = 0; i < block.size(); ++i) orders.push_back(*find_order(locate, block.ref(i)));
  }
  return orders;
}

std::size_t OrderBooks::queue_front(Locate locate, Side side, Price price, std::span<OrderView> out) const {
  std::size_t count = 0;
  for (std::uint32_t number = find_level(locate, side, key_of(side, price)); number != none;
       number = blocks_[number].next) {
    const QueueBlock& block = blocks_[number];
    for (unsigned i = 0; i < block.size(); ++i) {
      if (count == out.size()) return count;
      out[count++] = *find_order(locate, block.ref(i));
    }
  }
  return count;
}

std::optional<OrderView> OrderBooks::find_order(Locate locate, OrderRef ref) const {
  const OrderTable::Place place = find(locate, ref);
  if (place.number == 0) return std::nullopt;
  const RestingOrder& order = orders_.order(place);
  const QueueBlock& block = blocks_[order.block];
  return OrderView{ref,
                   block.side(),
                   price_of(block.side(), block.key),
                   order.shares,
                   mpids_[order.attribution()],
                   order.entered()};
}

std::optional<QueuePosition> OrderBooks::queue_position(Locate locate, OrderRef ref) const {
  const OrderTable::Place place = find(locate, ref);
  if (place.number == 0) return std::nullopt;
  const std::uint32_t own = orders_.order(place).block;
  const std::uint32_t first = blocks_[own].first_of(own);
  QueuePosition position{0, 0, blocks_[first].level_orders, blocks_[first].level_shares};
  for (std::uint32_t number = first;; number = blocks_[number].next) {
    const QueueBlock& block = blocks_[number];
    for (unsigned at = 0; at < block.size(); ++at) {
      if (block.ref(at) == ref) return position;
      ++position.orders_ahead;
      position.shares_ahead += orders_.order(find(locate, block.ref(at))).shares;
    }
  }
}

std::size_t OrderBooks::memory_bytes() const {
  const auto sides =
      static_cast<std::size_t>(2 * std::count_if(books_.data(), books_.data() + max_locates,
                                                 [](const Book& book) { return book.scale != 0; }));
  return orders_.memory_bytes() + next_block_ * sizeof(QueueBlock) + arena_.bytes_used() +
         sides * (sizeof(PriceWindow) + sizeof(SideLevels)) + max_locates * sizeof(Book);
}

std::string OrderBooks::find_inconsistency() const {
  std::size_t orders = 0;
  std::size_t levels = 0;
  for (std::size_t i = 0; i < max_locates; ++i) {
    const Locate locate{static_cast<std::uint16_t>(i)};
    for (const Side side : {Side::bid, Side::ask}) {
      const std::string wrong = find_side_inconsistency(locate, side, orders, levels);
      if (!wrong.empty()) return fmt::format("locate {}: {}", i, wrong);
    }
  }
  if (orders != orders_.size()) return fmt::format("{} orders rest but {} are found", orders, orders_.size());
  if (levels != live_levels_) return fmt::format("{} levels rest but {} are counted", levels, live_levels_);
  return {};
}

std::string OrderBooks::find_side_inconsistency(Locate locate, Side side, std::size_t& orders,
                                                std::size_t& levels) const {
  const auto s = static_cast<std::size_t>(side);
  const Book& book = books_[raw(locate)];
  for (std::uint64_t live = book.live[s]; live != 0; live &= live - 1) {
    const auto slot = static_cast<std::size_t>(std::countr_zero(live));
    const std::uint32_t number = window(locate, s).slots[slot];
    if (blocks_[number].level_orders == 0) return "a live slot has no orders";
    if (blocks_[number].slot != slot) return "a level is in another slot than it says";
    const std::uint32_t step = step_of(book, s, blocks_[number].key);
    if (step - book.base[s] >= PriceWindow::size) return "a level in the window lies outside it";
    if (step % PriceWindow::size != slot) return "a level is in another slot than its price says";
    if (std::string wrong = find_level_inconsistency(number, locate, side, orders); !wrong.empty())
      return fmt::format("slot {}: {}", slot, wrong);
  }
  const SideLevels& entries = outside(locate, s);
  bool plain = true;
  for (std::uint32_t i = 0; i < entries.size; ++i) {
    const QueueBlock& level = blocks_[SideLevels::block(entries.entries[i])];
    if (level.key != SideLevels::key(entries.entries[i])) return "an entry has another price than its level";
    if (i > 0 && SideLevels::key(entries.entries[i - 1]) >= level.key) return "levels out of order";
    if (level.slot != QueueBlock::no_slot) return "a level outside the window says that it has a slot";
    plain &= level.level_orders == 0 || step_of(book, s, level.key) < book.base[s];
    if (std::string wrong =
            find_level_inconsistency(SideLevels::block(entries.entries[i]), locate, side, orders);
        !wrong.empty())
      return fmt::format("level {}: {}", i, wrong);
  }
  if (book.plain[s] && !plain) return "a side is called plain and is not";
  std::uint32_t best = none;
  visit_levels(locate, s, [&](std::uint32_t number) {
    if (levels++, best == none) best = number;
    return true;
  });
  if (book.best_shares[s] != blocks_[best].level_shares || book.best_key[s] != blocks_[best].key)
    return "the best level is not the one that is told";
  return {};
}

std::string OrderBooks::find_level_inconsistency(std::uint32_t first_number, Locate locate, Side side,
                                                 std::size_t& orders) const {
  const QueueBlock& first = blocks_[first_number];
  std::uint64_t shares = 0;
  std::uint32_t count = 0;
  std::uint32_t previous = none;
  for (std::uint32_t number = first_number; number != none; number = blocks_[number].next) {
    const QueueBlock& block = blocks_[number];
    if (block.is_first() != (number == first_number) || block.locate != locate || block.side() != side ||
        block.key != first.key)
      return "a block of another level";
    if (!block.is_first() && (block.link != first_number || block.previous != previous || block.size() == 0))
      return "a block is linked wrongly or empty";
    for (unsigned at = 0; at < block.size(); ++at) {
      const OrderTable::Place place = find(locate, block.ref(at));
      if (place.number == 0 || orders_.order(place).block != number || orders_.order(place).shares == 0)
        return fmt::format("order {} is not where the table says", raw(block.ref(at)));
      shares += orders_.order(place).shares;
      ++count;
    }
    previous = number;
  }
  if (count != first.level_orders || shares != first.level_shares || first.link != previous)
    return "the totals are wrong";
  orders += count;
  return {};
}

}  // namespace tapeline::book
