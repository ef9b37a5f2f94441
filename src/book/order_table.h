#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/virtual_array.h"
#include "book/order_index.h"
#include "market/types.h"

namespace tapeline::book {

// What is known of a live order besides its reference, its book and its price, which its queue block knows.
struct RestingOrder {
  std::uint32_t block;  // Number of the queue block that holds it; 0: no order.
  Shares shares;
  std::uint64_t stamp;  // Time of entry in the lower 48 bits, index of the participant above.

  RestingOrder() = default;
  RestingOrder(std::uint32_t block_number, Shares quantity, EventTime entered, std::uint16_t attribution)
      : block(block_number),
        shares(quantity),
        stamp(std::uint64_t{attribution} << 48 | (raw(entered) & time_mask)) {}
  [[nodiscard]] EventTime entered() const { return EventTime{stamp & time_mask}; }
  [[nodiscard]] std::uint16_t attribution() const { return static_cast<std::uint16_t>(stamp >> 48); }

 private:
  static constexpr std::uint64_t time_mask = (std::uint64_t{1} << 48) - 1;
};
static_assert(sizeof(RestingOrder) == 16);

// The live orders by their references. Not thread-safe.
//
// References count up, so the newest ones have pages: a page holds the numbers of the orders of 4,096
// references that follow one another, and to find one is two loads without a search. Most orders die young. A
// page that has become sparse is given back and its survivors go to a hash table, where orders also go whose
// references do not count up. So memory follows the live orders and not the references of a day: a page has
// at least `min_live` orders, but for the newest few.
//
// The same reference may be live in two books. Only one fits the page, so both go to the hash table then, and
// their slot on the page says so.
class OrderTable {
 public:
  // Where an order is; good while it lives or until the next add. `number` 0: nowhere.
  struct Place {
    std::uint32_t slot;  // On a page; 0: in the hash table.
    std::uint32_t number;
  };

  OrderTable(std::size_t expected_orders, std::size_t max_orders);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t index_limit() const { return index_.limit(); }
  [[nodiscard]] std::size_t memory_bytes() const {
    return pages_ * page_size * sizeof(std::uint32_t) + next_order_ * sizeof(RestingOrder) +
           most_loose_ * sizeof(OrderRef) + index_.memory_bytes() + directory_size * sizeof(DirectoryEntry);
  }

  [[nodiscard]] RestingOrder& order(Place place) { return orders_[place.number]; }
  [[nodiscard]] const RestingOrder& order(Place place) const { return orders_[place.number]; }

  // The slot of a reference on its page. 0, which is neither vacant nor taken, if it has no page.
  [[nodiscard]] std::uint32_t slot_of(OrderRef ref) const {
    const std::uint64_t number = raw(ref) >> page_bits;
    const DirectoryEntry& entry = directory_[number % directory_size];
    return entry.number == number ? entry.first_slot + static_cast<std::uint32_t>(raw(ref) % page_size) : 0;
  }
  [[nodiscard]] bool is_vacant(std::uint32_t slot) const { return slots_[slot] == none; }
  [[nodiscard]] bool has_room() const { return free_order_ != none || next_order_ < orders_.capacity(); }

  // The live order with this reference whose queue block `accept(block)` confirms.
  template <class Accept>
  [[nodiscard]] Place find(OrderRef ref, Accept&& accept) const {
    const std::uint32_t slot = slot_of(ref);
    const std::uint32_t number = slots_[slot];
    const std::uint32_t block = orders_[number].block;
    if (block != 0 && accept(block)) [[likely]]
      return {slot, number};
    if (number == diverted) return find_loose(ref, accept);
    return {0, none};
  }

  // Puts an order into a slot that is vacant. There must be room.
  void put(std::uint32_t slot, const RestingOrder& order) {
    const std::uint32_t number = take_order();
    slots_[slot] = number;
    orders_[number] = order;
    ++live_[slot / page_size];
    ++size_;
  }
  // The same for any reference that is not live yet in this book; it may be in another one.
  void put_anywhere(OrderRef ref, const RestingOrder& order);

  void erase(Place place, OrderRef ref) {
    orders_[place.number].block = 0;
    orders_[place.number].shares = free_order_;
    free_order_ = place.number;
    --size_;
    slots_[place.slot] = place.slot == 0 ? diverted : none;
    if (--live_[place.slot / page_size] < min_live) [[unlikely]]
      settle(place, ref);
  }

  // What the look-ahead loads, link by link, to learn the block of an order. Never out of bounds, but what
  // they find may be another order's by the time it is needed.
  [[nodiscard]] const std::uint32_t* slot_address(OrderRef ref) const {
    const std::uint32_t slot = slot_of(ref);
    if (slot == 0) [[unlikely]]
      index_.prefetch(index_.home(ref));
    return &slots_[slot];
  }
  [[nodiscard]] const std::uint32_t* block_address(OrderRef ref, std::uint32_t number) const {
    if (number == diverted) [[unlikely]]
      number = index_.peek(ref, index_.home(ref)).block;
    return &orders_[number].block;
  }

 private:
  static constexpr unsigned page_bits = 12;
  static constexpr std::size_t page_size = std::size_t{1} << page_bits;
  static constexpr std::size_t max_pages = std::size_t{1} << 16;
  static constexpr std::size_t directory_size = std::size_t{1} << 15;
  static constexpr std::int32_t min_live = page_size / 64;
  // Pages that are kept whatever they hold, since they are being filled.
  static constexpr std::size_t young_pages = 16;
  // While a page is young its count is higher by this, so that it is not found to be sparse.
  static constexpr std::int32_t young_bonus = 1 << 24;
  // References count up, but not without gaps: so many numbers further on a page is opened at once. Elsewhere
  // it takes a row of references so close to one another.
  static constexpr std::uint64_t max_step = 4;
  static constexpr std::uint32_t row_length = 16;

  // Where the page of a number has its memory. Numbers that share an entry cannot have pages at the same
  // time.
  struct DirectoryEntry {
    std::uint64_t number;  // Its first reference over the page size, or `closed`.
    std::uint32_t first_slot;
    std::uint32_t reserved;
  };
  static constexpr std::uint64_t closed = ~std::uint64_t{0};
  // Order numbers that stand for none; the second says: look in the hash table.
  static constexpr std::uint32_t none = 0;
  static constexpr std::uint32_t diverted = 1;

  std::uint32_t take_order() {
    const std::uint32_t number = free_order_;
    if (number == none) return next_order_++;
    free_order_ = orders_[number].shares;
    return number;
  }

  template <class Accept>
  [[nodiscard, gnu::noinline]] Place find_loose(OrderRef ref, Accept&& accept) const {
    const OrderIndex::Place entry = index_.find(ref, [&](std::uint32_t number) {
      return loose_refs_[number] == ref && accept(orders_[number].block);
    });
    return {0, entry.block};
  }

  void settle(Place place, OrderRef ref);
  [[nodiscard]] bool wants_page(std::uint64_t number);
  [[nodiscard]] bool open(std::uint64_t number);
  void divert_known(std::uint64_t number, std::uint32_t page);
  void close(std::uint32_t page);
  void index(OrderRef ref, std::uint32_t number);

  OrderIndex index_;                          // Order numbers of the references without a page.
  VirtualArray<std::uint32_t> slots_;         // By page and reference: order numbers.
  VirtualArray<RestingOrder> orders_;         // By number. Of a free one: the next free one in `shares`.
  VirtualArray<OrderRef> loose_refs_;         // By number, of the orders in the hash table.
  VirtualArray<std::int32_t> live_;           // By page: how many orders it holds.
  VirtualArray<std::uint64_t> page_numbers_;  // By page: its number. Of a free one: the next free one.
  VirtualArray<DirectoryEntry> directory_;
  std::size_t size_ = 0;
  std::uint32_t next_order_ = 2;
  std::uint32_t free_order_ = none;
  std::uint32_t pages_ = 1;  // Given out so far. The first holds slot 0 alone.
  std::uint32_t free_page_ = 0;
  std::size_t most_loose_ = 0;
  std::array<std::uint32_t, young_pages> young_{};  // A ring; 0 where there was none.
  std::size_t opened_ = 0;
  std::uint64_t newest_ = 0;         // Number of the page opened last, once there was one.
  std::uint64_t highest_loose_ = 0;  // No page with a higher number has an order in the hash table.
  std::uint64_t row_start_ = 0;      // Number of the page where a row of references began.
  std::uint32_t row_ = 0;
};

}  // namespace tapeline::book
