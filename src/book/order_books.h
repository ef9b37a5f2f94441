#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <immintrin.h>

#include "base/prefetch.h"
#include "base/virtual_array.h"
#include "book/book_types.h"
#include "book/order_table.h"
#include "book/price_window.h"
#include "book/queue_block.h"
#include "book/side_arena.h"
#include "book/side_levels.h"
#include "market/event.h"
#include "market/quality.h"
#include "market/types.h"

namespace tapeline::book {

namespace detail {
struct SavedOrder;
}

// Sizes the books; every maximum is a bound on memory.
struct OrderBooksConfig {
  std::size_t expected_orders = 1 << 20;          // Live at once, without rebuilding the index.
  std::size_t max_blocks = std::size_t{1} << 26;  // Queue blocks of 64 bytes: one to eight orders each.
};

// Full-depth L3 books of every symbol of a feed (or of one shard of it): each order in its queue, each price
// level with size and count, the BBO, and the state of each symbol. A pure function of the events applied:
// no clock, no I/O. Not thread-safe; one worker owns it.
//
// Rules (NASDAQ TotalView-ITCH 5.0, section 4.5 to 4.8): executions and cancels reduce the resting order and
// remove it at zero; a replace loses its priority and inherits side, symbol and attribution; trades against
// hidden orders and crosses never touch the displayed book. One message is one step: a replace that moves
// the best price tells of one BBO change, not of two.
//
// Bad data never stops it: the event is counted, the book marked `suspect`, and what can be applied is.
//   unknown order      nothing is applied
//   overfill           the order is removed; the trade is told with the size that the message states
//   duplicate ref      the new order is dropped: a repeated message must not change the book
class OrderBooks {
 public:
  explicit OrderBooks(const OrderBooksConfig& config = {});

  // How many events behind the last one that is applied it pays to show.
  static constexpr std::size_t look_ahead = 32;

  // Applies the first `count` events in order. Looks ahead over all to load what later ones will touch: those
  // that are not applied should be the first of the next call.
  template <class Handler>
  void apply(std::span<const Event> events, Handler& handler, std::size_t count = SIZE_MAX);

  [[nodiscard]] Bbo bbo(Locate locate) const { return bbo_of(books_[raw(locate)]); }
  [[nodiscard]] Quality quality(Locate locate) const { return books_[raw(locate)].quality; }
  // The ticker; blank while the feed has not named it.
  [[nodiscard]] const Symbol& symbol(Locate locate) const { return symbols_[raw(locate)]; }
  [[nodiscard]] const SymbolState& state(Locate locate) const { return states_[raw(locate)]; }
  [[nodiscard]] const BookCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t live_orders() const { return orders_.size(); }
  [[nodiscard]] std::size_t live_levels() const { return live_levels_; }

  // Locates that the feed has named, in increasing order.
  [[nodiscard]] std::vector<Locate> locates() const;
  // The locate of a symbol, without padding; none if the feed has not named it.
  [[nodiscard]] std::optional<Locate> find_symbol(std::string_view symbol) const;

  // Counts them one by one.
  [[nodiscard]] std::size_t level_count(Locate locate, Side side) const;
  // Fills `out` with the best levels of a side, best first; returns how many there were.
  std::size_t levels(Locate locate, Side side, std::span<LevelView> out) const;
  // The orders of one price level, first in the queue first; empty if there is no such level.
  [[nodiscard]] std::vector<OrderView> queue(Locate locate, Side side, Price price) const;
  // The first of them, as many as `out` takes; returns how many there were.
  std::size_t queue_front(Locate locate, Side side, Price price, std::span<OrderView> out) const;
  [[nodiscard]] std::optional<OrderView> find_order(Locate locate, OrderRef ref) const;
  [[nodiscard]] std::optional<QueuePosition> queue_position(Locate locate, OrderRef ref) const;

  // One book as a checkpoint holds it: its name, state, quality, and each order in its queue. `writer` has
  // put(value) and `reader` get<T>() and ok(), for trivially copyable values; see stream/state.h.
  template <class Writer>
  void save_book(Locate locate, Writer& writer) const;
  // Puts a book without orders where save_book() found it. False where the bytes are no book; what was read
  // of it stays then.
  template <class Reader>
  [[nodiscard]] bool load_book(Locate locate, Reader& reader);

  // Loads what bbo(), quality() and symbol() will look at.
  void prefetch(Locate locate) const {
    tapeline::prefetch(&books_[raw(locate)]);
    tapeline::prefetch(&symbols_[raw(locate)]);
  }

  // Adds flags to a book, or clears them (after a recovery).
  void mark(Locate locate, Quality flags) { books_[raw(locate)].quality |= flags; }
  void unmark(Locate locate, Quality flags) {
    books_[raw(locate)].quality = without(books_[raw(locate)].quality, flags);
  }
  // Adds flags to every book, and to those that the feed has yet to name: messages are missing.
  void mark_all(Quality flags);
  void unmark_all(Quality flags);
  // Forgets every order, state and flag: a new session is a new sequence space.
  void reset();

  // Bytes of memory that orders, levels and the index hold now.
  [[nodiscard]] std::size_t memory_bytes() const;

  // Recomputes every total from the orders and compares: for tests.
  [[nodiscard]] std::string find_inconsistency() const;

 private:
  static constexpr std::size_t max_locates = 65'536;
  static constexpr std::uint32_t none = 0;  // Block numbers start at 1.

  // All that most messages need of a book, in one cache line.
  struct alignas(64) Book {
    std::uint64_t live[2];  // By side: bit s is set where the level in slot s of the window has orders.
    std::uint64_t best_shares[2];  // 0 where the side is empty.
    PriceKey best_key[2];          // 0 where the side is empty.
    std::uint32_t base[2];         // The lowest step of the window.
    std::uint32_t scale;           // From prices to steps; 0 while the book never had an order.
    Quality quality;
    bool auction;    // Halted, paused or quotation only: may be crossed.
    bool named;      // The feed has given this locate a symbol.
    bool mentioned;  // By an event that could not be trusted.
    bool locked;     // The best bid equals the best ask, outside an auction.
    // By side: the book is named, and no level outside the window that has orders reaches its base. The best
    // price is then in the window where that has any, and an order near it needs no search.
    bool plain[2];
    std::uint8_t reserved[1];
  };
  static_assert(sizeof(Book) == 64);

  [[nodiscard]] static Bbo bbo_of(const Book& book) {
    return {book.best_shares[0], book.best_shares[1], price_of(Side::bid, book.best_key[0]),
            book.best_shares[1] != 0 ? price_of(Side::ask, book.best_key[1]) : Price{0}};
  }

  // Where the levels of a side are kept.
  [[nodiscard]] static std::size_t side_index(Locate locate, std::size_t side) {
    return std::size_t{raw(locate)} * 2 + side;
  }
  [[nodiscard]] PriceWindow& window(Locate locate, std::size_t side) {
    return windows_[side_index(locate, side)];
  }
  [[nodiscard]] const PriceWindow& window(Locate locate, std::size_t side) const {
    return windows_[side_index(locate, side)];
  }
  [[nodiscard]] SideLevels& outside(Locate locate, std::size_t side) {
    return outside_[side_index(locate, side)];
  }
  [[nodiscard]] const SideLevels& outside(Locate locate, std::size_t side) const {
    return outside_[side_index(locate, side)];
  }
  [[nodiscard]] static std::uint32_t step_of(const Book& book, std::size_t side, PriceKey key) {
    const auto s = static_cast<Side>(side);
    return PriceWindow::step_of(s, price_of(s, key), book.scale);
  }

  // The look-ahead: how many messages ahead each stage works. See order_books_apply.h.
  static constexpr std::size_t slot_distance = look_ahead;
  static constexpr std::size_t order_distance = 24;
  static constexpr std::size_t block_distance = 16;
  static constexpr std::size_t level_distance = 8;
  static constexpr std::size_t handler_distance = 4;
  static constexpr std::size_t hint_count = 32;  // A power of two, as far as the look-ahead.
  using Hint = const std::uint32_t*;             // Where the number stands that leads to the next link.
  using Hints = std::array<Hint, hint_count>;
  void prefetch_slot(const Event& event, Hint& hint) const;
  void prefetch_order(const Event& event, Hint& hint) const;
  void prefetch_block(Hint& hint) const;
  void prefetch_level(const Event& event, Hint& hint) const;
  void prefetch_other_level(const Event& event, const QueueBlock& block) const;

  [[nodiscard]] OrderTable::Place find(Locate locate, OrderRef ref) const {
    return orders_.find(ref, [&](std::uint32_t block) { return blocks_[block].locate == locate; });
  }

  [[nodiscard]] bool is_live(Locate locate, OrderRef ref) const { return find(locate, ref).number != 0; }

  [[nodiscard]] std::uint32_t take_block();
  void free_block(std::uint32_t number) {
    blocks_[number].next = free_block_;
    free_block_ = number;
  }
  // Whether one more block can be taken.
  [[nodiscard]] bool has_room(Locate locate) {
    return free_block_ != none || next_block_ < blocks_.capacity() || reclaim(locate);
  }
  bool reclaim(Locate locate);
  std::uint32_t append_block(std::uint32_t first_number, OrderRef ref);
  void unlink_block(std::uint32_t number);

  // Levels; in order_levels.cc. There must be room for one that is opened.
  [[nodiscard]] std::uint32_t level_for(Locate locate, Side side, PriceKey key);
  [[nodiscard]] std::uint32_t level_in_window(Locate locate, Side side, PriceKey key, std::uint32_t step);
  [[nodiscard]] std::uint32_t level_outside(Locate locate, Side side, PriceKey key);
  [[nodiscard]] std::uint32_t open_level(Locate locate, Side side, PriceKey key, std::uint8_t slot);
  [[nodiscard]] std::uint32_t find_level(Locate locate, Side side, PriceKey key) const;
  // Number of the best level outside the window that has orders, 0 if there is none.
  [[nodiscard]] std::uint32_t best_outside(Locate locate, std::size_t side);
  void insert_outside(Locate locate, std::size_t side, std::uint32_t number);
  void drop_empty_levels(Locate locate, std::size_t side);
  void move_window(Locate locate, std::size_t side, std::uint32_t base);
  void pull_levels(Locate locate, std::size_t side);
  void note_plainness(Locate locate, std::size_t side);
  // Number of the best level of a side, 0 if it is empty; moves the window there.
  [[nodiscard]] std::uint32_t find_best(Locate locate, std::size_t side);
  // Calls visit(number) for each level of a side that has orders, best first, until it returns false.
  template <class Visit>
  void visit_levels(Locate locate, std::size_t side, Visit&& visit) const;

  // The steps of which messages consist. Each leaves every total right; the BBO is told by the caller.
  // Number of the level where the order rests; 0, with nothing changed, where that needs rest_slowly().
  std::uint32_t rest(Book& book, const Event& event, OrderRef ref, Side side, PriceKey key,
                     std::uint16_t attribution);
  // For what is rare. 0 where there is no room.
  std::uint32_t rest_slowly(const Event& event, OrderRef ref, Side side, PriceKey key,
                            std::uint16_t attribution);
  void remove(Book& book, OrderTable::Place place, OrderRef ref);

  // Tells of a new best level of one side, which the book has not yet taken in.
  template <class Handler>
  void tell_bbo(const Event& event, Book& book, std::size_t side, PriceKey key, std::uint64_t shares,
                Handler& handler);
  // Brings the cached BBO up to date and tells of a change.
  template <class Handler>
  void refresh_bbo(const Event& event, Book& book, std::size_t side, Handler& handler);
  [[nodiscard]] static bool is_at_best(const Book& book, Side side, PriceKey key) {
    return key >= book.best_key[static_cast<std::size_t>(side)];
  }

  template <class Handler>
  void apply_one(const Event& event, Handler& handler);
  template <class Handler>
  void apply_add(const Event& event, Handler& handler);
  template <class Handler>
  void apply_add_slowly(const Event& event, Handler& handler);
  template <class Handler>
  void apply_reduction(const Event& event, Handler& handler);
  template <class Handler>
  void apply_replace(const Event& event, Handler& handler);
  template <class Handler>
  void apply_trade(const Event& event, Handler& handler);

  template <class Writer>
  void save_levels(Locate locate, std::span<const std::uint32_t> numbers, Writer& writer) const;
  bool load_order(Locate locate, Side side, PriceKey key, const detail::SavedOrder& order);

  // Slow paths, out of line.
  void flag_bad(const Event& event, std::uint64_t& counter);
  void note_crossing(Book& book);
  void take_status(const Event& event);
  void learn_symbol(Locate locate, const Symbol& symbol);
  std::uint16_t attribution_index(Mpid mpid);
  [[nodiscard]] std::string find_side_inconsistency(Locate locate, Side side, std::size_t& orders,
                                                    std::size_t& levels) const;
  [[nodiscard]] std::string find_level_inconsistency(std::uint32_t number, Locate locate, Side side,
                                                     std::size_t& orders) const;

  OrderTable orders_;
  VirtualArray<QueueBlock> blocks_;
  SideArena arena_;
  VirtualArray<Book> books_;
  VirtualArray<PriceWindow> windows_;  // By locate and side.
  VirtualArray<SideLevels> outside_;   // By locate and side: the levels outside the window.
  std::vector<SymbolState> states_;
  std::vector<Symbol> symbols_;
  std::uint32_t next_block_ = 1;  // Block 0 stands for none.
  std::uint32_t free_block_ = none;
  std::size_t live_levels_ = 0;
  Hints hints_;  // By position in the row of all events, a ring.
  std::size_t hint_position_ = 0;
  std::size_t seen_ = 0;  // How many events of the next call have been looked at.
  BookCounters counters_;
  std::vector<Mpid> mpids_;
  std::unordered_map<std::uint32_t, std::uint16_t> mpid_indices_;
};

}  // namespace tapeline::book

#include "book/order_books_apply.h"
#include "book/order_books_state.h"
