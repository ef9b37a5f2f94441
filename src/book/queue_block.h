#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

#include "book/side_levels.h"
#include "market/types.h"

namespace tapeline::book {

// A piece of the queue of one price level in one cache line: up to four orders, first in the queue first. The
// first block of a level also holds the totals of the level and stays its first while the level lives, so
// that its number is the handle of the level. Most levels need one block: removing an order then touches one
// line and no neighbour, where a linked list would touch three.
struct alignas(64) QueueBlock {
  static constexpr unsigned capacity = 4;

  // Which level it is of; see identity().
  PriceKey key;
  Locate locate;
  Side side;
  bool is_first;
  std::uint64_t level_shares;  // First block only.
  union {
    std::uint32_t level_orders;  // First block only.
    std::uint32_t first;         // Others: number of the level's first block.
  };
  std::uint32_t next;       // Number of the next block; 0 at the end.
  std::uint32_t link;       // First block: number of the last block. Others: number of the previous one.
  std::uint32_t ref_high;   // Upper half of the references: one block holds only such as share it.
  Shares shares[capacity];  // 0 where there is no order: all free places are at the end.
  std::uint32_t ref_low[capacity];

  // Key, locate, side and is_first as one number: a first block of this identity is the handle of the level.
  [[nodiscard]] std::uint64_t identity() const {
    std::uint64_t all;
    std::memcpy(&all, this, sizeof all);
    return all;
  }
  [[nodiscard]] static std::uint64_t first_identity(PriceKey key, Locate locate, Side side) {
    return std::uint64_t{static_cast<std::uint32_t>(key)} | std::uint64_t{raw(locate)} << 32 |
           std::uint64_t{raw(side)} << 48 | std::uint64_t{1} << 56;
  }
  void set_identity(std::uint64_t all) { std::memcpy(static_cast<void*>(this), &all, sizeof all); }

  // Number of the level's first block, given this block's own; without a branch.
  [[nodiscard]] std::uint32_t first_of(std::uint32_t own) const {
    const std::uint32_t other = std::uint32_t{is_first} - 1;  // All ones if it is not the first.
    return (own & ~other) | (first & other);
  }

  // Whether its orders are of this symbol and share the upper half of this reference.
  [[nodiscard]] bool may_hold(Locate of, OrderRef ref) const {
    return (locate == of) & (ref_high == raw(ref) >> 32);
  }
  [[nodiscard]] bool is_full() const { return shares[capacity - 1] != 0; }
  [[nodiscard]] bool is_empty() const { return shares[0] == 0; }
  [[nodiscard]] unsigned size() const {
    return static_cast<unsigned>(std::countr_zero(free_mask() | 1u << capacity));
  }

  [[nodiscard]] OrderRef ref(unsigned position) const {
    return OrderRef{std::uint64_t{ref_high} << 32 | ref_low[position]};
  }

  // Position of a reference whose upper half is `ref_high`; more than `capacity` if it is not here.
  [[nodiscard]] unsigned find(OrderRef ref) const {
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(raw(ref)));
    const __m128i equal = _mm_cmpeq_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(ref_low)), wanted);
    const auto mask = static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(equal)));
    return static_cast<unsigned>(std::countr_zero(mask & ~free_mask()));
  }

  void clear() { _mm_store_si128(reinterpret_cast<__m128i*>(shares), _mm_setzero_si128()); }

  // Returns the place that it took.
  unsigned append(OrderRef ref, Shares quantity) {
    const unsigned at = size();
    shares[at] = quantity;
    ref_low[at] = static_cast<std::uint32_t>(raw(ref));
    return at;
  }

  // Closes up the queue behind the order.
  void erase(unsigned position) {
    alignas(16) static constexpr std::array<std::array<std::uint8_t, 16>, 4> closings = [] {
      std::array<std::array<std::uint8_t, 16>, 4> all{};
      for (unsigned gap = 0; gap < 4; ++gap)
        for (unsigned byte = 0; byte < 16; ++byte)
          all[gap][byte] = static_cast<std::uint8_t>(byte / 4 < gap ? byte : byte < 12 ? byte + 4 : 0x80);
      return all;
    }();
    const __m128i closing = _mm_load_si128(reinterpret_cast<const __m128i*>(closings[position].data()));
    auto* all_shares = reinterpret_cast<__m128i*>(shares);
    auto* all_refs = reinterpret_cast<__m128i*>(ref_low);
    _mm_store_si128(all_shares, _mm_shuffle_epi8(_mm_load_si128(all_shares), closing));
    _mm_store_si128(all_refs, _mm_shuffle_epi8(_mm_load_si128(all_refs), closing));
  }

 private:
  [[nodiscard]] unsigned free_mask() const {
    const __m128i free =
        _mm_cmpeq_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(shares)), _mm_setzero_si128());
    return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(free)));
  }
};
static_assert(sizeof(QueueBlock) == 64);

// What else is known of the orders of a block, place by place. It stands in an array beside the blocks, since
// matching needs none of it.
struct alignas(32) OrderStamps {
  std::uint64_t packed[QueueBlock::capacity];  // Time of entry in the lower 48 bits, index of the MPID above.

  [[nodiscard]] EventTime entered(unsigned position) const { return EventTime{packed[position] & time_mask}; }
  [[nodiscard]] std::uint16_t attribution(unsigned position) const {
    return static_cast<std::uint16_t>(packed[position] >> 48);
  }
  void set(unsigned position, EventTime entered, std::uint16_t attribution) {
    packed[position] = std::uint64_t{attribution} << 48 | (raw(entered) & time_mask);
  }
  // As QueueBlock::erase.
  void erase(unsigned position) {
    alignas(32) static constexpr std::array<std::array<std::uint32_t, 8>, 4> closings = [] {
      std::array<std::array<std::uint32_t, 8>, 4> all{};
      for (unsigned gap = 0; gap < 4; ++gap)
        for (unsigned half = 0; half < 8; ++half)
          all[gap][half] = half / 2 < gap ? half : half < 6 ? half + 2 : half;
      return all;
    }();
    const __m256i closing = _mm256_load_si256(reinterpret_cast<const __m256i*>(closings[position].data()));
    auto* all = reinterpret_cast<__m256i*>(packed);
    _mm256_store_si256(all, _mm256_permutevar8x32_epi32(_mm256_load_si256(all), closing));
  }

 private:
  static constexpr std::uint64_t time_mask = (std::uint64_t{1} << 48) - 1;
};
static_assert(sizeof(OrderStamps) == 32);

}  // namespace tapeline::book
