#pragma once

// The message path of OrderBooks, part of order_books.h.

#include "book/order_books.h"

namespace tapeline::book {

namespace detail {

inline void prefetch(std::uintptr_t address) {
  _mm_prefetch(reinterpret_cast<const char*>(address), _MM_HINT_T0);
}

}  // namespace detail

inline void OrderBooks::prefetch_index(std::span<const Event> events, Hints& hints) const {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::size_t home = index_.home(events[i].order.ref);
    hints.home[i] = static_cast<std::uint32_t>(home);
    index_.prefetch(home);
  }
}

// An add will look at the best levels of its side, the other kinds at the block of their order.
inline void OrderBooks::prefetch_blocks(std::span<const Event> events, Hints& hints) const {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    const std::uint32_t number = index_.peek(event.order.ref, hints.home[i]);
    hints.block[i] = number;
    const SideLevels& side = books_[raw(event.locate)].sides[raw(event.side())];
    // By integers, since the entries of a side that never had an order are null.
    const auto levels = reinterpret_cast<std::uintptr_t>(side.entries) + side.size * sizeof(std::int64_t) - 8;
    const auto block = reinterpret_cast<std::uintptr_t>(&blocks_[number]);
    const std::uintptr_t is_add = 0 - std::uintptr_t{event.kind == EventKind::add};
    detail::prefetch((levels & is_add) | (block & ~is_add));
    detail::prefetch(((levels - 64) & is_add) | (block & ~is_add));
  }
}

// An add will append to the queue of its price; the other kinds touch the first block of theirs, and the best
// levels of their side if it goes.
inline void OrderBooks::prefetch_levels(std::span<const Event> events, Hints& hints) const {
  std::array<std::uint8_t, chunk> adds;
  std::array<std::uint8_t, chunk> others;
  std::size_t add_count = 0;
  std::size_t other_count = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const bool is_add = events[i].kind == EventKind::add;
    adds[add_count] = static_cast<std::uint8_t>(i);
    others[other_count] = static_cast<std::uint8_t>(i);
    add_count += is_add;
    other_count += !is_add;
  }
  for (std::size_t k = 0; k < add_count; ++k) {
    const Event& event = events[adds[k]];
    const Side side = event.side();
    const SideLevels& levels = books_[raw(event.locate)].sides[raw(side)];
    if (levels.size == 0) [[unlikely]]
      continue;
    const std::int64_t at = levels.upper_bound(key_of(side, event.order.price));
    const std::uint32_t number = SideLevels::block(levels.entries[at - 1]);
    hints.block[adds[k]] = number;
    detail::prefetch(reinterpret_cast<std::uintptr_t>(&blocks_[number]));
  }
  for (std::size_t k = 0; k < other_count; ++k) {
    std::uint32_t& number = hints.block[others[k]];
    const QueueBlock& block = blocks_[number];
    const SideLevels& levels = books_[raw(events[others[k]].locate)].sides[raw(block.side) & 1];
    detail::prefetch(reinterpret_cast<std::uintptr_t>(levels.entries) + levels.size * sizeof(std::int64_t) -
                     8);
    number = block.first_of(number);
    detail::prefetch(reinterpret_cast<std::uintptr_t>(&blocks_[number]));
  }
}

inline void OrderBooks::prefetch_tails(std::size_t count, const Hints& hints) const {
  for (std::size_t i = 0; i < count; ++i)
    detail::prefetch(reinterpret_cast<std::uintptr_t>(&blocks_[blocks_[hints.block[i]].link]));
}

template <class Handler>
void OrderBooks::apply(std::span<const Event> events, Handler& handler) {
  const std::size_t chunks = (events.size() + chunk - 1) / chunk;
  const auto chunk_of = [&](std::size_t c) {
    return events.subspan(c * chunk, std::min(chunk, events.size() - c * chunk));
  };
  std::array<Hints, 4> ring;
  // Chunk c is applied in step c + 3; the stages run that many steps ahead of it.
  for (std::size_t step = 0; step < chunks + 3; ++step) {
    if (step < chunks) prefetch_index(chunk_of(step), ring[step % 4]);
    if (step >= 1 && step - 1 < chunks) prefetch_blocks(chunk_of(step - 1), ring[(step - 1) % 4]);
    if (step >= 2 && step - 2 < chunks) prefetch_levels(chunk_of(step - 2), ring[(step - 2) % 4]);
    if (step < 3) continue;
    const std::span<const Event> now = chunk_of(step - 3);
    const Hints& hints = ring[(step - 3) % 4];
    prefetch_tails(now.size(), hints);
    for (std::size_t i = 0; i < now.size(); ++i) apply_one(now[i], hints.block[i], handler);
  }
}

[[gnu::always_inline]] inline OrderIndex::Slot& OrderBooks::probe(Locate locate, OrderRef ref,
                                                                  std::size_t home) {
  return index_.probe(ref, home, [&](const OrderIndex::Slot& slot) {
    const QueueBlock& block = blocks_[slot.block];
    return block.locate == locate && block.ref_high == raw(ref) >> 32;
  });
}

inline std::uint32_t OrderBooks::take_block() {
  if (free_blocks_ == none) return next_block_++;
  const std::uint32_t number = free_blocks_;
  free_blocks_ = blocks_[number].next;
  return number;
}

// Puts an order at the back of its queue; `slot` is the free one that probe() gave for it.
[[gnu::always_inline]] inline void OrderBooks::rest(OrderIndex::Slot& slot, std::size_t home, Book& book,
                                                    const Event& event, OrderRef ref, Side side, PriceKey key,
                                                    std::uint16_t attribution, std::uint32_t likely_level) {
  const Shares shares = event.order.shares;
  const std::uint64_t identity = QueueBlock::first_identity(key, event.locate, side);
  std::uint32_t number = likely_level;
  std::int64_t at = 0;
  SideLevels& levels = book.sides[static_cast<std::size_t>(side)];
  if (blocks_[number].identity() != identity) {
    if (levels.size == levels.capacity) [[unlikely]]
      arena_.grow(levels);
    at = levels.upper_bound(key);
    // The sentinel below the first entry has the key of the worst price, and block 0.
    const std::int64_t entry = levels.entries[at - 1];
    number = SideLevels::key(entry) == key ? SideLevels::block(entry) : none;
  }
  const auto ref_high = static_cast<std::uint32_t>(raw(ref) >> 32);
  if (number != none) {
    QueueBlock& first = blocks_[number];
    first.level_shares += shares;
    ++first.level_orders;
    const std::uint32_t first_number = number;
    number = first.link;
    if (blocks_[number].is_full() || blocks_[number].ref_high != ref_high) [[unlikely]]
      number = append_block(first_number, ref);
    blocks_[number].append(ref, shares);
  } else {
    number = take_block();
    QueueBlock& first = blocks_[number];
    first.set_identity(identity);
    first.level_shares = shares;
    first.level_orders = 1;
    first.next = none;
    first.link = number;
    first.ref_high = ref_high;
    first.clear();
    first.shares[0] = shares;
    first.ref_low[0] = static_cast<std::uint32_t>(raw(ref));
    ++live_levels_;
    levels.insert(static_cast<std::uint32_t>(at), SideLevels::entry(key, number));
  }
  index_.fill(slot, home, ref, number, event.time, attribution);
}

[[gnu::always_inline]] inline void OrderBooks::remove(OrderIndex::Slot& slot, Book& book, unsigned position) {
  const std::uint32_t number = slot.block;
  QueueBlock& block = blocks_[number];
  const std::uint32_t first_number = block.first_of(number);
  QueueBlock& first = blocks_[first_number];
  index_.erase(slot);
  if (first.level_orders == 1) {
    SideLevels& levels = book.sides[static_cast<std::size_t>(block.side)];
    levels.erase(levels.upper_bound(first.key) - 1);
    --live_levels_;
    if (first_number != number) [[unlikely]]
      free_block(first_number);
    free_block(number);
    return;
  }
  --first.level_orders;
  first.level_shares -= block.shares[position];
  block.erase(position);
  if (block.is_empty() && first_number != number) [[unlikely]]
    unlink_block(number);
}

template <class Handler>
inline void OrderBooks::refresh_bbo(const Event& event, Book& book, Side side, Handler& handler) {
  const auto s = static_cast<std::size_t>(side);
  const SideLevels& levels = book.sides[s];
  // Below the first entry stands one with the smallest key and block 0.
  const std::int64_t best = levels.entries[static_cast<std::int64_t>(levels.size) - 1];
  const PriceKey key = SideLevels::key(best);
  const std::uint64_t shares = levels.size != 0 ? blocks_[SideLevels::block(best)].level_shares : 0;
  if (shares == book.best_shares[s] && (key == book.best_key[s] || shares == 0)) return;
  const Bbo before = bbo_of(book);
  book.best_key[s] = key;
  book.best_shares[s] = shares;
  const Bbo after = bbo_of(book);
  if (after.bid >= after.ask || has(book.quality, Quality::crossed) || book.locked) [[unlikely]]
    note_crossing(book);
  handler.on_bbo(event, before, after, book.quality);
}

template <class Handler>
inline void OrderBooks::apply_one(const Event& event, std::uint32_t likely_level, Handler& handler) {
  handler.on_event_begin(event);
  if (event.kind == EventKind::add) {
    apply_add(event, likely_level, handler);
  } else if (event.kind < EventKind::replace) {
    apply_reduction(event, handler);
  } else if (event.kind == EventKind::replace) {
    apply_replace(event, handler);
  } else if (event.kind <= last_trade_kind) {
    apply_trade(event, handler);
  } else {
    take_status(event);
    handler.on_status(event, states_[raw(event.locate)]);
  }
  handler.on_event_end(event);
}

template <class Handler>
inline void OrderBooks::apply_add(const Event& event, std::uint32_t likely_level, Handler& handler) {
  Book& book = books_[raw(event.locate)];
  const Shares shares = event.order.shares;
  if ((shares == 0) | ((event.code != 'B') & (event.code != 'S')) | !book.named) [[unlikely]] {
    if (!book.named) learn_symbol(event.locate, event.order.symbol);
    if (shares == 0 || (event.code != 'B' && event.code != 'S'))
      return flag_bad(event, counters_.invalid_field);
  }
  const OrderRef ref = event.order.ref;
  const std::size_t home = index_.home(ref);
  OrderIndex::Slot& slot = probe(event.locate, ref, home);
  if (slot.block != none) [[unlikely]]
    return flag_bad(event, counters_.duplicate_ref);
  if (!has_room()) [[unlikely]]
    return flag_bad(event, counters_.over_capacity);
  std::uint16_t attribution = 0;
  if (event.attribution.bytes[0] != 0) [[unlikely]]
    attribution = attribution_index(event.attribution);
  const Side side = event.side();
  const PriceKey key = key_of(side, event.order.price);
  rest(slot, home, book, event, ref, side, key, attribution, likely_level);
  handler.on_order(event,
                   OrderChange{ref, side, event.order.price, 0, shares, event.time, mpids_[attribution]});
  if (is_at_best(book, side, key)) refresh_bbo(event, book, side, handler);
}

template <class Handler>
inline void OrderBooks::apply_reduction(const Event& event, Handler& handler) {
  const OrderRef ref = event.order.ref;
  OrderIndex::Slot& slot = probe(event.locate, ref, index_.home(ref));
  if (slot.block == none) [[unlikely]]
    return flag_bad(event, counters_.unknown_order);
  Book& book = books_[raw(event.locate)];
  QueueBlock& block = blocks_[slot.block];
  const unsigned position = block.find(ref);
  const Side side = block.side;
  const PriceKey key = block.key;
  const Shares before = block.shares[position];
  const Shares by = event.kind == EventKind::remove ? before : event.order.shares;
  if (by - 1 >= before) [[unlikely]] {  // One comparison for 0, which wraps, and for too many.
    if (by == 0) return flag_bad(event, counters_.invalid_field);
    flag_bad(event, counters_.overfill);
  }
  const Shares after = by < before ? before - by : 0;
  const bool at_best = is_at_best(book, side, key);
  const Price price = price_of(side, key);
  handler.on_order(event,
                   OrderChange{ref, side, price, before, after, slot.entered(), mpids_[slot.attribution()]});
  if (event.kind <= EventKind::execute_with_price) {
    const bool own_price = event.kind == EventKind::execute;
    handler.on_trade(event,
                     TradeReport{own_price ? price : event.order.price, event.order.shares, event.match(),
                                 ref, side, TradeKind::displayed, own_price || event.code != 'N', 0},
                     bbo_of(book), book.quality);
  }
  if (after == 0) {
    remove(slot, book, position);
  } else {
    block.shares[position] = after;
    blocks_[block.first_of(slot.block)].level_shares -= by;
  }
  if (at_best) refresh_bbo(event, book, side, handler);
}

template <class Handler>
inline void OrderBooks::apply_replace(const Event& event, Handler& handler) {
  const OrderRef ref = event.order.ref;
  OrderIndex::Slot& slot = probe(event.locate, ref, index_.home(ref));
  if (slot.block == none) [[unlikely]]
    return flag_bad(event, counters_.unknown_order);
  Book& book = books_[raw(event.locate)];
  const OrderRef new_ref = event.new_ref();
  const std::size_t new_home = index_.home(new_ref);
  if (new_ref != ref && probe(event.locate, new_ref, new_home).block != none) [[unlikely]]
    return flag_bad(event, counters_.duplicate_ref);
  const QueueBlock& block = blocks_[slot.block];
  const unsigned position = block.find(ref);
  const Side side = block.side;
  const PriceKey old_key = block.key;
  const PriceKey new_key = key_of(side, event.order.price);
  const std::uint16_t attribution = slot.attribution();
  // Together, since either makes the best price move: at the better of the two prices.
  const bool at_best = is_at_best(book, side, std::max(old_key, new_key));
  handler.on_order(event, OrderChange{ref, side, price_of(side, old_key), block.shares[position], 0,
                                      slot.entered(), mpids_[attribution]});
  remove(slot, book, position);
  if (event.order.shares == 0) [[unlikely]] {
    flag_bad(event, counters_.invalid_field);
  } else if (!has_room()) [[unlikely]] {
    flag_bad(event, counters_.over_capacity);
  } else {
    rest(probe(event.locate, new_ref, new_home), new_home, book, event, new_ref, side, new_key, attribution,
         none);
    handler.on_order(event, OrderChange{new_ref, side, event.order.price, 0, event.order.shares, event.time,
                                        mpids_[attribution]});
  }
  if (at_best) refresh_bbo(event, book, side, handler);
}

template <class Handler>
void OrderBooks::apply_trade(const Event& event, Handler& handler) {
  const Book& book = books_[raw(event.locate)];
  if (event.kind == EventKind::broken_trade) {
    handler.on_broken_trade(event);
  } else if (event.kind == EventKind::cross) {
    if (!book.named) [[unlikely]]
      learn_symbol(event.locate, event.cross.symbol);
    handler.on_trade(event,
                     TradeReport{event.cross.price, event.cross.shares, event.cross.match, OrderRef{0},
                                 Side::bid, TradeKind::cross, true, event.code},
                     bbo_of(book), book.quality);
  } else {
    if (!book.named) [[unlikely]]
      learn_symbol(event.locate, event.order.symbol);
    handler.on_trade(event,
                     TradeReport{event.order.price, event.order.shares, event.match(), event.order.ref,
                                 event.side(), TradeKind::hidden, true, 0},
                     bbo_of(book), book.quality);
  }
}

}  // namespace tapeline::book
