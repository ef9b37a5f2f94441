#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <immintrin.h>

#include "book/side_levels.h"
#include "market/types.h"

namespace tapeline::book {

// A piece of the queue of one price level in one cache line: the references of up to eight orders, first in
// the queue first. The first block of a level also holds the totals of the level and stays its first while
// the level lives, so that its number is the handle of the level. Most levels need one block: to add or
// remove an order then touches one line and no neighbour, where a linked list would touch three.
struct alignas(64) QueueBlock {
  static constexpr unsigned capacity = 8;
  static constexpr std::uint8_t no_slot = 0x80;

  std::uint64_t level_shares;  // First block only.
  union {
    std::uint32_t level_orders;  // First block only.
    std::uint32_t previous;      // Others: number of the block before.
  };
  PriceKey key;
  std::uint32_t link;      // First block: number of the last block. Others: number of the first.
  std::uint32_t next;      // Number of the next block; 0 at the end.
  std::uint32_t ref_high;  // Upper half of the references: one block holds only such as share it.
  Locate locate;
  std::uint8_t slot;   // First block: where its level stands in the window of its side, or no_slot.
  std::uint8_t shape;  // How many orders it holds, and the two flags below.
  std::uint32_t ref_low[capacity];

  static constexpr std::uint8_t count_mask = 15;
  static constexpr std::uint8_t ask_flag = 64;
  static constexpr std::uint8_t first_flag = 128;

  [[nodiscard]] static std::uint8_t shape_of(Side side, bool is_first) {
    return static_cast<std::uint8_t>((side == Side::ask ? ask_flag : 0) | (is_first ? first_flag : 0));
  }
  [[nodiscard]] unsigned size() const { return shape & count_mask; }
  [[nodiscard]] bool is_first() const { return (shape & first_flag) != 0; }
  // Empty, and not the first of its level, which stays.
  [[nodiscard]] bool is_spent() const { return (shape & (count_mask | first_flag)) == 0; }
  [[nodiscard]] Side side() const { return static_cast<Side>(shape / ask_flag & 1); }

  // Number of the level's first block, given this block's own.
  [[nodiscard]] std::uint32_t first_of(std::uint32_t own) const { return is_first() ? own : link; }

  // Makes it the first block of a level that has no orders yet.
  void begin(std::uint32_t own, Locate of, Side of_side, PriceKey of_key, std::uint8_t in_slot,
             OrderRef first_ref) {
    level_shares = 0;
    level_orders = 0;
    key = of_key;
    link = own;
    next = 0;
    ref_high = static_cast<std::uint32_t>(raw(first_ref) >> 32);
    locate = of;
    slot = in_slot;
    shape = shape_of(of_side, true);
  }

  [[nodiscard]] bool takes(OrderRef ref) const {
    return ((shape & capacity) | (ref_high ^ (raw(ref) >> 32))) == 0;
  }

  [[nodiscard]] OrderRef ref(unsigned position) const {
    return OrderRef{std::uint64_t{ref_high} << 32 | ref_low[position]};
  }

  // It must take the reference.
  void append(OrderRef ref) {
    ref_low[size()] = static_cast<std::uint32_t>(raw(ref));
    ++shape;
  }

  // The reference must be here. Closes up the queue behind it; what lies behind the last order means nothing.
  void erase(OrderRef ref) {
    alignas(32) static constexpr std::array<std::array<std::uint32_t, 8>, 8> closings = [] {
      std::array<std::array<std::uint32_t, 8>, 8> all{};
      for (unsigned gap = 0; gap < 8; ++gap)
        for (unsigned to = 0; to < 8; ++to) all[gap][to] = to < gap || to == 7 ? to : to + 1;
      return all;
    }();
    auto* const all = reinterpret_cast<__m256i*>(ref_low);
    const __m256i refs = _mm256_load_si256(all);
    const __m256i equal = _mm256_cmpeq_epi32(refs, _mm256_set1_epi32(static_cast<int>(raw(ref))));
    const auto found = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(equal)));
    const auto* closing = reinterpret_cast<const __m256i*>(closings[std::countr_zero(found) & 7].data());
    _mm256_store_si256(all, _mm256_permutevar8x32_epi32(refs, _mm256_load_si256(closing)));
    --shape;
  }
};
static_assert(sizeof(QueueBlock) == 64 && offsetof(QueueBlock, ref_low) == 32);

}  // namespace tapeline::book
