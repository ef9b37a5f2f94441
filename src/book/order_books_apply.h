#pragma once

// The message path of OrderBooks, part of order_books.h.

#include "book/order_books.h"

namespace tapeline::book {

namespace detail {

// Of any address: a hint, also where it is wrong.
inline void prefetch(const void* address) {
  _mm_prefetch(static_cast<const char*>(address), _MM_HINT_T0);
}

// Of the entry so many below the end. By integers, since the entries of a side that never had an order are
// null.
inline const void* entry_address(const SideLevels& levels, std::uint32_t below) {
  return reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(levels.entries) +
                                       (std::uintptr_t{levels.size} - below) * sizeof(std::int64_t));
}

}  // namespace detail

inline void OrderBooks::prefetch_index(std::span<const Event> events, Chunk& chunk) const {
  chunk.events = events;
  std::uint32_t adds = 0;
  std::uint32_t others = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    const bool is_add = event.kind == EventKind::add;
    chunk.adds[adds] = static_cast<std::uint8_t>(i);
    chunk.others[others] = static_cast<std::uint8_t>(i);
    adds += is_add;
    others += !is_add;
    const std::uint32_t home = index_.home(event.order.ref);
    chunk.hints[i].entry.bucket = home;
    index_.prefetch(home);
    detail::prefetch(&books_[raw(event.locate)]);
  }
  chunk.add_count = adds;
  chunk.other_count = others;
}

// An add will look at the best levels of its side, the other kinds at the block of their order.
inline void OrderBooks::prefetch_blocks(Chunk& chunk) const {
  const QueueBlock* const blocks = blocks_.data();
  const OrderStamps* const stamps = stamps_.data();
  const Book* const books = books_.data();
  for (std::uint32_t k = 0; k < chunk.add_count; ++k) {
    const Event& event = chunk.events[chunk.adds[k]];
    const SideLevels& levels = books[raw(event.locate)].sides[raw(event.side())];
    for (const std::uint32_t below : {1u, 8u, 16u}) detail::prefetch(detail::entry_address(levels, below));
  }
  for (std::uint32_t k = 0; k < chunk.other_count; ++k) {
    Hint& hint = chunk.hints[chunk.others[k]];
    hint.entry = index_.peek(chunk.events[chunk.others[k]].order.ref, hint.entry.bucket);
    detail::prefetch(&blocks[hint.entry.block]);
    detail::prefetch(&stamps[hint.entry.block]);
  }
}

// An add will append to the queue of its price; the other kinds touch the first block of theirs, and the best
// levels of their side if it goes.
inline void OrderBooks::prefetch_levels(Chunk& chunk) const {
  const QueueBlock* const blocks = blocks_.data();
  const Book* const books = books_.data();
  for (std::uint32_t k = 0; k < chunk.add_count; ++k) {
    const Event& event = chunk.events[chunk.adds[k]];
    const Side side = event.side();
    const SideLevels& levels = books[raw(event.locate)].sides[raw(side)];
    std::uint32_t& level = chunk.hints[chunk.adds[k]].level;
    level = none;
    if (levels.size == 0) [[unlikely]]
      continue;
    const std::int64_t at = levels.near_upper_bound(key_of(side, event.order.price));
    level = SideLevels::block(levels.entries[at - 1]);
    detail::prefetch(&blocks[level]);
  }
  for (std::uint32_t k = 0; k < chunk.other_count; ++k) {
    Hint& hint = chunk.hints[chunk.others[k]];
    const QueueBlock& block = blocks[hint.entry.block];
    const SideLevels& levels = books[raw(chunk.events[chunk.others[k]].locate)].sides[raw(block.side) & 1];
    detail::prefetch(detail::entry_address(levels, 1));
    detail::prefetch(&blocks[block.first_of(hint.entry.block)]);
  }
}

inline void OrderBooks::prefetch_tails(const Chunk& chunk) const {
  const QueueBlock* const blocks = blocks_.data();
  for (std::uint32_t k = 0; k < chunk.add_count; ++k) {
    const std::uint32_t tail = blocks[chunk.hints[chunk.adds[k]].level].link;
    detail::prefetch(&blocks[tail]);
    detail::prefetch(&stamps_[tail]);
  }
}

template <class Handler>
void OrderBooks::apply(std::span<const Event> events, Handler& handler) {
  const std::size_t chunks = (events.size() + chunk_size - 1) / chunk_size;
  std::array<Chunk, 4> ring;
  // Chunk c is applied in step c + 3; the stages run that many steps ahead of it.
  for (std::size_t step = 0; step < chunks + 3; ++step) {
    if (step < chunks) {
      const std::size_t from = step * chunk_size;
      prefetch_index(events.subspan(from, std::min(chunk_size, events.size() - from)), ring[step % 4]);
    }
    if (step >= 1 && step - 1 < chunks) prefetch_blocks(ring[(step - 1) % 4]);
    if (step >= 2 && step - 2 < chunks) prefetch_levels(ring[(step - 2) % 4]);
    if (step < 3) continue;
    const Chunk& now = ring[(step - 3) % 4];
    prefetch_tails(now);
    for (std::size_t i = 0; i < now.events.size(); ++i) apply_one(now.events[i], now.hints[i], handler);
  }
}

// The entry of a live order: mostly as the hint says, which was taken some messages ago.
[[gnu::always_inline]] inline OrderIndex::Place OrderBooks::confirm(const Hint& hint, Locate locate,
                                                                    OrderRef ref, std::uint32_t home) const {
  if (index_.stands(hint.entry, ref, home) & blocks_[hint.entry.block].may_hold(locate, ref)) [[likely]]
    return {home, hint.entry.lane, hint.entry.block};
  return find_entry(locate, ref);
}

// There must be room.
inline std::uint32_t OrderBooks::take_block(Book& book) {
  if (book.free_blocks != none) {
    const std::uint32_t number = book.free_blocks;
    book.free_blocks = blocks_[number].next;
    return number;
  }
  if (book.next_block % run_length == 0) [[unlikely]] {
    book.next_block = next_run_;
    next_run_ += run_length;
  }
  return book.next_block++;
}

inline std::uint32_t OrderBooks::open_level(Book& book, std::uint32_t at, Locate locate, Side side,
                                            PriceKey key, OrderRef ref) {
  const std::uint32_t number = take_block(book);
  QueueBlock& first = blocks_[number];
  first.set_identity(QueueBlock::first_identity(key, locate, side));
  first.level_shares = 0;
  first.level_orders = 0;
  first.next = none;
  first.link = number;
  first.ref_high = static_cast<std::uint32_t>(raw(ref) >> 32);
  first.clear();
  book.sides[static_cast<std::size_t>(side)].insert(at, SideLevels::entry(key, number));
  return number;
}

// Puts an order at the back of its queue. The reference must not be live.
[[gnu::always_inline]] inline void OrderBooks::rest(Book& book, const Event& event, OrderRef ref,
                                                    std::uint32_t home, Side side, PriceKey key,
                                                    std::uint16_t attribution, std::uint32_t likely_level) {
  const auto s = static_cast<std::size_t>(side);
  SideLevels& levels = book.sides[s];
  std::uint32_t number = likely_level;
  const bool better = is_better(book, side, key);
  if ((blocks_[number].identity() != QueueBlock::first_identity(key, event.locate, side)) | better) {
    if (levels.size == levels.capacity) [[unlikely]]
      make_room(book, s);
    std::uint32_t at = levels.upper_bound(key);
    // The sentinel below the first entry has the key of the worst price, and block 0.
    const std::int64_t entry = levels.entries[std::int64_t{at} - 1];
    number = SideLevels::key(entry) == key ? SideLevels::block(entry) : none;
    if (number == none)
      number = open_level(book, at, event.locate, side, key, ref);
    else
      --at;
    if (better) book.above[s] = static_cast<std::uint8_t>(levels.size - 1 - at);
  }
  QueueBlock& first = blocks_[number];
  const Shares shares = event.order.shares;
  live_levels_ += first.level_orders == 0;
  first.level_shares += shares;
  ++first.level_orders;
  std::uint32_t tail = first.link;
  if (blocks_[tail].is_full() | (blocks_[tail].ref_high != raw(ref) >> 32)) [[unlikely]]
    tail = append_block(book, number, ref);
  const unsigned position = blocks_[tail].append(ref, shares);
  stamps_[tail].set(position, event.time, attribution);
  index_.insert(ref, home, tail, [this](std::uint32_t block) { return blocks_[block].ref_high; });
}

[[gnu::always_inline]] inline void OrderBooks::remove(Book& book, const OrderIndex::Place& entry,
                                                      std::uint32_t home, unsigned position) {
  QueueBlock& block = blocks_[entry.block];
  QueueBlock& first = blocks_[block.first_of(entry.block)];
  index_.erase(entry, home);
  first.level_shares -= block.shares[position];
  live_levels_ -= --first.level_orders == 0;
  block.erase(position);
  stamps_[entry.block].erase(position);
  if (block.is_empty() & !block.is_first) [[unlikely]]
    unlink_block(book, entry.block);
}

template <class Handler>
inline void OrderBooks::refresh_bbo(const Event& event, Book& book, Side side, Handler& handler) {
  const auto s = static_cast<std::size_t>(side);
  // Below the first entry stands one with the smallest key and block 0, whose totals are zero.
  std::int64_t best = book.sides[s].entries[best_entry(book, s)];
  std::uint64_t shares = blocks_[SideLevels::block(best)].level_shares;
  if (shares == 0) {
    shares = find_best(book, s);
    best = book.sides[s].entries[best_entry(book, s)];
  }
  const PriceKey key = SideLevels::key(best);
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
inline void OrderBooks::apply_one(const Event& event, const Hint& hint, Handler& handler) {
  handler.on_event_begin(event);
  if (event.kind == EventKind::add) {
    apply_add(event, hint.level, handler);
  } else if (event.kind < EventKind::replace) {
    apply_reduction(event, hint, handler);
  } else if (event.kind == EventKind::replace) {
    apply_replace(event, hint, handler);
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
  const std::uint32_t home = index_.home(ref);
  if (is_taken(event.locate, ref, home)) [[unlikely]]
    return flag_bad(event, counters_.duplicate_ref);
  if (!has_room(book)) [[unlikely]]
    return flag_bad(event, counters_.over_capacity);
  std::uint16_t attribution = 0;
  if (event.attribution.bytes[0] != 0) [[unlikely]]
    attribution = attribution_index(event.attribution);
  const Side side = event.side();
  const PriceKey key = key_of(side, event.order.price);
  rest(book, event, ref, home, side, key, attribution, likely_level);
  handler.on_order(event,
                   OrderChange{ref, side, event.order.price, 0, shares, event.time, mpids_[attribution]});
  if (is_at_best(book, side, key)) refresh_bbo(event, book, side, handler);
}

template <class Handler>
inline void OrderBooks::apply_reduction(const Event& event, const Hint& hint, Handler& handler) {
  const OrderRef ref = event.order.ref;
  const std::uint32_t home = index_.home(ref);
  const OrderIndex::Place entry = confirm(hint, event.locate, ref, home);
  if (entry.block == none) [[unlikely]]
    return flag_bad(event, counters_.unknown_order);
  Book& book = books_[raw(event.locate)];
  QueueBlock& block = blocks_[entry.block];
  const OrderStamps& stamps = stamps_[entry.block];
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
  handler.on_order(event, OrderChange{ref, side, price, before, after, stamps.entered(position),
                                      mpids_[stamps.attribution(position)]});
  if (event.kind <= EventKind::execute_with_price) {
    const bool own_price = event.kind == EventKind::execute;
    handler.on_trade(event,
                     TradeReport{own_price ? price : event.order.price, event.order.shares, event.match(),
                                 ref, side, TradeKind::displayed, own_price || event.code != 'N', 0},
                     bbo_of(book), book.quality);
  }
  if (after == 0) {
    remove(book, entry, home, position);
  } else {
    block.shares[position] = after;
    blocks_[block.first_of(entry.block)].level_shares -= by;
  }
  if (at_best) refresh_bbo(event, book, side, handler);
}

template <class Handler>
inline void OrderBooks::apply_replace(const Event& event, const Hint& hint, Handler& handler) {
  const OrderRef ref = event.order.ref;
  const std::uint32_t home = index_.home(ref);
  const OrderIndex::Place entry = confirm(hint, event.locate, ref, home);
  if (entry.block == none) [[unlikely]]
    return flag_bad(event, counters_.unknown_order);
  Book& book = books_[raw(event.locate)];
  const OrderRef new_ref = event.new_ref();
  if (new_ref != ref && is_taken(event.locate, new_ref, index_.home(new_ref))) [[unlikely]]
    return flag_bad(event, counters_.duplicate_ref);
  const QueueBlock& block = blocks_[entry.block];
  const OrderStamps& stamps = stamps_[entry.block];
  const unsigned position = block.find(ref);
  const Side side = block.side;
  const PriceKey old_key = block.key;
  const PriceKey new_key = key_of(side, event.order.price);
  const std::uint16_t attribution = stamps.attribution(position);
  // Together, since either makes the best price move: at the better of the two prices.
  const bool at_best = is_at_best(book, side, std::max(old_key, new_key));
  handler.on_order(event, OrderChange{ref, side, price_of(side, old_key), block.shares[position], 0,
                                      stamps.entered(position), mpids_[attribution]});
  remove(book, entry, home, position);
  if (event.order.shares == 0) [[unlikely]] {
    flag_bad(event, counters_.invalid_field);
  } else if (!has_room(book)) [[unlikely]] {
    flag_bad(event, counters_.over_capacity);
  } else {
    rest(book, event, new_ref, index_.home(new_ref), side, new_key, attribution, none);
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
