// Levels that a message does not find where the window says: those outside it, and the window's moves. Part
// of order_books.h.

#include "book/order_books.h"

namespace tapeline::book {

namespace {

// The window goes down where the best price has fallen below the middle: a move costs more than a level.
constexpr std::uint32_t lowest_best = 54;

}  // namespace

// Number of the level of a price, which is opened where there is none.
std::uint32_t OrderBooks::level_for(Locate locate, Side side, PriceKey key) {
  const auto s = static_cast<std::size_t>(side);
  Book& book = books_[raw(locate)];
  if (book.scale == 0) book.scale = PriceWindow::scale_for(price_of(side, key));
  const std::uint32_t step = step_of(book, s, key);
  if (book.live[s] == 0) {
    const std::uint32_t best = best_outside(locate, s);
    const PriceKey top = best == none ? key : std::max(key, blocks_[best].key);
    move_window(locate, s, PriceWindow::base_below(step_of(book, s, top)));
  } else {
    const std::uint32_t best = PriceWindow::highest(book.live[s], book.base[s]);
    if (step > book.base[s] && step - book.base[s] >= PriceWindow::size)
      move_window(locate, s, PriceWindow::base_below(step));
    else if (step < book.base[s] && best - book.base[s] < lowest_best)
      move_window(locate, s, PriceWindow::base_below(best));
  }
  if (step - book.base[s] < PriceWindow::size) return level_in_window(locate, side, key, step);
  return level_outside(locate, side, key);
}

std::uint32_t OrderBooks::level_in_window(Locate locate, Side side, PriceKey key, std::uint32_t step) {
  const auto s = static_cast<std::size_t>(side);
  const Book& book = books_[raw(locate)];
  if (!book.plain[s]) {
    const std::uint32_t number = find_level(locate, side, key);
    if (number != none && blocks_[number].level_orders != 0) return number;
  }
  const std::uint32_t slot = step % PriceWindow::size;
  std::uint32_t& number = window(locate, s).slots[slot];
  if ((book.live[s] >> slot & 1) == 0)
    return number = open_level(locate, side, key, static_cast<std::uint8_t>(slot));
  return blocks_[number].key == key ? number : level_outside(locate, side, key);
}

std::uint32_t OrderBooks::level_outside(Locate locate, Side side, PriceKey key) {
  const auto s = static_cast<std::size_t>(side);
  Book& book = books_[raw(locate)];
  if (step_of(book, s, key) >= book.base[s]) book.plain[s] = false;
  const SideLevels& levels = outside(locate, s);
  if (levels.size != 0) {
    const std::uint32_t at = levels.upper_bound(key);
    const std::int64_t entry = levels.entries[std::int64_t{at} - 1];
    if (at != 0 && SideLevels::key(entry) == key) return SideLevels::block(entry);
  }
  const std::uint32_t number = open_level(locate, side, key, QueueBlock::no_slot);
  insert_outside(locate, s, number);
  return number;
}

std::uint32_t OrderBooks::open_level(Locate locate, Side side, PriceKey key, std::uint8_t slot) {
  const std::uint32_t number = take_block();
  blocks_[number].begin(number, locate, side, key, slot, OrderRef{0});
  return number;
}

// Number of the level of a price that has orders; 0 if there is none.
std::uint32_t OrderBooks::find_level(Locate locate, Side side, PriceKey key) const {
  const auto s = static_cast<std::size_t>(side);
  const Book& book = books_[raw(locate)];
  const std::uint32_t step = step_of(book, s, key);
  if (step - book.base[s] < PriceWindow::size && (book.live[s] >> step % PriceWindow::size & 1) != 0) {
    const std::uint32_t number = window(locate, s).slots[step % PriceWindow::size];
    if (blocks_[number].key == key) return number;
  }
  const SideLevels& levels = outside(locate, s);
  if (levels.size == 0) return none;
  const std::uint32_t at = levels.upper_bound(key);
  if (at == 0 || SideLevels::key(levels.entries[at - 1]) != key) return none;
  const std::uint32_t number = SideLevels::block(levels.entries[at - 1]);
  return blocks_[number].level_orders != 0 ? number : none;
}

// Drops empty levels above the best one on its way.
std::uint32_t OrderBooks::best_outside(Locate locate, std::size_t side) {
  SideLevels& levels = outside(locate, side);
  while (levels.size != 0) {
    const std::uint32_t number = SideLevels::block(levels.entries[levels.size - 1]);
    if (blocks_[number].level_orders != 0) return number;
    free_block(number);
    --levels.size;
  }
  return none;
}

void OrderBooks::insert_outside(Locate locate, std::size_t side, std::uint32_t number) {
  SideLevels& levels = outside(locate, side);
  const PriceKey key = blocks_[number].key;
  blocks_[number].slot = QueueBlock::no_slot;
  if (levels.size == levels.capacity) {
    drop_empty_levels(locate, side);
    if (levels.size >= levels.capacity / 2) arena_.grow(levels);
  }
  const std::uint32_t at = levels.upper_bound(key);
  std::int64_t& below = levels.entries[std::int64_t{at} - 1];
  if (at == 0 || SideLevels::key(below) != key) return levels.insert(at, SideLevels::entry(key, number));
  // The price has been here before; its level was empty by the time when another was opened in the window.
  free_block(SideLevels::block(below));
  below = SideLevels::entry(key, number);
}

void OrderBooks::drop_empty_levels(Locate locate, std::size_t side) {
  SideLevels& levels = outside(locate, side);
  for (std::uint32_t i = 0; i < levels.size; ++i)
    tapeline::prefetch(&blocks_[SideLevels::block(levels.entries[i])]);
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < levels.size; ++i) {
    const std::uint32_t number = SideLevels::block(levels.entries[i]);
    if (blocks_[number].level_orders != 0)
      levels.entries[kept++] = levels.entries[i];
    else
      free_block(number);
  }
  levels.size = kept;
}

// Levels that the window leaves behind go outside, those that it reaches come in.
void OrderBooks::move_window(Locate locate, std::size_t side, std::uint32_t base) {
  Book& book = books_[raw(locate)];
  const PriceWindow& slots = window(locate, side);
  std::uint64_t& live = book.live[side];
  for (std::uint64_t left = live; left != 0; left &= left - 1) {
    const auto slot = static_cast<std::size_t>(std::countr_zero(left));
    const std::uint32_t number = slots.slots[slot];
    if (step_of(book, side, blocks_[number].key) - base < PriceWindow::size) continue;
    live &= ~(std::uint64_t{1} << slot);
    insert_outside(locate, side, number);
  }
  book.base[side] = base;
  pull_levels(locate, side);
  note_plainness(locate, side);
}

void OrderBooks::pull_levels(Locate locate, std::size_t side) {
  Book& book = books_[raw(locate)];
  PriceWindow& slots = window(locate, side);
  SideLevels& levels = outside(locate, side);
  const auto step_at = [&](std::uint32_t i) {
    return step_of(book, side, SideLevels::key(levels.entries[i]));
  };
  std::uint32_t from = levels.size;
  while (from != 0 && step_at(from - 1) >= book.base[side]) --from;
  std::uint32_t kept = from;
  for (std::uint32_t i = from; i < levels.size; ++i) {
    const std::int64_t entry = levels.entries[i];
    const std::uint32_t number = SideLevels::block(entry);
    const std::uint32_t step = step_at(i);
    const std::uint32_t slot = step % PriceWindow::size;
    const std::uint64_t bit = std::uint64_t{1} << slot;
    if (blocks_[number].level_orders == 0) {
      free_block(number);
    } else if (step - book.base[side] >= PriceWindow::size || (book.live[side] & bit) != 0) {
      levels.entries[kept++] = entry;
    } else {
      slots.slots[slot] = number;
      blocks_[number].slot = static_cast<std::uint8_t>(slot);
      book.live[side] |= bit;
    }
  }
  levels.size = kept;
}

void OrderBooks::note_plainness(Locate locate, std::size_t side) {
  Book& book = books_[raw(locate)];
  const std::uint32_t best = best_outside(locate, side);
  book.plain[side] = book.named && (best == none || step_of(book, side, blocks_[best].key) < book.base[side]);
}

std::uint32_t OrderBooks::find_best(Locate locate, std::size_t side) {
  Book& book = books_[raw(locate)];
  std::uint32_t out = best_outside(locate, side);
  if (out != none && book.live[side] == 0) {
    move_window(locate, side, PriceWindow::base_below(step_of(book, side, blocks_[out].key)));
    out = best_outside(locate, side);
  }
  note_plainness(locate, side);
  if (book.live[side] == 0) return out;
  const std::uint32_t step = PriceWindow::highest(book.live[side], book.base[side]);
  const std::uint32_t in = window(locate, side).slots[step % PriceWindow::size];
  return out != none && blocks_[out].key > blocks_[in].key ? out : in;
}

// All blocks are in use: what the book can give is those of its empty levels outside the windows.
bool OrderBooks::reclaim(Locate locate) {
  for (const std::size_t side : {0u, 1u}) drop_empty_levels(locate, side);
  return free_block_ != none;
}

// Number of a block that is in no queue. There must be one. New ones come a few at once, so that the next are
// free.
std::uint32_t OrderBooks::take_block() {
  if (free_block_ == none) {
    CHECK(next_block_ < blocks_.capacity());
    const auto end = static_cast<std::uint32_t>(std::min<std::size_t>(next_block_ + 32, blocks_.capacity()));
    for (std::uint32_t number = end; number > next_block_;) free_block(--number);
    next_block_ = end;
  }
  const std::uint32_t number = free_block_;
  free_block_ = blocks_[number].next;
  return number;
}

}  // namespace tapeline::book
