#pragma once

// The message path of OrderBooks, part of order_books.h.

#include "book/order_books.h"

namespace tapeline::book {

namespace detail {

// One of two addresses, without the branch that the compiler would make of it: the condition is a coin toss.
[[nodiscard, gnu::always_inline]] inline const std::uint32_t* choose(bool first, const std::uint32_t* a,
                                                                     const std::uint32_t* b) {
  asm("test %1, %1\n\tcmovne %2, %0" : "+r"(b) : "r"(first), "r"(a) : "cc");
  return b;
}

}  // namespace detail

// What a message touches is a chain: the slot of its reference or of its price, the order or the level named
// there, the queue block, the other end of its queue. Each stage of the look-ahead loads one link, some
// messages before the next one needs it, and none branches on the kind of a message where that cannot be
// guessed. What the stages see may have changed by the time the message is applied: they only load.
[[gnu::always_inline]] inline void OrderBooks::prefetch_slot(const Event& event, Hint& hint) const {
  const Side side = event.side();
  // The scale is that of nearly all symbols: that of the book may not be loaded yet.
  const std::uint32_t step = PriceWindow::step_of(side, event.order.price, PriceWindow::step_is_cent);
  const PriceWindow& prices = window(event.locate, static_cast<std::size_t>(side));
  const std::uint32_t* const of_price = &prices.slots[step % PriceWindow::size];
  const std::uint32_t* const of_order = orders_.slot_address(event.order.ref);
  const std::uint32_t* const source = detail::choose(event.kind == EventKind::add, of_price, of_order);
  hint = source;
  tapeline::prefetch(source);
  tapeline::prefetch(&books_[raw(event.locate)]);
}

[[gnu::always_inline]] inline void OrderBooks::prefetch_order(const Event& event, Hint& hint) const {
  const std::uint32_t number = *hint;
  const std::uint32_t* const of_order = orders_.block_address(event.order.ref, number);
  // For an add, the hint is in a window: which slot, its address tells. Nothing is loaded for a price that
  // has no orders. Where the caller has not kept its word, this may be an order's number and no block's.
  const std::uint64_t live = books_[raw(event.locate)].live[static_cast<std::size_t>(event.side())];
  const std::uintptr_t slot = reinterpret_cast<std::uintptr_t>(hint) / sizeof(*hint) % PriceWindow::size;
  const bool is_block = ((live >> slot & 1) != 0) & (number < blocks_.capacity());
  const std::uint32_t* const of_price = &blocks_[number & (0u - std::uint32_t{is_block})].link;
  const std::uint32_t* const source = detail::choose(event.kind == EventKind::add, of_price, of_order);
  hint = source;
  tapeline::prefetch(source);
}

[[gnu::always_inline]] inline void OrderBooks::prefetch_block(Hint& hint) const {
  const QueueBlock& block = blocks_[*hint];
  hint = &block.link;
  tapeline::prefetch(&block);
}

[[gnu::always_inline]] inline void OrderBooks::prefetch_level(const Event& event, Hint& hint) const {
  const std::uint32_t link = *hint;
  tapeline::prefetch(&blocks_[link]);
  const QueueBlock& block = blocks_[link];
  const Book& book = books_[raw(event.locate)];
  const auto s = static_cast<std::size_t>(block.side());
  const bool takes_best =
      (event.kind != EventKind::add) & (block.level_orders == 1) & (block.key == book.best_key[s]);
  if (takes_best | (event.kind == EventKind::replace)) prefetch_other_level(event, block);
}

// Where the best level goes, the next best is needed; a replace needs the level of its new price.
inline void OrderBooks::prefetch_other_level(const Event& event, const QueueBlock& block) const {
  const Book& book = books_[raw(event.locate)];
  const Side side = block.side();
  const auto s = static_cast<std::size_t>(side);
  const std::uint64_t below = std::rotr(book.live[s], block.slot % PriceWindow::size);
  std::uint32_t slot = block.slot - 1u - static_cast<std::uint32_t>(std::countl_zero(below));
  if (event.kind == EventKind::replace) slot = PriceWindow::step_of(side, event.order.price, book.scale);
  tapeline::prefetch(&blocks_[window(event.locate, s).slots[slot % PriceWindow::size]]);
}

template <class Handler>
void OrderBooks::apply(std::span<const Event> events, Handler& handler, std::size_t count) {
  const std::size_t all = events.size();
  count = std::min(count, all);
  Hints hints = hints_;
  const std::size_t position = hint_position_;
  const auto hint = [&](std::size_t i) -> Hint& { return hints[(position + i) % hint_count]; };
  // The last call has looked at the first `seen_` of them, each stage as far as it works ahead.
  const auto from = [&](std::size_t distance) { return std::min(seen_, distance); };
  const auto to = [&](std::size_t distance) { return std::min(all, distance); };
  for (std::size_t i = from(slot_distance); i < to(slot_distance); ++i) prefetch_slot(events[i], hint(i));
  for (std::size_t i = from(order_distance); i < to(order_distance); ++i) prefetch_order(events[i], hint(i));
  for (std::size_t i = from(block_distance); i < to(block_distance); ++i) prefetch_block(hint(i));
  for (std::size_t i = from(level_distance); i < to(level_distance); ++i) prefetch_level(events[i], hint(i));
  for (std::size_t i = 0; i < count; ++i) {
    const Event* const event = &events[i];
    if (i + slot_distance < all) prefetch_slot(event[slot_distance], hint(i + slot_distance));
    if (i + order_distance < all) prefetch_order(event[order_distance], hint(i + order_distance));
    if (i + block_distance < all) prefetch_block(hint(i + block_distance));
    if (i + level_distance < all) prefetch_level(event[level_distance], hint(i + level_distance));
    if (i + handler_distance < all) handler.on_look_ahead(event[handler_distance]);
    apply_one(*event, handler);
  }
  hints_ = hints;
  hint_position_ = position + count;
  seen_ = std::min(all - count, slot_distance);
}

// Puts an order at the back of its queue.
[[gnu::always_inline]] inline std::uint32_t OrderBooks::rest(Book& book, const Event& event, OrderRef ref,
                                                             Side side, PriceKey key,
                                                             std::uint16_t attribution) {
  const auto s = static_cast<std::size_t>(side);
  const std::uint32_t step = PriceWindow::step_of(side, event.order.price, book.scale);
  const std::uint32_t slot = step % PriceWindow::size;
  std::uint32_t& at_price = window(event.locate, s).slots[slot];
  const bool is_live = (book.live[s] >> slot & 1) != 0;
  const std::uint32_t number = is_live ? at_price : free_block_;
  QueueBlock& level = blocks_[number];
  const std::uint32_t tail = is_live ? level.link : number;
  const std::uint32_t place = orders_.slot_of(ref);
  // One test instead of many branches: none of it happens often.
  const bool fits = blocks_[tail].takes(ref);
  const bool is_vacant = orders_.is_vacant(place);
  if ((step - book.base[s] >= PriceWindow::size) | !book.plain[s] | (number == none) |
      (is_live & ((level.key != key) | !fits)) | !is_vacant) [[unlikely]]
    return none;
  if (!is_live) {
    free_block_ = level.next;
    level.begin(number, event.locate, side, key, static_cast<std::uint8_t>(slot), ref);
    at_price = number;
    ++live_levels_;
    book.live[s] |= std::uint64_t{1} << slot;
  }
  const Shares shares = event.order.shares;
  level.level_shares += shares;
  ++level.level_orders;
  blocks_[tail].append(ref);
  orders_.put(place, {tail, shares, event.time, attribution});
  return number;
}

[[gnu::always_inline]] inline void OrderBooks::remove(Book& book, OrderTable::Place place, OrderRef ref) {
  const RestingOrder order = orders_.order(place);
  QueueBlock& block = blocks_[order.block];
  const std::uint32_t first = block.first_of(order.block);
  QueueBlock& level = blocks_[first];
  level.level_shares -= order.shares;
  const bool is_last = --level.level_orders == 0;
  live_levels_ -= is_last;
  const bool is_over = is_last & (level.slot < PriceWindow::size);
  book.live[static_cast<std::size_t>(block.side())] &=
      ~(static_cast<std::uint64_t>(is_over) << level.slot % PriceWindow::size);
  block.erase(ref);
  orders_.erase(place, ref);
  if (block.is_spent()) [[unlikely]]
    unlink_block(order.block);
  // Without a branch: a level in the window that has lost its last order gives its block back.
  level.next = is_over ? free_block_ : level.next;
  free_block_ = is_over ? first : free_block_;
}

template <class Handler>
[[gnu::always_inline]] inline void OrderBooks::tell_bbo(const Event& event, Book& book, std::size_t side,
                                                        PriceKey key, std::uint64_t shares,
                                                        Handler& handler) {
  const Bbo before = bbo_of(book);
  book.best_key[side] = key;
  book.best_shares[side] = shares;
  const Bbo after = bbo_of(book);
  const bool was_crossed = has(book.quality, Quality::crossed);
  if ((after.bid.ticks >= after.ask.ticks) | was_crossed | book.locked) [[unlikely]]
    note_crossing(book);
  handler.on_bbo(event, before, after, book.quality);
}

template <class Handler>
[[gnu::always_inline]] inline void OrderBooks::refresh_bbo(const Event& event, Book& book, std::size_t side,
                                                           Handler& handler) {
  std::uint32_t number;
  if ((book.live[side] != 0) & book.plain[side]) [[likely]]
    number = window(event.locate, side)
                 .slots[PriceWindow::highest(book.live[side], book.base[side]) % PriceWindow::size];
  else
    number = find_best(event.locate, side);
  // The totals of block 0, which stands for none, are zero, and so is its key.
  const PriceKey key = blocks_[number].key;
  const std::uint64_t shares = blocks_[number].level_shares;
  if ((shares != book.best_shares[side]) | (key != book.best_key[side])) [[likely]]
    tell_bbo(event, book, side, key, shares, handler);
}

template <class Handler>
[[gnu::always_inline]] inline void OrderBooks::apply_one(const Event& event, Handler& handler) {
  handler.on_event_begin(event);
  if (event.kind == EventKind::add) {
    apply_add(event, handler);
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
[[gnu::always_inline]] inline void OrderBooks::apply_add(const Event& event, Handler& handler) {
  Book& book = books_[raw(event.locate)];
  const Shares shares = event.order.shares;
  const OrderRef ref = event.order.ref;
  std::uint32_t level = none;
  std::uint16_t attribution = 0;
  const Side side = event.side();
  const PriceKey key = key_of(side, event.order.price);
  if ((shares != 0) & ((event.code == 'B') | (event.code == 'S'))) [[likely]] {
    if (event.attribution.bytes[0] != 0) [[unlikely]]
      attribution = attribution_index(event.attribution);
    level = rest(book, event, ref, side, key, attribution);
  }
  if (level == none) [[unlikely]]
    return apply_add_slowly(event, handler);
  handler.on_order(event,
                   OrderChange{ref, side, event.order.price, 0, shares, event.time, mpids_[attribution]});
  if (is_at_best(book, side, key))
    tell_bbo(event, book, static_cast<std::size_t>(side), key, blocks_[level].level_shares, handler);
}

// The same for an order that cannot be trusted, or needs another look than at its page and its window.
template <class Handler>
[[gnu::noinline]] void OrderBooks::apply_add_slowly(const Event& event, Handler& handler) {
  Book& book = books_[raw(event.locate)];
  if (!book.named) learn_symbol(event.locate, event.order.symbol);
  const Shares shares = event.order.shares;
  if (shares == 0 || (event.code != 'B' && event.code != 'S'))
    return flag_bad(event, counters_.invalid_field);
  const OrderRef ref = event.order.ref;
  if (is_live(event.locate, ref)) return flag_bad(event, counters_.duplicate_ref);
  if (!has_room(event.locate)) return flag_bad(event, counters_.over_capacity);
  const std::uint16_t attribution =
      event.attribution.bytes[0] != 0 ? attribution_index(event.attribution) : std::uint16_t{0};
  const Side side = event.side();
  const PriceKey key = key_of(side, event.order.price);
  const std::uint32_t level = rest_slowly(event, ref, side, key, attribution);
  handler.on_order(event,
                   OrderChange{ref, side, event.order.price, 0, shares, event.time, mpids_[attribution]});
  if (is_at_best(book, side, key))
    tell_bbo(event, book, static_cast<std::size_t>(side), key, blocks_[level].level_shares, handler);
}

template <class Handler>
[[gnu::always_inline]] inline void OrderBooks::apply_reduction(const Event& event, Handler& handler) {
  const OrderRef ref = event.order.ref;
  const OrderTable::Place place = find(event.locate, ref);
  if (place.number == 0) [[unlikely]]
    return flag_bad(event, counters_.unknown_order);
  Book& book = books_[raw(event.locate)];
  const RestingOrder order = orders_.order(place);
  const QueueBlock& block = blocks_[order.block];
  const Side side = block.side();
  const PriceKey key = block.key;
  const Shares by = event.kind == EventKind::remove ? order.shares : event.order.shares;
  if (by - 1 >= order.shares) [[unlikely]] {  // One comparison for 0, which wraps, and for too many.
    if (by == 0) return flag_bad(event, counters_.invalid_field);
    flag_bad(event, counters_.overfill);
  }
  const Shares after = by < order.shares ? order.shares - by : 0;
  const bool at_best = is_at_best(book, side, key);
  const Price price = price_of(side, key);
  handler.on_order(event, OrderChange{ref, side, price, order.shares, after, order.entered(),
                                      mpids_[order.attribution()]});
  if ((event.kind == EventKind::execute) | (event.kind == EventKind::execute_with_price)) {
    const bool own_price = event.kind == EventKind::execute;
    handler.on_trade(event,
                     TradeReport{own_price ? price : event.order.price, event.order.shares, event.match(),
                                 ref, side, TradeKind::displayed, own_price || event.code != 'N', 0},
                     bbo_of(book), book.quality);
  }
  if (after == 0) [[likely]] {
    remove(book, place, ref);
  } else {
    orders_.order(place).shares = after;
    blocks_[block.first_of(order.block)].level_shares -= by;
  }
  if (at_best) refresh_bbo(event, book, static_cast<std::size_t>(side), handler);
}

template <class Handler>
inline void OrderBooks::apply_replace(const Event& event, Handler& handler) {
  const OrderRef ref = event.order.ref;
  const OrderTable::Place place = find(event.locate, ref);
  if (place.number == 0) [[unlikely]]
    return flag_bad(event, counters_.unknown_order);
  Book& book = books_[raw(event.locate)];
  const OrderRef new_ref = event.new_ref();
  if (new_ref != ref && is_live(event.locate, new_ref)) [[unlikely]]
    return flag_bad(event, counters_.duplicate_ref);
  const RestingOrder order = orders_.order(place);
  const QueueBlock& block = blocks_[order.block];
  const Side side = block.side();
  const PriceKey old_key = block.key;
  const PriceKey new_key = key_of(side, event.order.price);
  const std::uint16_t attribution = order.attribution();
  // Together, since either makes the best price move: at the better of the two prices.
  const bool at_best = is_at_best(book, side, std::max(old_key, new_key));
  handler.on_order(event, OrderChange{ref, side, price_of(side, old_key), order.shares, 0, order.entered(),
                                      mpids_[attribution]});
  remove(book, place, ref);
  bool rests = event.order.shares != 0 && rest(book, event, new_ref, side, new_key, attribution) != none;
  if (!rests) [[unlikely]] {
    if (event.order.shares == 0)
      flag_bad(event, counters_.invalid_field);
    else if (!has_room(event.locate))
      flag_bad(event, counters_.over_capacity);
    else
      rests = rest_slowly(event, new_ref, side, new_key, attribution) != none;
  }
  if (rests)
    handler.on_order(event, OrderChange{new_ref, side, event.order.price, 0, event.order.shares, event.time,
                                        mpids_[attribution]});
  if (at_best) refresh_bbo(event, book, static_cast<std::size_t>(side), handler);
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
