#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <immintrin.h>

namespace tapeline {

namespace crc32c_detail {

inline constexpr std::uint32_t reflected_polynomial = 0x82f63b78;  // Castagnoli's; RFC 3720, section 12.1.

using BitMatrix = std::array<std::uint32_t, 32>;

constexpr std::uint32_t multiply(const BitMatrix& matrix, std::uint32_t vector) {
  std::uint32_t product = 0;
  for (unsigned bit = 0; bit < 32; ++bit)
    if ((vector >> bit & 1) != 0) product ^= matrix[bit];
  return product;
}

// What `2^log2_bytes` zero bytes do to a checksum, which is linear in it: one table for each of its bytes.
struct ZeroBytes {
  std::array<std::array<std::uint32_t, 256>, 4> table{};

  consteval explicit ZeroBytes(unsigned log2_bytes) {
    BitMatrix matrix{};  // Of one zero bit.
    matrix[0] = reflected_polynomial;
    for (unsigned bit = 1; bit < 32; ++bit) matrix[bit] = std::uint32_t{1} << (bit - 1);
    for (unsigned squared = 0; squared < log2_bytes + 3; ++squared) {
      BitMatrix square{};
      for (unsigned bit = 0; bit < 32; ++bit) square[bit] = multiply(matrix, matrix[bit]);
      matrix = square;
    }
    for (unsigned byte = 0; byte < 4; ++byte)
      for (std::uint32_t value = 0; value < 256; ++value)
        table[byte][value] = multiply(matrix, value << (8 * byte));
  }

  [[nodiscard]] std::uint64_t operator()(std::uint64_t crc) const {
    return table[0][crc & 0xff] ^ table[1][crc >> 8 & 0xff] ^ table[2][crc >> 16 & 0xff] ^
           table[3][crc >> 24 & 0xff];
  }
};

template <unsigned log2_bytes>
inline constexpr ZeroBytes zero_bytes{log2_bytes};

inline std::uint64_t load(const std::byte* from) {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// The instruction takes three cycles but one starts in each, so three neighbouring blocks are summed at once
// and put together by what the blocks behind would do to a checksum.
template <unsigned log2_bytes>
inline std::uint64_t add_blocks(std::uint64_t crc, const std::byte*& at, std::size_t& size) {
  constexpr std::size_t block = std::size_t{1} << log2_bytes;
  while (size >= 3 * block) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (const std::byte* end = at + block; at != end; at += 8) {
      crc = _mm_crc32_u64(crc, load(at));
      second = _mm_crc32_u64(second, load(at + block));
      third = _mm_crc32_u64(third, load(at + 2 * block));
    }
    crc = zero_bytes<log2_bytes>(crc) ^ second;
    crc = zero_bytes<log2_bytes>(crc) ^ third;
    at += 2 * block;
    size -= 3 * block;
  }
  return crc;
}

}  // namespace crc32c_detail

// CRC-32C as iSCSI, ext4 and Kafka have it. `before` is the checksum of the bytes in front of these, so that
// crc32c(b, crc32c(a)) is that of a and b put together.
[[nodiscard]] inline std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) {
  using namespace crc32c_detail;
  const std::byte* at = bytes.data();
  std::size_t size = bytes.size();
  std::uint64_t crc = ~before;
  crc = add_blocks<12>(crc, at, size);
  crc = add_blocks<8>(crc, at, size);
  for (; size >= 8; at += 8, size -= 8) crc = _mm_crc32_u64(crc, load(at));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; size > 0; ++at, --size) narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(*at));
  return ~narrow;
}

}  // namespace tapeline
