#pragma once

// Walking the levels of one book, saving and loading it, part of order_books.h.

#include "book/order_books.h"

namespace tapeline::book {

namespace detail {

// What is saved of a book, then of each level from the worst to the best, then of each order in its queue.
struct SavedBook {
  Symbol symbol;
  SymbolState state;
  Quality quality;
  std::uint8_t auction;  // These four 0 or 1; whole bytes, since what is read may be anything.
  std::uint8_t named;
  std::uint8_t mentioned;
  std::uint8_t locked;
  std::uint8_t reserved[3];
  std::uint32_t levels[2];  // By side.
};
constexpr std::uint32_t saved_key_flip = 0x8000'0000u;  // The format has keys as signed numbers.
struct SavedLevel {
  std::uint32_t key;
  std::uint32_t orders;
};
struct SavedOrder {
  OrderRef ref;
  EventTime entered;
  Shares shares;
  Mpid attribution;
};
static_assert(sizeof(SavedLevel) == 8 && sizeof(SavedOrder) == 24);

}  // namespace detail

template <class Visit>
void OrderBooks::visit_levels(Locate locate, std::size_t side, Visit&& visit) const {
  const Book& book = books_[raw(locate)];
  const PriceWindow& slots = window(locate, side);
  const SideLevels& levels = outside(locate, side);
  std::uint64_t live = book.live[side];
  std::uint32_t left = levels.size;
  for (;;) {
    std::uint32_t in = none;
    std::uint32_t slot = 0;
    if (live != 0) {
      slot = PriceWindow::highest(live, book.base[side]) % PriceWindow::size;
      in = slots.slots[slot];
    }
    std::uint32_t out = none;
    for (; left != 0 && out == none; --left) {
      const std::uint32_t number = SideLevels::block(levels.entries[left - 1]);
      if (blocks_[number].level_orders == 0) continue;
      out = number;
      break;
    }
    if (in == none && out == none) return;
    if (in != none && (out == none || blocks_[in].key > blocks_[out].key)) {
      live &= ~(std::uint64_t{1} << slot);
      if (!visit(in)) return;
    } else {
      --left;
      if (!visit(out)) return;
    }
  }
}

template <class Writer>
void OrderBooks::save_book(Locate locate, Writer& writer) const {
  const Book& book = books_[raw(locate)];
  detail::SavedBook saved{};
  saved.symbol = symbols_[raw(locate)];
  saved.state = states_[raw(locate)];
  saved.quality = book.quality;
  saved.auction = book.auction;
  saved.named = book.named;
  saved.mentioned = book.mentioned;
  saved.locked = book.locked;
  for (const Side side : {Side::bid, Side::ask})
    saved.levels[raw(side)] = static_cast<std::uint32_t>(level_count(locate, side));
  writer.put(saved);
  for (const std::size_t side : {0u, 1u}) {
    std::vector<std::uint32_t> numbers;
    visit_levels(locate, side, [&](std::uint32_t number) {
      numbers.push_back(number);
      return true;
    });
    std::ranges::reverse(numbers);
    save_levels(locate, numbers, writer);
  }
}

// A book may have tens of thousands of orders that lie anywhere, and who saves it has messages waiting: so it
// is first learnt which they are, then each is loaded some steps ahead of the one that is written.
template <class Writer>
void OrderBooks::save_levels(Locate locate, std::span<const std::uint32_t> numbers, Writer& writer) const {
  constexpr std::size_t levels_ahead = 8;
  constexpr std::size_t slots_ahead = 32;
  constexpr std::size_t orders_ahead = 16;
  std::vector<OrderRef> refs;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i + levels_ahead < numbers.size()) tapeline::prefetch(&blocks_[numbers[i + levels_ahead]]);
    for (std::uint32_t number = numbers[i]; number != none; number = blocks_[number].next)
      for (unsigned at = 0; at < blocks_[number].size(); ++at) refs.push_back(blocks_[number].ref(at));
  }
  std::size_t next = 0;
  for (const std::uint32_t first : numbers) {
    writer.put(detail::SavedLevel{blocks_[first].key ^ detail::saved_key_flip, blocks_[first].level_orders});
    for (std::uint32_t left = blocks_[first].level_orders; left > 0; --left, ++next) {
      if (next + slots_ahead < refs.size())
        tapeline::prefetch(orders_.slot_address(refs[next + slots_ahead]));
      if (next + orders_ahead < refs.size()) {
        const OrderRef ahead = refs[next + orders_ahead];
        tapeline::prefetch(orders_.block_address(ahead, *orders_.slot_address(ahead)));
      }
      const OrderRef ref = refs[next];
      const RestingOrder& order = orders_.order(find(locate, ref));
      writer.put(detail::SavedOrder{ref, order.entered(), order.shares, mpids_[order.attribution()]});
    }
  }
}

template <class Reader>
bool OrderBooks::load_book(Locate locate, Reader& reader) {
  const auto saved = reader.template get<detail::SavedBook>();
  Book& book = books_[raw(locate)];
  CHECK(book.best_shares[0] == 0 && book.best_shares[1] == 0);
  if (!reader.ok()) return false;
  symbols_[raw(locate)] = saved.symbol;
  states_[raw(locate)] = saved.state;
  for (const Side side : {Side::bid, Side::ask}) {
    for (std::uint32_t left = saved.levels[raw(side)]; left > 0; --left) {
      const auto level = reader.template get<detail::SavedLevel>();
      if (!reader.ok()) return false;
      for (std::uint32_t orders = level.orders; orders > 0; --orders) {
        const auto order = reader.template get<detail::SavedOrder>();
        if (!reader.ok() || !load_order(locate, side, level.key ^ detail::saved_key_flip, order))
          return false;
      }
    }
  }
  book.quality = saved.quality;
  book.auction = saved.auction != 0;
  book.named = saved.named != 0;
  book.mentioned = saved.mentioned != 0;
  book.locked = saved.locked != 0;
  return true;
}

}  // namespace tapeline::book
