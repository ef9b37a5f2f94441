#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tapeline::serve {

// The newest `limit` of a sequence of items, which are numbered from 0. Its memory grows with what comes, up
// to the limit.
template <class Item>
class Ring {
 public:
  explicit Ring(std::size_t limit) : limit_(limit) {}

  void push(const Item& item) {
    if (items_.size() < limit_)
      items_.push_back(item);
    else
      items_[total_ % limit_] = item;
    ++total_;
  }
  [[nodiscard]] bool empty() const { return total_ == 0; }
  [[nodiscard]] std::uint64_t total() const { return total_; }  // One beyond the newest item's number.
  [[nodiscard]] std::uint64_t oldest() const { return total_ - items_.size(); }
  // `number` is in [oldest(), total()).
  [[nodiscard]] const Item& operator[](std::uint64_t number) const { return items_[number % limit_]; }
  [[nodiscard]] Item& operator[](std::uint64_t number) { return items_[number % limit_]; }
  [[nodiscard]] Item& back() { return (*this)[total_ - 1]; }
  [[nodiscard]] const Item& back() const { return (*this)[total_ - 1]; }
  // The number of the first of the newest `count` items.
  [[nodiscard]] std::uint64_t newest(std::uint64_t count) const {
    return std::max(oldest(), total_ - std::min(total_, count));
  }
  [[nodiscard]] std::size_t memory_bytes() const { return items_.capacity() * sizeof(Item); }

 private:
  std::size_t limit_;
  std::vector<Item> items_;
  std::uint64_t total_ = 0;
};

}  // namespace tapeline::serve
