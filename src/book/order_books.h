#pragma once

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

#include "base/virtual_array.h"
#include "book/book_types.h"
#include "book/order_index.h"
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
  std::size_t max_blocks = std::size_t{1} << 26;  // Queue blocks of 64 bytes: one to four orders each.
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

  // Applies events in order. Looks ahead over them to load what later ones will touch, so batches of a few
  // dozen and more run fastest.
  template <class Handler>
  void apply(std::span<const Event> events, Handler& handler);

  [[nodiscard]] Bbo bbo(Locate locate) const { return bbo_of(books_[raw(locate)]); }
  [[nodiscard]] Quality quality(Locate locate) const {
    const Book& book = books_[raw(locate)];
    return book.met ? book.quality : unnamed_quality_;
  }
  // The ticker; blank while the feed has not named it.
  [[nodiscard]] const Symbol& symbol(Locate locate) const { return symbols_[raw(locate)]; }
  [[nodiscard]] const SymbolState& state(Locate locate) const {
    static const SymbolState unknown{};
    return raw(locate) < states_.size() ? states_[raw(locate)] : unknown;
  }
  [[nodiscard]] const BookCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t live_orders() const { return index_.size(); }
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

  // Adds flags to a book, or clears them (after a recovery).
  void mark(Locate locate, Quality flags) { meet(locate).quality |= flags; }
  void unmark(Locate locate, Quality flags) {
    Book& book = meet(locate);
    book.quality = without(book.quality, flags);
  }
  // The same of every book, and of those that the feed has yet to name: messages are missing, or are not any
  // more.
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
  static constexpr std::uint8_t max_above = 4;

  struct alignas(64) Book {
    SideLevels sides[2];
    std::uint64_t best_shares[2];  // 0 where the side is empty.
    PriceKey best_key[2];          // Meaningless where the side is empty.
    Quality quality;
    bool auction;           // Halted, paused or quotation only: may be crossed.
    bool named;             // The feed has given this locate a symbol.
    bool mentioned;         // By an event that could not be trusted.
    bool locked;            // The best bid equals the best ask, outside an auction.
    std::uint8_t above[2];  // Empty levels that lie above the best one, by side; see SideLevels.
    bool met;               // It is in met_; until then its quality is unnamed_quality_.
    // A symbol takes its queue blocks from runs of its own: what it touches then lies on a few pages, and the
    // processor need not look up a page for each block.
    std::uint32_t free_blocks;  // Chained by QueueBlock::next.
    std::uint32_t next_block;   // Of the newest run, up to its end, which is a multiple of its length.
  };
  static_assert(sizeof(Book) == 128);
  static constexpr std::uint32_t run_length = 32;

  [[nodiscard]] static Bbo bbo_of(const Book& book) {
    return {book.best_shares[0], book.best_shares[1],
            book.best_shares[0] != 0 ? price_of(Side::bid, book.best_key[0]) : Price{0},
            book.best_shares[1] != 0 ? price_of(Side::ask, book.best_key[1]) : Price{0}};
  }

  // A live order: where it is.
  struct OrderPlace {
    OrderIndex::Place entry;
    unsigned position;  // In the block.
  };

  // Messages are applied in chunks; while one is applied, the stages of the look-ahead load what the next
  // ones will touch. Adds and the other kinds are dealt to two lists once, so that no stage branches on the
  // kind of a message, which cannot be guessed.
  static constexpr std::size_t chunk_size = 16;
  struct Hint {
    OrderIndex::Place entry;  // Of the order; see OrderIndex::peek.
    std::uint32_t level;      // First block of the price level that the message will change.
  };
  struct Chunk {
    std::span<const Event> events;
    std::array<Hint, chunk_size> hints;
    std::array<std::uint8_t, chunk_size> adds;
    std::array<std::uint8_t, chunk_size> others;
    std::uint32_t add_count;
    std::uint32_t other_count;
  };
  void prefetch_index(std::span<const Event> events, Chunk& chunk) const;
  void prefetch_blocks(Chunk& chunk) const;
  void prefetch_levels(Chunk& chunk) const;
  void prefetch_tails(const Chunk& chunk) const;

  [[nodiscard]] OrderIndex::Place find_entry(Locate locate, OrderRef ref) const {
    return index_.find(ref, [&](std::uint32_t block) { return blocks_[block].may_hold(locate, ref); });
  }
  [[nodiscard]] OrderIndex::Place confirm(const Hint& hint, Locate locate, OrderRef ref,
                                          std::uint32_t home) const;
  [[nodiscard]] bool is_taken(Locate locate, OrderRef ref, std::uint32_t home) const {
    return !index_.surely_lacks(ref, home) && find_entry(locate, ref).block != none;
  }
  [[nodiscard]] std::optional<OrderPlace> find(Locate locate, OrderRef ref) const;

  [[nodiscard]] bool has_room(Book& book) {
    return next_run_ + run_length <= blocks_.capacity() || reclaim(book);
  }
  bool reclaim(Book& book);
  std::uint32_t take_block(Book& book);
  void free_block(Book& book, std::uint32_t number) {
    blocks_[number].set_identity(0);  // No hint may take it for a level.
    blocks_[number].next = book.free_blocks;
    book.free_blocks = number;
  }
  std::uint32_t append_block(Book& book, std::uint32_t first_number, OrderRef ref);
  void unlink_block(Book& book, std::uint32_t number);

  // Entry of the best level of a side, orders or not; -1 where there is no entry at or below it.
  [[nodiscard]] static std::int64_t best_entry(const Book& book, std::size_t side) {
    return std::int64_t{book.sides[side].size} - 1 - book.above[side];
  }
  void drop_empty_levels(Book& book, std::size_t side);
  void make_room(Book& book, std::size_t side);
  std::uint64_t find_best(Book& book, std::size_t side);
  void drop_levels(Book& book, std::size_t side, std::uint32_t down_to);

  // The steps of which messages consist. Each leaves every total right; the BBO is told by the caller.
  void rest(Book& book, const Event& event, OrderRef ref, std::uint32_t home, Side side, PriceKey key,
            std::uint16_t attribution, std::uint32_t likely_level);
  std::uint32_t open_level(Book& book, std::uint32_t at, Locate locate, Side side, PriceKey key,
                           OrderRef ref);
  void remove(Book& book, const OrderIndex::Place& entry, std::uint32_t home, unsigned position);

  // Brings the cached BBO up to date and tells of a change.
  template <class Handler>
  void refresh_bbo(const Event& event, Book& book, Side side, Handler& handler);
  [[nodiscard]] static bool is_at_best(const Book& book, Side side, PriceKey key) {
    const auto s = static_cast<std::size_t>(side);
    return (key >= book.best_key[s]) | (book.best_shares[s] == 0);
  }
  [[nodiscard]] static bool is_better(const Book& book, Side side, PriceKey key) {
    const auto s = static_cast<std::size_t>(side);
    return (key > book.best_key[s]) | (book.best_shares[s] == 0);
  }

  template <class Handler>
  void apply_one(const Event& event, const Hint& hint, Handler& handler);
  template <class Handler>
  void apply_add(const Event& event, std::uint32_t likely_level, Handler& handler);
  template <class Handler>
  void apply_reduction(const Event& event, const Hint& hint, Handler& handler);
  template <class Handler>
  void apply_replace(const Event& event, const Hint& hint, Handler& handler);
  template <class Handler>
  void apply_trade(const Event& event, Handler& handler);

  template <class Writer>
  void save_block(std::uint32_t number, Writer& writer) const;
  bool load_order(Book& book, Locate locate, Side side, PriceKey key, const detail::SavedOrder& order);

  // A book that something is to be noted of. Before the first time it is as all that were not named.
  Book& meet(Locate locate) {
    Book& book = books_[raw(locate)];
    if (!book.met) [[unlikely]] {
      book.met = true;
      book.quality = unnamed_quality_;
      met_.push_back(locate);
    }
    return book;
  }

  // Slow paths, out of line.
  void flag_bad(const Event& event, std::uint64_t& counter);
  void note_crossing(Book& book);
  void take_status(const Event& event);
  void learn_symbol(Locate locate, const Symbol& symbol);
  std::uint16_t attribution_index(Mpid mpid);
  [[nodiscard]] std::string find_side_inconsistency(Locate locate, Side side, std::size_t& orders,
                                                    std::size_t& levels) const;
  [[nodiscard]] std::string find_queue_inconsistency(std::int64_t entry, Locate locate, Side side,
                                                     std::size_t& orders) const;

  OrderIndex index_;
  VirtualArray<QueueBlock> blocks_;
  VirtualArray<OrderStamps> stamps_;  // By block.
  SideArena arena_;
  VirtualArray<Book> books_;
  std::vector<SymbolState> states_;  // By locate, up to the highest that had a status.
  VirtualArray<Symbol> symbols_;
  std::vector<Locate> met_;  // Books of which anything was noted, in the order of that.
  Quality unnamed_quality_ = Quality::good;
  std::uint32_t next_run_ = run_length;  // The first run holds block 0, which stands for none.
  std::size_t live_levels_ = 0;
  BookCounters counters_;
  std::vector<Mpid> mpids_;
  std::unordered_map<std::uint32_t, std::uint16_t> mpid_indices_;
};

}  // namespace tapeline::book

#include "book/order_books_apply.h"
#include "book/order_books_state.h"
