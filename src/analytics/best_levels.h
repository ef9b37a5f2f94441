#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <immintrin.h>

#include "analytics/order_flow_imbalance.h"
#include "book/book_types.h"
#include "book/order_books.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/keyed_state.h"

namespace tapeline::analytics {

// The best levels of one side of a book, best first, in four cache lines. Places behind `count` are zero.
struct alignas(64) RankedSide {
  static constexpr std::size_t capacity = 15;

  std::array<LevelRank, capacity> ranks;
  std::uint8_t count;
  bool more;  // The book has levels behind these.
  std::array<std::uint8_t, 2> reserved;
  std::array<std::uint64_t, capacity> shares;
  std::uint64_t reserved2;
  std::array<std::uint32_t, capacity> orders;
  std::uint32_t reserved3;

  // How many levels are better than this one.
  [[nodiscard]] std::size_t position(LevelRank rank) const {
    const __m256i wanted = _mm256_set1_epi32(static_cast<int>(rank));
    const auto not_better = [&](const void* at) {
      const __m256i ranks8 = _mm256_loadu_si256(static_cast<const __m256i*>(at));
      const __m256i equal = _mm256_cmpeq_epi32(_mm256_max_epu32(ranks8, wanted), wanted);
      return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(equal)));
    };
    // The sixteenth place is no rank.
    const unsigned mask = not_better(ranks.data()) | not_better(ranks.data() + 8) << 8 | 1u << capacity;
    return std::min<std::size_t>(static_cast<std::size_t>(std::countr_zero(mask)), count);
  }
  // Of the best so many. Without a branch: places behind `count` are zero.
  [[nodiscard]] book::SideDepth depth(Side side, std::size_t most) const {
    book::SideDepth sum{};
    for (std::size_t i = 0; i < capacity; ++i) {
      sum.shares += i < most ? shares[i] : 0;
      sum.orders += i < most ? orders[i] : 0;
    }
    sum.levels = static_cast<std::uint32_t>(std::min<std::size_t>(most, count));
    if (count != 0) sum.best = price_of_rank(side, ranks[0]);
    return sum;
  }
  void erase(std::size_t at) {
    shift(ranks, at + 1, at);
    shift(shares, at + 1, at);
    shift(orders, at + 1, at);
    --count;
    ranks[count] = 0;
    shares[count] = 0;
    orders[count] = 0;
  }
  // Lets the last one go where there is no room.
  void insert(std::size_t at, LevelRank rank) {
    if (count == capacity)
      more = true;
    else
      ++count;
    shift(ranks, at, at + 1);
    shift(shares, at, at + 1);
    shift(orders, at, at + 1);
    ranks[at] = rank;
    shares[at] = 0;
    orders[at] = 0;
  }

 private:
  template <class T>
  static void shift(std::array<T, capacity>& all, std::size_t from, std::size_t to) {
    std::memmove(&all[to], &all[from], (capacity - std::max(from, to)) * sizeof(T));
  }
};
static_assert(sizeof(RankedSide) == 256);

// The best levels of every book, kept up to date change by change, for what looks at many books at once or at
// a book after each message: reading them from the books costs a cache miss a level. They are always those of
// the book, and are read from it again where too few are left.
class BestLevels {
 public:
  // What a change of an order did to the levels that are kept.
  enum class Effect : std::uint8_t {
    none,     // Out of sight, or the message at hand has yet to tell its second change.
    resized,  // A level has another size.
    moved     // Levels came or went; before() has those from before the message.
  };
  struct Change {
    Effect effect;
    std::uint8_t level;  // Where resized.
  };

  // At least so many levels are kept of each side, as far as they are there; at most RankedSide::capacity.
  explicit BestLevels(std::size_t levels)
      : least_(std::clamp<std::size_t>(levels, 5, RankedSide::capacity)) {}

  // Loads all of a book.
  void prefetch(Locate key) const { books_.prefetch(key); }
  // Loads what a change near the best prices touches.
  void prefetch_best(Locate key) const {
    for (const Side side : {Side::bid, Side::ask}) {
      const RankedSide& ranked = books_[key].sides[raw(side)];
      tapeline::prefetch(&ranked.ranks);
      tapeline::prefetch(&ranked.shares);
      tapeline::prefetch(&ranked.orders);
    }
  }

  // Takes a change of an order in; `is_part`: of a message with several, whose effect is told as a whole.
  Change take(Locate key, const book::OrderChange& change, bool is_part) {
    RankedSide& side = books_[key].sides[raw(change.side)];
    const LevelRank rank = rank_of(change.side, change.price);
    const std::size_t at = side.position(rank);
    const bool found = at < side.count && side.ranks[at] == rank;
    if (!found && at == side.count && (side.more || at == RankedSide::capacity)) {
      side.more = true;
      return {Effect::none, 0};
    }
    const bool gone = found && side.orders[at] == 1 && change.after == 0;
    const bool moves = !found || gone || is_part;
    if (moves && (changed_ >> raw(change.side) & 1) == 0) {
      before_[raw(change.side)] = side;
      changed_ |= 1u << raw(change.side);
    }
    if (gone) {
      side.erase(at);
    } else {
      if (!found) side.insert(at, rank);
      side.shares[at] += change.after;
      side.shares[at] -= change.before;
      side.orders[at] += (change.before == 0) - (change.after == 0);
    }
    return {moves ? Effect::moved : Effect::resized, static_cast<std::uint8_t>(at)};
  }

  // After each message of this key, when its book is whole again.
  template <class Books>
  void refill(Locate key, const Books& books) {
    if (changed_ == 0) return;
    for (const Side side : {Side::bid, Side::ask}) {
      RankedSide& ranked = books_[key].sides[raw(side)];
      if (ranked.count < least_ && ranked.more) [[unlikely]]
        ranked = read(key, side, books);
    }
  }
  // Whether levels of the side came or went with the message at hand, what they were before, and the end of
  // it.
  [[nodiscard]] bool has_changed(Side side) const { return (changed_ >> raw(side) & 1) != 0; }
  [[nodiscard]] const RankedSide& before(Side side) const { return before_[raw(side)]; }
  [[nodiscard]] const RankedSide& now(Locate key, Side side) const { return books_[key].sides[raw(side)]; }
  [[nodiscard]] bool has_changed() const { return changed_ != 0; }
  void end_message() { changed_ = 0; }

  // Takes a book over that has changed as a whole.
  template <class Books>
  void start_over(Locate key, const Books& books) {
    for (const Side side : {Side::bid, Side::ask}) {
      const RankedSide ranked = read(key, side, books);
      // What is and stays empty need not be written to, as it would take memory.
      if (ranked.count != 0 || books_[key].sides[raw(side)].count != 0) books_[key].sides[raw(side)] = ranked;
    }
  }

 private:
  struct Book {
    RankedSide sides[2];
  };

  template <class Books>
  static RankedSide read(Locate key, Side side, const Books& books) {
    std::array<book::LevelView, RankedSide::capacity> views;
    RankedSide ranked{};
    const std::size_t count = books.levels(key, side, views);
    ranked.count = static_cast<std::uint8_t>(count);
    ranked.more = count == RankedSide::capacity;
    for (std::size_t i = 0; i < count; ++i) {
      ranked.ranks[i] = rank_of(side, views[i].price);
      ranked.shares[i] = views[i].shares;
      ranked.orders[i] = views[i].orders;
    }
    return ranked;
  }

  std::size_t least_;
  stream::KeyedState<Book> books_;
  std::array<RankedSide, 2> before_{};
  unsigned changed_ = 0;  // Sides that have a `before`, a bit each.
};

// The books as operators see them: levels from the best that are kept, where they are enough, all else from
// the books themselves.
class BookView {
 public:
  BookView(const book::OrderBooks& books, const BestLevels& best, bool use_best)
      : books_(books), best_(best), use_best_(use_best) {}

  [[nodiscard]] book::Bbo bbo(Locate key) const { return books_.bbo(key); }
  [[nodiscard]] Quality quality(Locate key) const { return books_.quality(key); }
  [[nodiscard]] const Symbol& symbol(Locate key) const { return books_.symbol(key); }
  [[nodiscard]] const book::SymbolState& state(Locate key) const { return books_.state(key); }
  // Loads what bbo(), quality() and symbol() will look at …
  void prefetch(Locate key) const { books_.prefetch(key); }
  // … and levels() and depth() as well.
  void prefetch_levels(Locate key) const {
    books_.prefetch(key);
    if (use_best_) best_.prefetch(key);
  }

  // Of the best `count` levels of a side, at most 64.
  [[nodiscard]] book::SideDepth depth(Locate key, Side side, std::size_t count) const {
    if (use_best_) {
      const RankedSide& ranked = best_.now(key, side);
      if (count <= ranked.count || !ranked.more) return ranked.depth(side, count);
    }
    std::array<book::LevelView, 64> views;
    book::SideDepth sum{};
    sum.levels = static_cast<std::uint32_t>(books_.levels(key, side, std::span(views).first(count)));
    for (std::uint32_t i = 0; i < sum.levels; ++i) {
      sum.shares += views[i].shares;
      sum.orders += views[i].orders;
    }
    if (sum.levels != 0) sum.best = views[0].price;
    return sum;
  }

  std::size_t queue_front(Locate key, Side side, Price price, std::span<book::OrderView> out) const {
    return books_.queue_front(key, side, price, out);
  }

  std::size_t levels(Locate key, Side side, std::span<book::LevelView> out) const {
    if (use_best_) {
      const RankedSide& ranked = best_.now(key, side);
      if (out.size() <= ranked.count || !ranked.more) {
        const std::size_t count = std::min<std::size_t>(out.size(), ranked.count);
        for (std::size_t i = 0; i < count; ++i)
          out[i] = {price_of_rank(side, ranked.ranks[i]), ranked.orders[i], ranked.shares[i]};
        return count;
      }
    }
    return books_.levels(key, side, out);
  }

 private:
  const book::OrderBooks& books_;
  const BestLevels& best_;
  bool use_best_;
};

}  // namespace tapeline::analytics
