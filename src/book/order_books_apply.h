#pragma once

// The message path of OrderBooks, part of order_books.h.

#include "book/order_books.h"

namespace tapeline::book {

inline void OrderBooks::prefetch_index(const Event& event, Hint& hint) const {
  hint.home = static_cast<std::uint32_t>(index_.home(event.order.ref));
  index_.prefetch(hint.home);
  _mm_prefetch(reinterpret_cast<const char*>(&books_[raw(event.locate)]), _MM_HINT_T0);
}

inline void OrderBooks::prefetch_block(const Event& event, Hint& hint) const {
  hint.block = index_.peek(event.order.ref, hint.home);
  _mm_prefetch(reinterpret_cast<const char*>(&blocks_[hint.block]), _MM_HINT_T0);
  const SideLevels& side = books_[raw(event.locate)].sides[static_cast<std::size_t>(event.side())];
  // By integers, since the entries of a side that never had an order are null.
  const auto end = reinterpret_cast<std::uintptr_t>(side.entries) + side.size * sizeof(std::int64_t);
  _mm_prefetch(reinterpret_cast<const char*>(end - 64), _MM_HINT_T0);
  _mm_prefetch(reinterpret_cast<const char*>(end - 1), _MM_HINT_T0);
}

// An add will append to the queue of its price; the other kinds touch the first block of theirs.
inline void OrderBooks::prefetch_level(const Event& event, Hint& hint) const {
  if (event.kind == EventKind::add) {
    const Side side = event.side();
    const SideLevels& levels = books_[raw(event.locate)].sides[static_cast<std::size_t>(side)];
    if (levels.size == 0) return;
    const std::int64_t at = levels.upper_bound(key_of(side, event.order.price));
    hint.block = SideLevels::block(levels.entries[at - 1]);
  } else if (const QueueBlock& block = blocks_[hint.block]; !block.is_first) {
    hint.block = block.first;
  }
  _mm_prefetch(reinterpret_cast<const char*>(&blocks_[hint.block]), _MM_HINT_T0);
}

template <class Handler>
void OrderBooks::apply(std::span<const Event> events, Handler& handler) {
  // Distances in messages; each stage needs what the one before it has loaded.
  constexpr std::size_t index_ahead = 32;
  constexpr std::size_t block_ahead = 22;
  constexpr std::size_t level_ahead = 12;
  constexpr std::size_t tail_ahead = 6;
  std::array<Hint, 64> hints;
  static_assert(index_ahead < 64);
  const auto hint = [&hints](std::size_t i) -> Hint& { return hints[i % 64]; };
  const std::size_t count = events.size();
  const Event* const all = events.data();
  std::size_t indexed = 0, blocked = 0, levelled = 0;
  for (; indexed < std::min(index_ahead, count); ++indexed) prefetch_index(all[indexed], hint(indexed));
  for (; blocked < std::min(block_ahead, count); ++blocked) prefetch_block(all[blocked], hint(blocked));
  for (; levelled < std::min(level_ahead, count); ++levelled) prefetch_level(all[levelled], hint(levelled));
  std::size_t i = 0;
  for (; i + index_ahead < count; ++i) {
    prefetch_index(all[i + index_ahead], hint(i + index_ahead));
    prefetch_block(all[i + block_ahead], hint(i + block_ahead));
    prefetch_level(all[i + level_ahead], hint(i + level_ahead));
    _mm_prefetch(reinterpret_cast<const char*>(&blocks_[blocks_[hint(i + tail_ahead).block].link]),
                 _MM_HINT_T0);
    apply_one(all[i], hint(i), handler);
  }
  for (; i < count; ++i) {
    if (i + block_ahead < count) prefetch_block(all[i + block_ahead], hint(i + block_ahead));
    if (i + level_ahead < count) prefetch_level(all[i + level_ahead], hint(i + level_ahead));
    apply_one(all[i], hint(i), handler);
  }
}

inline OrderIndex::Slot& OrderBooks::probe(Locate locate, OrderRef ref) {
  return index_.probe(ref, [&](const OrderIndex::Slot& slot) {
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
inline void OrderBooks::rest(OrderIndex::Slot& slot, Book& book, const Event& event, OrderRef ref, Side side,
                             PriceKey key, std::uint16_t attribution, std::uint32_t likely_level) {
  const Shares shares = event.order.shares;
  std::uint32_t number = likely_level;
  std::int64_t at = 0;
  SideLevels& levels = book.sides[static_cast<std::size_t>(side)];
  if (const QueueBlock& level = blocks_[number];
      !(level.is_first && level.key == key && level.locate == event.locate && level.side == side)) {
    if (levels.size == levels.capacity) [[unlikely]]
      arena_.grow(levels);
    at = levels.upper_bound(key);
    // The sentinel below the first entry has the key of the worst price, and block 0.
    const std::int64_t entry = levels.entries[at - 1];
    number = SideLevels::key(entry) == key ? SideLevels::block(entry) : none;
  }
  if (number != none) {
    QueueBlock& first = blocks_[number];
    first.level_shares += shares;
    ++first.level_orders;
    const std::uint32_t first_number = number;
    number = first.link;
    if (blocks_[number].count == QueueBlock::capacity || blocks_[number].ref_high != raw(ref) >> 32)
        [[unlikely]]
      number = append_block(first_number, ref);
  } else {
    number = take_block();
    QueueBlock& first = blocks_[number];
    first.level_shares = shares;
    first.level_orders = 1;
    first.key = key;
    first.next = none;
    first.link = number;
    first.ref_high = static_cast<std::uint32_t>(raw(ref) >> 32);
    first.locate = event.locate;
    first.side = side;
    first.is_first = true;
    first.count = 0;
    ++live_levels_;
    levels.insert(static_cast<std::uint32_t>(at), SideLevels::entry(key, number));
  }
  blocks_[number].append(ref, shares);
  index_.fill(slot, ref, number, event.time, attribution);
}

inline void OrderBooks::remove(OrderIndex::Slot& slot, Book& book, unsigned position) {
  const std::uint32_t number = slot.block;
  QueueBlock& block = blocks_[number];
  const std::uint32_t first_number = block.is_first ? number : block.first;
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
  if (block.count == 0 && first_number != number) [[unlikely]] {
    blocks_[block.link].next = block.next;
    (block.next != none ? blocks_[block.next] : first).link = block.link;
    free_block(number);
  }
}

template <class Handler>
inline void OrderBooks::refresh_bbo(const Event& event, Book& book, Side side, Handler& handler) {
  const Bbo before = book.bbo;
  Price price{};
  std::uint64_t shares = 0;
  if (const SideLevels& levels = book.sides[static_cast<std::size_t>(side)]; levels.size != 0) [[likely]] {
    const std::int64_t best = levels.entries[levels.size - 1];
    price = price_of(side, SideLevels::key(best));
    shares = blocks_[SideLevels::block(best)].level_shares;
  }
  (side == Side::bid ? book.bbo.bid : book.bbo.ask) = price;
  (side == Side::bid ? book.bbo.bid_shares : book.bbo.ask_shares) = shares;
  if (book.bbo == before) return;
  if (book.bbo.bid >= book.bbo.ask || has(book.quality, Quality::crossed) || book.locked) [[unlikely]]
    note_crossing(book);
  handler.on_bbo(event, before, book.bbo, book.quality);
}

template <class Handler>
inline void OrderBooks::apply_one(const Event& event, const Hint& hint, Handler& handler) {
  handler.on_event_begin(event);
  if (event.kind == EventKind::add) {
    apply_add(event, hint, handler);
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
inline void OrderBooks::apply_add(const Event& event, const Hint& hint, Handler& handler) {
  Book& book = books_[raw(event.locate)];
  if (!book.named) [[unlikely]]
    learn_symbol(event.locate, event.order.symbol);
  if (event.order.shares == 0 || (event.code != 'B' && event.code != 'S')) [[unlikely]]
    return flag_bad(event, counters_.invalid_field);
  OrderIndex::Slot& slot = probe(event.locate, event.order.ref);
  if (slot.block != none) [[unlikely]]
    return flag_bad(event, counters_.duplicate_ref);
  if (!has_room()) [[unlikely]]
    return flag_bad(event, counters_.over_capacity);
  std::uint16_t attribution = 0;
  if (event.attribution.bytes[0] != 0) [[unlikely]]
    attribution = attribution_index(event.attribution);
  const Side side = event.side();
  const PriceKey key = key_of(side, event.order.price);
  rest(slot, book, event, event.order.ref, side, key, attribution, hint.block);
  handler.on_order(event, OrderChange{event.order.ref, side, event.order.price, 0, event.order.shares,
                                      event.time, mpids_[attribution]});
  const SideLevels& levels = book.sides[static_cast<std::size_t>(side)];
  if (key == SideLevels::key(levels.entries[levels.size - 1])) refresh_bbo(event, book, side, handler);
}

template <class Handler>
inline void OrderBooks::apply_reduction(const Event& event, Handler& handler) {
  OrderIndex::Slot& slot = probe(event.locate, event.order.ref);
  if (slot.block == none) [[unlikely]]
    return flag_bad(event, counters_.unknown_order);
  Book& book = books_[raw(event.locate)];
  QueueBlock& block = blocks_[slot.block];
  const auto position = block.find(event.order.ref);
  const Side side = block.side;
  const PriceKey key = block.key;
  const Shares before = block.shares[position];
  const Shares by = event.kind == EventKind::remove ? before : event.order.shares;
  if (by - 1 >= before) [[unlikely]] {  // One comparison for 0, which wraps, and for too many.
    if (by == 0) return flag_bad(event, counters_.invalid_field);
    flag_bad(event, counters_.overfill);
  }
  const Shares after = by < before ? before - by : 0;
  const Price price = price_of(side, key);
  const bool at_best = price == (side == Side::bid ? book.bbo.bid : book.bbo.ask);
  handler.on_order(event, OrderChange{event.order.ref, side, price, before, after, slot.entered(),
                                      mpids_[slot.attribution()]});
  if (event.kind <= EventKind::execute_with_price) {
    const bool own_price = event.kind == EventKind::execute;
    handler.on_trade(
        event,
        TradeReport{own_price ? price : event.order.price, event.order.shares, event.match(), event.order.ref,
                    side, TradeKind::displayed, own_price || event.code != 'N', 0},
        book.bbo, book.quality);
  }
  if (after == 0) {
    remove(slot, book, position);
  } else {
    block.shares[position] = after;
    (block.is_first ? block : blocks_[block.first]).level_shares -= by;
  }
  if (at_best) refresh_bbo(event, book, side, handler);
}

template <class Handler>
inline void OrderBooks::apply_replace(const Event& event, Handler& handler) {
  OrderIndex::Slot& slot = probe(event.locate, event.order.ref);
  if (slot.block == none) [[unlikely]]
    return flag_bad(event, counters_.unknown_order);
  Book& book = books_[raw(event.locate)];
  const OrderRef new_ref = event.new_ref();
  if (new_ref != event.order.ref && probe(event.locate, new_ref).block != none) [[unlikely]]
    return flag_bad(event, counters_.duplicate_ref);
  const QueueBlock& block = blocks_[slot.block];
  const auto position = block.find(event.order.ref);
  const Side side = block.side;
  const PriceKey old_key = block.key;
  const PriceKey new_key = key_of(side, event.order.price);
  const auto attribution = slot.attribution();
  const SideLevels& levels = book.sides[static_cast<std::size_t>(side)];
  const PriceKey best = SideLevels::key(levels.entries[levels.size - 1]);
  handler.on_order(event, OrderChange{event.order.ref, side, price_of(side, old_key), block.shares[position],
                                      0, slot.entered(), mpids_[attribution]});
  remove(slot, book, position);
  if (event.order.shares == 0) [[unlikely]] {
    flag_bad(event, counters_.invalid_field);
  } else if (!has_room()) [[unlikely]] {
    flag_bad(event, counters_.over_capacity);
  } else {
    rest(probe(event.locate, new_ref), book, event, new_ref, side, new_key, attribution, none);
    handler.on_order(event, OrderChange{new_ref, side, event.order.price, 0, event.order.shares, event.time,
                                        mpids_[attribution]});
  }
  if (old_key == best || new_key >= best) refresh_bbo(event, book, side, handler);
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
                     book.bbo, book.quality);
  } else {
    if (!book.named) [[unlikely]]
      learn_symbol(event.locate, event.order.symbol);
    handler.on_trade(event,
                     TradeReport{event.order.price, event.order.shares, event.match(), event.order.ref,
                                 event.side(), TradeKind::hidden, true, 0},
                     book.bbo, book.quality);
  }
}

}  // namespace tapeline::book
