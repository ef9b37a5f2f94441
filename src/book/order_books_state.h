#pragma once

// Saving and loading one book, part of order_books.h.

#include "book/order_books.h"

namespace tapeline::book {

namespace detail {

// What is saved of a book, then of each level from the worst to the best, then of each order in its queue.
struct SavedBook {
  Symbol symbol;
  SymbolState state;
  Quality quality;
  bool auction;
  bool named;
  bool mentioned;
  bool locked;
  std::uint8_t reserved[3];
  std::uint32_t levels[2];  // By side.
};
struct SavedLevel {
  PriceKey key;
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

template <class Writer>
void OrderBooks::save_book(Locate locate, Writer& writer) const {
  const Book& book = books_[raw(locate)];
  detail::SavedBook saved{};
  saved.symbol = symbols_[raw(locate)];
  saved.state = state(locate);
  saved.quality = book.quality;
  saved.auction = book.auction;
  saved.named = book.named;
  saved.mentioned = book.mentioned;
  saved.locked = book.locked;
  for (const Side side : {Side::bid, Side::ask})
    saved.levels[raw(side)] = static_cast<std::uint32_t>(level_count(locate, side));
  writer.put(saved);
  for (const SideLevels& side : book.sides) {
    for (std::uint32_t i = 0; i < side.size; ++i) {
      std::uint32_t number = SideLevels::block(side.entries[i]);
      const QueueBlock& first = blocks_[number];
      if (first.level_orders == 0) continue;
      writer.put(detail::SavedLevel{first.key, first.level_orders});
      for (; number != none; number = blocks_[number].next) save_block(number, writer);
    }
  }
}

template <class Writer>
void OrderBooks::save_block(std::uint32_t number, Writer& writer) const {
  const QueueBlock& block = blocks_[number];
  const OrderStamps& stamps = stamps_[number];
  const unsigned size = block.size();
  for (unsigned at = 0; at < size; ++at)
    writer.put(detail::SavedOrder{block.ref(at), stamps.entered(at), block.shares[at],
                                  mpids_[stamps.attribution(at)]});
}

template <class Reader>
bool OrderBooks::load_book(Locate locate, Reader& reader) {
  const auto saved = reader.template get<detail::SavedBook>();
  Book& book = books_[raw(locate)];
  CHECK(book.best_shares[0] == 0 && book.best_shares[1] == 0);
  if (!reader.ok()) return false;
  meet(locate);
  symbols_[raw(locate)] = saved.symbol;
  if (raw(locate) >= states_.size()) states_.resize(std::size_t{raw(locate)} + 1);
  states_[raw(locate)] = saved.state;
  for (const Side side : {Side::bid, Side::ask}) {
    for (std::uint32_t left = saved.levels[raw(side)]; left > 0; --left) {
      const auto level = reader.template get<detail::SavedLevel>();
      if (!reader.ok()) return false;
      for (std::uint32_t orders = level.orders; orders > 0; --orders) {
        const auto order = reader.template get<detail::SavedOrder>();
        if (!reader.ok() || !load_order(book, locate, side, level.key, order)) return false;
      }
    }
  }
  book.quality = saved.quality;
  book.auction = saved.auction;
  book.named = saved.named;
  book.mentioned = saved.mentioned;
  book.locked = saved.locked;
  return true;
}

}  // namespace tapeline::book
