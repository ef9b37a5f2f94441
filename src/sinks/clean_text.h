#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tapeline::sinks {

// Up to eight characters in the bytes of a word, the first in the lowest; the bytes past `size` are 0.
struct CleanText {
  std::uint64_t word;
  std::uint32_t size;  // 0: blank, written as null.
};

namespace clean_text_detail {

inline constexpr std::uint64_t each_byte = 0x0101'0101'0101'0101;

inline std::uint64_t replace_unprintable(std::uint64_t word, std::uint32_t size) {
  for (std::uint32_t i = 0; i < size; ++i) {
    const auto byte = static_cast<std::uint8_t>(word >> (8 * i));
    if (byte >= 0x20 && byte < 0x7f) continue;
    word &= ~(std::uint64_t{0xff} << (8 * i));
    word |= std::uint64_t{'?'} << (8 * i);
  }
  return word;
}

}  // namespace clean_text_detail

// The text of a FixedText<N> without its padding of spaces or NULs, eight bytes at a time: a table of ten
// million rows holds as many symbols.
template <std::size_t N>
[[nodiscard]] inline CleanText clean_text(const std::byte* from) {
  static_assert(N <= 8 && std::endian::native == std::endian::little);
  using namespace clean_text_detail;
  std::uint64_t word = 0;
  std::memcpy(&word, from, N);
  // Clearing bit 5 makes a space a NUL, so that padding is what stands above the highest set bit.
  const std::uint64_t solid = word & (each_byte * 0xdf);
  if (solid == 0) return {0, 0};
  const auto size = static_cast<std::uint32_t>(8 - std::countl_zero(solid) / 8);
  const std::uint64_t mask = ~std::uint64_t{0} >> (8 * (8 - size));
  word &= mask;
  const std::uint64_t padded = word | (~mask & (each_byte * ' '));
  // In some byte: the high bit, or a value below a space, or DEL (0x7f, whose successor has the high bit).
  const std::uint64_t unprintable =
      (padded | (padded + each_byte) | ((padded - each_byte * ' ') & ~padded)) & (each_byte * 0x80);
  if (unprintable != 0) [[unlikely]]
    word = replace_unprintable(word, size);
  return {word, size};
}

}  // namespace tapeline::sinks
