#include "book/order_books.h"

#include <fmt/format.h>

namespace tapeline::book {

namespace {

// Both sides of every locate, at most one level entry per order.
constexpr std::size_t side_arena_bytes = std::size_t{1} << 33;

}  // namespace

OrderBooks::OrderBooks(const OrderBooksConfig& config)
    : index_(config.expected_orders),
      blocks_(config.max_blocks),
      arena_(side_arena_bytes),
      books_(max_locates),
      states_(max_locates),
      symbols_(max_locates, Symbol("")) {
  mpids_.push_back(Mpid(""));
}

void OrderBooks::reset() {
  const OrderBooksConfig config{index_.capacity() / 2, blocks_.capacity()};
  const BookCounters counters = counters_;
  *this = OrderBooks(config);
  counters_ = counters;
}

std::uint32_t OrderBooks::append_block(std::uint32_t first_number, OrderRef ref) {
  const std::uint32_t number = take_block();
  QueueBlock& first = blocks_[first_number];
  QueueBlock& block = blocks_[number];
  block.first = first_number;
  block.key = first.key;
  block.next = none;
  block.link = first.link;
  block.ref_high = static_cast<std::uint32_t>(raw(ref) >> 32);
  block.locate = first.locate;
  block.side = first.side;
  block.is_first = false;
  block.count = 0;
  blocks_[first.link].next = number;
  first.link = number;
  return number;
}

std::optional<OrderBooks::Place> OrderBooks::find(Locate locate, OrderRef ref) const {
  OrderIndex::Slot& slot = const_cast<OrderBooks*>(this)->probe(locate, ref);
  if (slot.block == none) return std::nullopt;
  return Place{&slot, slot.block, blocks_[slot.block].find(ref)};
}

void OrderBooks::flag_bad(const Event& event, std::uint64_t& counter) {
  ++counter;
  Book& book = books_[raw(event.locate)];
  book.quality |= Quality::suspect;
  book.mentioned = true;  // Not `named`: the symbol is still to be learned.
}

void OrderBooks::note_crossing(Book& book) {
  const bool two_sided = book.bbo.bid_shares != 0 && book.bbo.ask_shares != 0;
  const bool crossed = !book.auction && two_sided && book.bbo.bid > book.bbo.ask;
  const bool locked = !book.auction && two_sided && book.bbo.bid == book.bbo.ask;
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

std::size_t OrderBooks::levels(Locate locate, Side side, std::span<LevelView> out) const {
  const SideLevels& levels = books_[raw(locate)].sides[static_cast<std::size_t>(side)];
  const std::size_t count = std::min<std::size_t>(levels.size, out.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = levels.size - 1 - i;
    const std::int64_t entry = levels.entries[at];
    const QueueBlock& first = blocks_[SideLevels::block(entry)];
    out[i] = {price_of(side, SideLevels::key(entry)), first.level_orders, first.level_shares};
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
    for (unsigned i = 0; i < block.count; ++i) orders.push_back(*find_order(locate, block.ref(i)));
  }
  return orders;
}

std::optional<OrderView> OrderBooks::find_order(Locate locate, OrderRef ref) const {
  const std::optional<Place> place = find(locate, ref);
  if (!place) return std::nullopt;
  const QueueBlock& block = blocks_[place->block];
  return OrderView{ref,
                   block.side,
                   price_of(block.side, block.key),
                   block.shares[place->position],
                   mpids_[place->slot->attribution()],
                   place->slot->entered()};
}

std::optional<QueuePosition> OrderBooks::queue_position(Locate locate, OrderRef ref) const {
  const std::optional<Place> place = find(locate, ref);
  if (!place) return std::nullopt;
  const QueueBlock& own = blocks_[place->block];
  const std::uint32_t first = own.is_first ? place->block : own.first;
  QueuePosition position{0, 0, blocks_[first].level_orders, blocks_[first].level_shares};
  for (std::uint32_t number = first;; number = blocks_[number].next) {
    const QueueBlock& block = blocks_[number];
    for (unsigned at = 0; at < block.count; ++at) {
      if (number == place->block && at == place->position) return position;
      ++position.orders_ahead;
      position.shares_ahead += block.shares[at];
    }
  }
}

std::size_t OrderBooks::memory_bytes() const {
  return index_.capacity() * sizeof(OrderIndex::Slot) + next_block_ * sizeof(QueueBlock) +
         arena_.bytes_used();
}

std::string OrderBooks::find_inconsistency() const {
  std::size_t orders = 0;
  std::size_t levels = 0;
  for (std::size_t locate = 0; locate < max_locates; ++locate) {
    for (const Side side : {Side::bid, Side::ask}) {
      const SideLevels& entries = books_[locate].sides[static_cast<std::size_t>(side)];
      levels += entries.size;
      for (std::uint32_t i = 0; i < entries.size; ++i) {
        if (i > 0 && SideLevels::key(entries.entries[i - 1]) >= SideLevels::key(entries.entries[i]))
          return fmt::format("locate {}: levels out of order", locate);
        const std::string wrong = find_queue_inconsistency(
            entries.entries[i], Locate{static_cast<std::uint16_t>(locate)}, side, orders);
        if (!wrong.empty()) return fmt::format("locate {}, level {}: {}", locate, i, wrong);
      }
    }
  }
  if (orders != index_.size()) return fmt::format("{} orders rest but {} are indexed", orders, index_.size());
  if (levels != live_levels_) return fmt::format("{} levels rest but {} are counted", levels, live_levels_);
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
    if (!block.is_first && (block.first != first_number || block.link != previous || block.count == 0))
      return "a block is linked wrongly or empty";
    for (unsigned at = 0; at < block.count; ++at) {
      const std::optional<Place> place = find(locate, block.ref(at));
      if (!place || place->block != number || place->position != at || block.shares[at] == 0)
        return fmt::format("order {} is not where the index says", raw(block.ref(at)));
      shares += block.shares[at];
      ++count;
    }
    previous = number;
  }
  if (count != first.level_orders || shares != first.level_shares || first.link != previous || count == 0)
    return "the totals are wrong";
  orders += count;
  return {};
}

}  // namespace tapeline::book
