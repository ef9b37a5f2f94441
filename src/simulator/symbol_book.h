#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"
#include "market/types.h"

namespace tapeline::simulator {

// Names an order in the OrderPool as long as it rests.
using Slot = std::uint32_t;
inline constexpr Slot no_slot = ~0u;

// Two to a cache line. The links make the first-in-first-out queue of a price level.
struct alignas(32) Order {
  std::uint32_t ref;
  std::uint32_t shares;
  std::uint32_t price;  // In ticks of its symbol.
  Slot next;
  Slot previous;
  std::uint32_t live_index;  // Its place in SymbolBook::live; not_listed if it is not there.
  Side side;
  std::uint8_t participant;  // Which MPID it is attributed to; 0 is none.

  static constexpr std::uint32_t not_listed = ~0u;
};
static_assert(sizeof(Order) == 32);

// The orders of all symbols. A slot that became free is reused first, while its cache line is still warm.
class OrderPool {
 public:
  explicit OrderPool(std::size_t expected) { orders_.reserve(expected); }

  Order& operator[](Slot slot) { return orders_[slot]; }
  const Order& operator[](Slot slot) const { return orders_[slot]; }

  Slot take() {
    ++live_;
    peak_live_ = std::max(peak_live_, live_);
    if (free_ == no_slot) {
      orders_.emplace_back();
      return static_cast<Slot>(orders_.size() - 1);
    }
    const Slot slot = free_;
    free_ = orders_[slot].next;
    return slot;
  }

  void give_back(Slot slot) {
    --live_;
    orders_[slot].ref = 0;
    orders_[slot].next = free_;
    free_ = slot;
  }

  void prefetch(Slot slot) const { __builtin_prefetch(orders_.data() + slot, 1); }

  void prefetch_neighbours(Slot slot) const {
    const Order& order = orders_[slot];
    if (order.next != no_slot) prefetch(order.next);
    if (order.previous != no_slot) prefetch(order.previous);
  }

  [[nodiscard]] std::uint64_t live() const { return live_; }
  [[nodiscard]] std::uint64_t peak_live() const { return peak_live_; }

 private:
  std::vector<Order> orders_;
  Slot free_ = no_slot;
  std::uint64_t live_ = 0;
  std::uint64_t peak_live_ = 0;
};

// One price of one side with its queue.
struct Level {
  std::uint32_t key;  // See Ladder::key.
  Slot head;
  Slot tail;
};

// The price levels of one side, the best one last, so that most changes happen at the end of the array. A
// fixed number of levels bounds the memory; an order at a price for which there is no room joins the next
// worse level.
class Ladder {
 public:
  // Ascending from worst to best on either side, so that both run the same code.
  [[nodiscard]] static std::uint32_t key(Side side, std::uint32_t price) {
    return side == Side::bid ? price : ~price;
  }

  void reset(Level* levels, std::uint32_t capacity) {
    levels_ = levels;
    size_ = 0;
    capacity_ = capacity;
  }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] Level& best() { return levels_[size_ - 1]; }
  [[nodiscard]] const Level& best() const { return levels_[size_ - 1]; }
  // From the best, 0.
  [[nodiscard]] const Level& from_best(std::uint32_t depth) const { return levels_[size_ - 1 - depth]; }
  void prefetch() const { __builtin_prefetch(levels_ + (size_ == 0 ? 0 : size_ - 1), 1); }

  Level& at(std::uint32_t wanted) {
    const std::uint32_t after = upper_bound(wanted);
    CHECK(after > 0 && levels_[after - 1].key == wanted);
    return levels_[after - 1];
  }

  // The level of this key, or the one that stands in for it when the ladder is full.
  Level& at_or_new(std::uint32_t wanted) {
    const std::uint32_t after = upper_bound(wanted);
    if (after > 0 && levels_[after - 1].key == wanted) return levels_[after - 1];
    if (size_ == capacity_) return levels_[after > 0 ? after - 1 : 0];
    for (std::uint32_t i = size_; i > after; --i) levels_[i] = levels_[i - 1];
    ++size_;
    levels_[after] = {wanted, no_slot, no_slot};
    return levels_[after];
  }

  void erase(Level& level) {
    --size_;
    for (auto i = static_cast<std::uint32_t>(&level - levels_); i < size_; ++i) levels_[i] = levels_[i + 1];
  }

 private:
  // How many levels have a key of at most this one.
  [[nodiscard]] std::uint32_t upper_bound(std::uint32_t wanted) const {
    std::uint32_t i = size_;
    while (i > 0 && levels_[i - 1].key > wanted) --i;
    return i;
  }

  Level* levels_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

// The generator's own truth: the displayed orders of one symbol. It never becomes crossed or locked as long
// as callers add at acceptable() prices.
class SymbolBook {
 public:
  void reset(Level* bids, Level* asks, std::uint32_t capacity) {
    ladders_[0].reset(bids, capacity);
    ladders_[1].reset(asks, capacity);
  }

  [[nodiscard]] bool empty(Side side) const { return ladder(side).empty(); }
  [[nodiscard]] std::uint32_t best_price(Side side) const { return price_of(side, ladder(side).best().key); }
  [[nodiscard]] Slot best_order(Side side) const { return ladder(side).best().head; }
  [[nodiscard]] const Ladder& ladder(Side side) const { return ladders_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] std::uint32_t orders(Side side) const { return counts_[static_cast<std::size_t>(side)]; }
  // The listed orders, roughly the oldest first.
  [[nodiscard]] const std::vector<Slot>& live() const { return live_; }

  [[nodiscard]] static std::uint32_t price_of(Side side, std::uint32_t key) {
    return side == Side::bid ? key : ~key;
  }

  // The nearest price that does not trade at once; 0 if there is none.
  [[nodiscard]] std::uint32_t acceptable(Side side, std::uint32_t price) const {
    if (empty(opposite(side))) return price;
    const std::uint32_t limit = best_price(opposite(side));
    return side == Side::bid ? std::min(price, limit - 1) : std::max(price, limit + 1);
  }

  // Shares at the best price; walks its queue.
  [[nodiscard]] std::uint64_t best_shares(const OrderPool& pool, Side side) const;

  // Puts an order at the end of the queue of `price`, or of the level that stands in for it: read the price
  // back from the order. A listed order can be found through live().
  Slot add(OrderPool& pool, Side side, std::uint32_t price, std::uint32_t shares, std::uint32_t ref,
           bool listed) {
    const Slot slot = pool.take();
    Order& order = pool[slot];
    order.ref = ref;
    order.shares = shares;
    order.side = side;
    order.live_index = listed ? static_cast<std::uint32_t>(live_.size()) : Order::not_listed;
    if (listed) live_.push_back(slot);
    ++counts_[static_cast<std::size_t>(side)];
    enqueue(pool, slot, price);
    return slot;
  }

  void remove(OrderPool& pool, Slot slot) {
    const Order& order = pool[slot];
    dequeue(pool, order);
    if (order.live_index != Order::not_listed) {
      const Slot last = live_.back();
      live_[order.live_index] = last;
      pool[last].live_index = order.live_index;
      live_.pop_back();
    }
    --counts_[static_cast<std::size_t>(order.side)];
    pool.give_back(slot);
  }

  // Takes shares off; at zero the order is gone.
  void reduce(OrderPool& pool, Slot slot, std::uint32_t shares) {
    Order& order = pool[slot];
    CHECK(order.shares >= shares);
    order.shares -= shares;
    if (order.shares == 0) remove(pool, slot);
  }

  // A replaced order loses its place in the queue.
  void replace(OrderPool& pool, Slot slot, std::uint32_t price, std::uint32_t shares, std::uint32_t ref) {
    Order& order = pool[slot];
    dequeue(pool, order);
    order.ref = ref;
    order.shares = shares;
    enqueue(pool, slot, price);
  }

  void prefetch_ladders() const {
    ladders_[0].prefetch();
    ladders_[1].prefetch();
    if (!live_.empty()) __builtin_prefetch(&live_.back(), 1);
  }

 private:
  void enqueue(OrderPool& pool, Slot slot, std::uint32_t price) {
    Order& order = pool[slot];
    Level& level = ladders_[static_cast<std::size_t>(order.side)].at_or_new(Ladder::key(order.side, price));
    order.price = price_of(order.side, level.key);
    order.next = no_slot;
    order.previous = level.tail;
    (level.tail == no_slot ? level.head : pool[level.tail].next) = slot;
    level.tail = slot;
  }

  void dequeue(OrderPool& pool, const Order& order) {
    if (order.previous != no_slot && order.next != no_slot) {
      pool[order.previous].next = order.next;
      pool[order.next].previous = order.previous;
      return;
    }
    Ladder& side = ladders_[static_cast<std::size_t>(order.side)];
    Level& level = side.at(Ladder::key(order.side, order.price));
    if (order.previous == no_slot && order.next == no_slot) return side.erase(level);
    if (order.previous == no_slot) {
      level.head = order.next;
      pool[order.next].previous = no_slot;
    } else {
      level.tail = order.previous;
      pool[order.previous].next = no_slot;
    }
  }

  std::array<Ladder, 2> ladders_;
  std::array<std::uint32_t, 2> counts_{};
  std::vector<Slot> live_;
};

}  // namespace tapeline::simulator
