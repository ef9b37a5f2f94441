#include "book/order_table.h"

#include <algorithm>
#include <utility>

namespace tapeline::book {

OrderTable::OrderTable(std::size_t expected_orders, std::size_t max_orders)
    : index_(expected_orders),
      slots_(max_pages * page_size),
      orders_(max_orders + 2),
      loose_refs_(max_orders + 2),
      live_(max_pages),
      page_numbers_(max_pages),
      directory_(directory_size) {
  std::fill_n(directory_.data(), directory_size, DirectoryEntry{closed, 0, 0});
  slots_[0] = diverted;
}

void OrderTable::put_anywhere(OrderRef ref, const RestingOrder& order) {
  const std::uint64_t number = raw(ref) >> page_bits;
  std::uint32_t slot = slot_of(ref);
  if (slot == 0 && wants_page(number) && open(number)) slot = slot_of(ref);
  if (slot != 0 && is_vacant(slot)) return put(slot, order);
  if (slot != 0 && slots_[slot] != diverted) {
    index(ref, std::exchange(slots_[slot], diverted));
    --live_[slot / page_size];  // Where that makes the page sparse, the next erase() finds it.
  }
  const std::uint32_t own = take_order();
  orders_[own] = order;
  ++size_;
  index(ref, own);
}

// Whether a page should be opened for a reference that has none.
bool OrderTable::wants_page(std::uint64_t number) {
  if (opened_ == 0 || number - newest_ - 1 < max_step) return true;
  row_ = number - row_start_ < max_step ? row_ + 1 : 1;
  if (row_ == 1) row_start_ = number;
  return row_ >= row_length;
}

bool OrderTable::open(std::uint64_t number) {
  DirectoryEntry& entry = directory_[number % directory_size];
  if (entry.number != closed) close(entry.first_slot / page_size);
  std::uint32_t page = free_page_;
  if (page != 0) {
    free_page_ = static_cast<std::uint32_t>(page_numbers_[page]);
  } else {
    if (pages_ == max_pages) return false;
    page = pages_++;
  }
  entry = {number, static_cast<std::uint32_t>(page * page_size), 0};
  page_numbers_[page] = number;
  live_[page] = young_bonus;
  newest_ = number;
  row_ = 0;
  const std::uint32_t oldest = std::exchange(young_[opened_++ % young_pages], page);
  if (oldest != 0) {
    live_[oldest] -= young_bonus;
    if (live_[oldest] < min_live) close(oldest);
  }
  if (number <= highest_loose_) divert_known(number, page);
  return true;
}

// Says of all references of a page that the hash table knows.
void OrderTable::divert_known(std::uint64_t number, std::uint32_t page) {
  for (std::uint32_t at = 0; at < page_size; ++at) {
    const OrderRef ref{number * page_size + at};
    if (find_loose(ref, [](std::uint32_t) { return true; }).number != none)
      slots_[page * page_size + at] = diverted;
  }
}

// Gives the page back. What lives on it goes to the hash table, and all its slots are vacant again.
void OrderTable::close(std::uint32_t page) {
  const std::uint64_t number = page_numbers_[page];
  for (std::uint32_t at = 0; at < page_size; ++at) {
    const std::uint32_t own = std::exchange(slots_[page * page_size + at], none);
    if (own > diverted) index(OrderRef{number * page_size + at}, own);
  }
  directory_[number % directory_size].number = closed;
  std::ranges::replace(young_, page, 0u);
  page_numbers_[page] = free_page_;
  free_page_ = page;
}

void OrderTable::index(OrderRef ref, std::uint32_t number) {
  highest_loose_ = std::max(highest_loose_, raw(ref) >> page_bits);
  loose_refs_[number] = ref;
  most_loose_ = std::max(most_loose_, index_.size() + 1);
  index_.insert(ref, index_.home(ref), number,
                [this](std::uint32_t at) { return static_cast<std::uint32_t>(raw(loose_refs_[at]) >> 32); });
}

// Called where an order without a page is gone, or a page has become sparse.
void OrderTable::settle(Place place, OrderRef ref) {
  if (place.slot != 0) return close(place.slot / page_size);
  live_[0] = 0;
  const OrderIndex::Place entry = index_.find(ref, [&](std::uint32_t at) { return at == place.number; });
  index_.erase(entry, index_.home(ref));
  if (index_.size() == 0) highest_loose_ = 0;
}

}  // namespace tapeline::book
