#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

#include "market/types.h"

namespace tapeline::book {

// Prices of one side as integers that grow towards the best price on either side. 0 is the worst.
using PriceKey = std::uint32_t;

// Without a branch, since which side comes next cannot be guessed.
[[nodiscard]] inline PriceKey key_of(Side side, Price price) {
  return price.ticks ^ (0u - raw(side));
}
[[nodiscard]] inline Price price_of(Side side, PriceKey key) {
  return Price{key ^ (0u - raw(side))};
}

// Those price levels of one side of one book that lie outside its window (see price_window.h), sorted with
// the best at the back. An entry holds the key in its upper half and the number of the level's first queue
// block in its lower half, so that one signed comparison orders entries and one cache line holds eight.
//
// A level that loses its last order stays, with totals of zero, until its room is needed: prices come and go
// at the same few, so it mostly is there when the next order comes, and neither step has to move entries.
//
// One allocation: `pad` entries that are smaller than any other, `capacity` entries, `pad` spare, so that
// vectors may reach over either end.
struct SideLevels {
  static constexpr std::uint32_t step = 16;  // How many entries one step of a search looks at.
  static constexpr std::uint32_t pad = step;

  std::int64_t* entries = nullptr;  // Null while the side has never had an order.
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;

  [[nodiscard]] static std::int64_t entry(PriceKey key, std::uint32_t block) {
    return static_cast<std::int64_t>(std::uint64_t{key ^ sign} << 32 | block);
  }
  [[nodiscard]] static PriceKey key(std::int64_t entry) { return static_cast<PriceKey>(entry >> 32) ^ sign; }
  [[nodiscard]] static std::uint32_t block(std::int64_t entry) { return static_cast<std::uint32_t>(entry); }
  [[nodiscard]] static std::size_t bytes_for(std::uint32_t capacity) {
    return (std::size_t{capacity} + 2 * pad) * sizeof(std::int64_t);
  }

  // How many entries have at most this key: just behind the level of that price if there is one.
  [[nodiscard]] std::uint32_t upper_bound(PriceKey wanted) const {
    std::uint32_t at = size;
    for (;;) {
      const std::uint32_t count = count_greater(at, wanted);
      at -= count;
      if (count < step) return at;
    }
  }
  void insert(std::uint32_t at, std::int64_t entry) {
    shift(entries + at, entries + at + 1, size - at);
    entries[at] = entry;
    ++size;
  }

 private:
  static constexpr std::uint32_t sign = 0x8000'0000u;  // Vectors compare signed numbers only.

  // How many of the `step` entries before `at` are greater. They are sorted, so those are a run at the top:
  // all ones where greater, summed up.
  [[nodiscard]] std::uint32_t count_greater(std::int64_t at, PriceKey wanted) const {
    const __m256i last = _mm256_set1_epi64x(entry(wanted, 0xFFFF'FFFFu));
    const auto* from = reinterpret_cast<const __m256i*>(entries + at - step);
    __m256i greater = _mm256_cmpgt_epi64(_mm256_loadu_si256(from), last);
    for (std::uint32_t i = 1; i < step / 4; ++i)
      greater = _mm256_add_epi64(greater, _mm256_cmpgt_epi64(_mm256_loadu_si256(from + i), last));
    const __m128i pair = _mm_add_epi64(_mm256_castsi256_si128(greater), _mm256_extracti128_si256(greater, 1));
    return static_cast<std::uint32_t>(-(_mm_cvtsi128_si64(pair) + _mm_extract_epi64(pair, 1)));
  }

  // Moves `count` entries by one; the usual few by vectors, which may carry spare entries along.
  static void shift(const std::int64_t* from, std::int64_t* to, std::uint32_t count) {
    if (count <= 8) [[likely]] {
      const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
      const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from) + 1);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), low);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to) + 1, high);
    } else {
      std::memmove(to, from, count * sizeof(std::int64_t));
    }
  }
};
static_assert(sizeof(SideLevels) == 16);

}  // namespace tapeline::book
