#include "book/order_books.h"

#include <algorithm>

#include <fmt/format.h>

namespace tapeline::book {

namespace {

// Both sides of every locate, at most one level entry per order.
constexpr std::size_t side_arena_bytes = std::size_t{1} << 33;

}  // namespace

OrderBooks::OrderBooks(const OrderBooksConfig& config)
    : index_(config.expected_orders),
      blocks_(config.max_blocks),
      stamps_(config.max_blocks),
      arena_(side_arena_bytes),
      books_(max_locates),
      symbols_(max_locates) {
  mpids_.push_back(Mpid(""));
}

void OrderBooks::reset() {
  const OrderBooksConfig config{index_.limit(), blocks_.capacity()};
  const BookCounters counters = counters_;
  *this = OrderBooks(config);
  counters_ = counters;
}

// The block where the next order of a level goes when its last one cannot take it.
std::uint32_t OrderBooks::append_block(Book& book, std::uint32_t first_number, OrderRef ref) {
  QueueBlock& first = blocks_[first_number];
  const auto ref_high = static_cast<std::uint32_t>(raw(ref) >> 32);
  if (first.link == first_number && first.is_empty()) {
    first.ref_high = ref_high;
    return first_number;
  }
  const std::uint32_t number = take_block(book);
  QueueBlock& block = blocks_[number];
  block.set_identity(first.identity());
  block.is_first = false;
  block.first = first_number;
  block.next = none;
  block.link = first.link;
  block.ref_high = ref_high;
  block.clear();
  blocks_[first.link].next = number;
  first.link = number;
  return number;
}

void OrderBooks::unlink_block(Book& book, std::uint32_t number) {
  const QueueBlock& block = blocks_[number];
  blocks_[block.link].next = block.next;
  // The next block is never a first one, so its link is the one before it.
  blocks_[block.next != none ? block.next : block.first].link = block.link;
  free_block(book, number);
}

[[gnu::noinline]] void OrderBooks::drop_empty_levels(Book& book, std::size_t side) {
  SideLevels& levels = book.sides[side];
  for (std::uint32_t i = 0; i < levels.size; ++i)
    detail::prefetch(&blocks_[SideLevels::block(levels.entries[i])]);
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < levels.size; ++i) {
    const std::uint32_t number = SideLevels::block(levels.entries[i]);
    if (blocks_[number].level_orders != 0)
      levels.entries[kept++] = levels.entries[i];
    else
      free_block(book, number);
  }
  levels.size = kept;
  book.above[side] = 0;
}

// Makes room for one more level: drops the empty ones, and grows where that does not free half of the room.
void OrderBooks::make_room(Book& book, std::size_t side) {
  drop_empty_levels(book, side);
  SideLevels& levels = book.sides[side];
  if (levels.size >= levels.capacity / 2) arena_.grow(levels);
}

// All runs are given out: the book has what is left of its own, and the blocks of its empty levels.
[[gnu::noinline]] bool OrderBooks::reclaim(Book& book) {
  const auto has_block = [&] { return book.free_blocks != none || book.next_block % run_length != 0; };
  if (has_block()) return true;
  for (const std::size_t side : {0u, 1u}) drop_empty_levels(book, side);
  return has_block();
}

// Called when the level that was the best has lost its orders: finds the next one that has some and returns
// its shares, 0 if the side is empty. Keeps only a few empty levels above it.
[[gnu::noinline]] std::uint64_t OrderBooks::find_best(Book& book, std::size_t side) {
  const SideLevels& levels = book.sides[side];
  for (std::int64_t at = best_entry(book, side) - 1; at >= 0; --at) {
    const QueueBlock& first = blocks_[SideLevels::block(levels.entries[at])];
    if (first.level_orders == 0) continue;
    const auto best = static_cast<std::uint32_t>(at);
    if (levels.size - 1 - best > max_above) drop_levels(book, side, best + 1);
    book.above[side] = static_cast<std::uint8_t>(levels.size - 1 - best);
    return first.level_shares;
  }
  drop_levels(book, side, 0);
  book.above[side] = 0;
  return 0;
}

// Removes the entries from `down_to` up; their levels must be empty.
void OrderBooks::drop_levels(Book& book, std::size_t side, std::uint32_t down_to) {
  SideLevels& levels = book.sides[side];
  while (levels.size > down_to) free_block(book, SideLevels::block(levels.entries[--levels.size]));
}

std::optional<OrderBooks::OrderPlace> OrderBooks::find(Locate locate, OrderRef ref) const {
  const OrderIndex::Place entry = find_entry(locate, ref);
  if (entry.block == none) return std::nullopt;
  return OrderPlace{entry, blocks_[entry.block].find(ref)};
}

// False for what no book can have saved: no shares, or a reference that is live.
bool OrderBooks::load_order(Book& book, Locate locate, Side side, PriceKey key,
                            const detail::SavedOrder& order) {
  const std::uint32_t home = index_.home(order.ref);
  if (order.shares == 0 || is_taken(locate, order.ref, home) || !has_room(book)) return false;
  const std::uint16_t attribution =
      order.attribution.view().empty() ? std::uint16_t{0} : attribution_index(order.attribution);
  Event event{};
  event.locate = locate;
  event.time = order.entered;
  event.order.shares = order.shares;
  rest(book, event, order.ref, home, side, key, attribution, none);
  NullBookHandler quiet;
  if (is_at_best(book, side, key)) refresh_bbo(event, book, side, quiet);
  return true;
}

void OrderBooks::flag_bad(const Event& event, std::uint64_t& counter) {
  ++counter;
  Book& book = meet(event.locate);
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
  meet(locate).named = true;
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
  if (raw(event.locate) >= states_.size()) states_.resize(std::size_t{raw(event.locate)} + 1);
  SymbolState& state = states_[raw(event.locate)];
  switch (event.kind) {
    case EventKind::directory:
      meet(event.locate).named = true;
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
  unnamed_quality_ |= flags;
  for (const Locate locate : met_) books_[raw(locate)].quality |= flags;
}

void OrderBooks::unmark_all(Quality flags) {
  unnamed_quality_ = without(unnamed_quality_, flags);
  for (const Locate locate : met_) books_[raw(locate)].quality = without(books_[raw(locate)].quality, flags);
}

std::vector<Locate> OrderBooks::locates() const {
  std::vector<Locate> all;
  for (const Locate locate : met_)
    if (books_[raw(locate)].named || books_[raw(locate)].mentioned) all.push_back(locate);
  std::ranges::sort(all);
  return all;
}

std::optional<Locate> OrderBooks::find_symbol(std::string_view symbol) const {
  for (const Locate locate : locates())
    if (symbols_[raw(locate)].view() == symbol) return locate;
  return std::nullopt;
}

std::size_t OrderBooks::level_count(Locate locate, Side side) const {
  const SideLevels& levels = books_[raw(locate)].sides[static_cast<std::size_t>(side)];
  return static_cast<std::size_t>(
      std::count_if(levels.entries, levels.entries + levels.size,
                    [&](std::int64_t entry) { return blocks_[SideLevels::block(entry)].level_orders != 0; }));
}

std::size_t OrderBooks::levels(Locate locate, Side side, std::span<LevelView> out) const {
  const Book& book = books_[raw(locate)];
  const SideLevels& levels = book.sides[static_cast<std::size_t>(side)];
  std::size_t count = 0;
  for (std::int64_t at = best_entry(book, static_cast<std::size_t>(side)); at >= 0 && count < out.size();
       --at) {
    const std::int64_t entry = levels.entries[at];
    const QueueBlock& first = blocks_[SideLevels::block(entry)];
    if (first.level_orders == 0) continue;
    out[count++] = {price_of(side, SideLevels::key(entry)), first.level_orders, first.level_shares};
  }
  return count;
}

std::vector<OrderView> OrderBooks::queue(Locate locate, Side side, Price price) const {
  std::vector<OrderView> orders;
  const SideLevels& levels = books_[raw(locate)].sides[static_cast<std::size_t>(side)];
  if (levels.size == 0) return orders;
  const PriceKey key = key_of(side, price);
  const std::uint32_t at = levels.upper_bound(key);
  if (at == 0 || SideLevels::key(levels.entries[at - 1]) != key) return orders;
  for (std::uint32_t number = SideLevels::block(levels.entries[at - 1]); number != none;
       number = blocks_[number].next) {
    const QueueBlock& block = blocks_[number];
    for (unsigned i = 0; i < block.size(); ++i) orders.push_back(*find_order(locate, block.ref(i)));
  }
  return orders;
}

std::optional<OrderView> OrderBooks::find_order(Locate locate, OrderRef ref) const {
  const std::optional<OrderPlace> place = find(locate, ref);
  if (!place) return std::nullopt;
  const QueueBlock& block = blocks_[place->entry.block];
  const OrderStamps& stamps = stamps_[place->entry.block];
  return OrderView{ref,
                   block.side,
                   price_of(block.side, block.key),
                   block.shares[place->position],
                   mpids_[stamps.attribution(place->position)],
                   stamps.entered(place->position)};
}

std::optional<QueuePosition> OrderBooks::queue_position(Locate locate, OrderRef ref) const {
  const std::optional<OrderPlace> place = find(locate, ref);
  if (!place) return std::nullopt;
  const std::uint32_t first = blocks_[place->entry.block].first_of(place->entry.block);
  QueuePosition position{0, 0, blocks_[first].level_orders, blocks_[first].level_shares};
  for (std::uint32_t number = first;; number = blocks_[number].next) {
    const QueueBlock& block = blocks_[number];
    for (unsigned at = 0; at < block.size(); ++at) {
      if (number == place->entry.block && at == place->position) return position;
      ++position.orders_ahead;
      position.shares_ahead += block.shares[at];
    }
  }
}

std::size_t OrderBooks::memory_bytes() const {
  return index_.memory_bytes() + next_run_ * (sizeof(QueueBlock) + sizeof(OrderStamps)) + arena_.bytes_used();
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
  if (orders != index_.size()) return fmt::format("{} orders rest but {} are indexed", orders, index_.size());
  if (levels != live_levels_) return fmt::format("{} levels rest but {} are counted", levels, live_levels_);
  return {};
}

std::string OrderBooks::find_side_inconsistency(Locate locate, Side side, std::size_t& orders,
                                                std::size_t& levels) const {
  const Book& book = books_[raw(locate)];
  const auto s = static_cast<std::size_t>(side);
  const SideLevels& entries = book.sides[s];
  if (book.above[s] > max_above) return "too many empty levels above the best";
  for (std::uint32_t i = 0; i < entries.size; ++i) {
    const std::int64_t entry = entries.entries[i];
    if (i > 0 && SideLevels::key(entries.entries[i - 1]) >= SideLevels::key(entry))
      return "levels out of order";
    const std::string wrong = find_queue_inconsistency(entry, locate, side, orders);
    if (!wrong.empty()) return fmt::format("level {}: {}", i, wrong);
    const QueueBlock& first = blocks_[SideLevels::block(entry)];
    levels += first.level_orders != 0;
    const std::int64_t best = best_entry(book, s);
    if (i == best && (first.level_orders == 0 || first.key != book.best_key[s] ||
                      first.level_shares != book.best_shares[s]))
      return "the best level is not the one that is told";
    if (i > best && first.level_orders != 0) return "a level above the best has orders";
  }
  if (entries.size == 0 && book.best_shares[s] != 0) return "an empty side has a best level";
  return {};
}

std::string OrderBooks::find_queue_inconsistency(std::int64_t entry, Locate locate, Side side,
                                                 std::size_t& orders) const {
  const std::uint32_t first_number = SideLevels::block(entry);
  const QueueBlock& first = blocks_[first_number];
  if (first.key != SideLevels::key(entry)) return "the first block has another price";
  std::uint64_t shares = 0;
  std::uint32_t count = 0;
  std::uint32_t previous = none;
  for (std::uint32_t number = first_number; number != none; number = blocks_[number].next) {
    const QueueBlock& block = blocks_[number];
    if (block.is_first != (number == first_number) || block.locate != locate || block.side != side ||
        block.key != first.key)
      return "a block of another level";
    if (!block.is_first && (block.first != first_number || block.link != previous || block.is_empty()))
      return "a block is linked wrongly or empty";
    for (unsigned at = 0; at < block.size(); ++at) {
      const std::optional<OrderPlace> place = find(locate, block.ref(at));
      if (!place || place->entry.block != number || place->position != at || block.shares[at] == 0)
        return fmt::format("order {} is not where the index says", raw(block.ref(at)));
      shares += block.shares[at];
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
