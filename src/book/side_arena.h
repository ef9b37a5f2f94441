#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/virtual_array.h"
#include "book/side_levels.h"

namespace tapeline::book {

// Memory for SideLevels: bumped from one reserved range and recycled by size, so that a side that grows costs
// no system allocation on the message path.
class SideArena {
 public:
  explicit SideArena(std::size_t max_bytes) : memory_(max_bytes) {}

  // Makes room for one more level.
  [[gnu::noinline]] void grow(SideLevels& side) {
    const std::uint32_t capacity = side.capacity == 0 ? initial_capacity : side.capacity * 2;
    SideLevels bigger{allocate(capacity), side.size, capacity};
    for (int i = 1; i <= static_cast<int>(SideLevels::pad); ++i) bigger.entries[-i] = lowest;
    if (side.entries != nullptr) {
      std::memcpy(bigger.entries, side.entries, side.size * sizeof(std::int64_t));
      release(side);
    }
    side = bigger;
  }

  [[nodiscard]] std::size_t bytes_used() const { return used_; }

 private:
  static constexpr std::uint32_t initial_capacity = 16;
  static constexpr std::int64_t lowest = INT64_MIN;

  struct FreeBlock {
    FreeBlock* next;
  };

  static std::size_t size_class(std::uint32_t capacity) {
    return static_cast<std::size_t>(std::countr_zero(capacity));
  }
  static std::size_t block_bytes(std::uint32_t capacity) {
    return (SideLevels::bytes_for(capacity) + 63) / 64 * 64;
  }

  std::int64_t* allocate(std::uint32_t capacity) {
    std::byte* block = nullptr;
    if (FreeBlock*& free = free_[size_class(capacity)]; free != nullptr) {
      block = reinterpret_cast<std::byte*>(free);
      free = free->next;
    } else {
      block = memory_.data() + used_;
      used_ += block_bytes(capacity);
      CHECK(used_ <= memory_.capacity());
    }
    return reinterpret_cast<std::int64_t*>(block) + SideLevels::pad;
  }

  void release(const SideLevels& side) {
    auto* block = reinterpret_cast<FreeBlock*>(side.entries - SideLevels::pad);
    block->next = free_[size_class(side.capacity)];
    free_[size_class(side.capacity)] = block;
  }

  VirtualArray<std::byte> memory_;
  std::size_t used_ = 0;
  std::array<FreeBlock*, 32> free_{};
};

}  // namespace tapeline::book
