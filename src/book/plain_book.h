#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "book/book_record.h"
#include "book/book_types.h"
#include "market/event.h"
#include "market/quality.h"

namespace tapeline::book {

// The books of a feed in the plainest form that obeys the rules in order_books.h: what OrderBooks is held
// against by tests and fuzzers. It keeps no total and no cache: sizes, counts and the BBO are summed from the
// orders whenever they are asked for, so that none of them can go stale. It has no bound on memory and so
// never counts over_capacity.
class PlainBook {
 public:
  // Applies one event; `recorder` is told what OrderBooks would tell its handler, in the same order.
  void apply(const Event& event, BookRecorder& recorder);

  [[nodiscard]] Bbo bbo(Locate locate) const;
  [[nodiscard]] Quality quality(Locate locate) const;
  [[nodiscard]] SymbolState state(Locate locate) const;
  [[nodiscard]] Symbol symbol(Locate locate) const;
  [[nodiscard]] const BookCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t live_orders() const { return orders_.size(); }
  [[nodiscard]] std::size_t live_levels() const;
  [[nodiscard]] std::vector<Locate> locates() const;
  [[nodiscard]] std::size_t level_count(Locate locate, Side side) const;
  std::size_t levels(Locate locate, Side side, std::span<LevelView> out) const;
  [[nodiscard]] std::vector<OrderView> queue(Locate locate, Side side, Price price) const;
  [[nodiscard]] std::optional<OrderView> find_order(Locate locate, OrderRef ref) const;
  [[nodiscard]] std::optional<QueuePosition> queue_position(Locate locate, OrderRef ref) const;
  void mark(Locate locate, Quality flags) { books_[locate].quality |= flags; }
  void unmark(Locate locate, Quality flags) {
    books_[locate].quality = without(books_[locate].quality, flags);
  }
  void reset();

 private:
  using Queue = std::list<OrderView>;
  using Levels = std::map<Price, Queue>;

  struct Book {
    Levels bids;
    Levels asks;
    SymbolState state{};
    Symbol symbol{""};
    Quality quality = Quality::good;
    bool locked = false;
    bool named = false;

    [[nodiscard]] Levels& levels(Side side) { return side == Side::bid ? bids : asks; }
    [[nodiscard]] const Levels& levels(Side side) const { return side == Side::bid ? bids : asks; }
  };
  using Orders = std::map<std::pair<Locate, OrderRef>, Queue::iterator>;

  [[nodiscard]] static Bbo bbo_of(const Book& book);
  [[nodiscard]] const Book* find_book(Locate locate) const;

  void add(const Event& event, BookRecorder& recorder);
  void reduce(const Event& event, BookRecorder& recorder);
  void replace(const Event& event, BookRecorder& recorder);
  void trade(const Event& event, BookRecorder& recorder);
  void take_status(const Event& event);
  void learn_symbol(Book& book, const Symbol& symbol);
  void note_crossing(Book& book);
  void flag(Book& book, std::uint64_t& counter);
  void insert(Locate locate, const OrderView& order);
  void erase(Orders::iterator found);

  std::map<Locate, Book> books_;
  Orders orders_;
  BookCounters counters_;
};

}  // namespace tapeline::book
