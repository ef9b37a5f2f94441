#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tapeline {

// Every buffer handed to a decoder is followed by this many readable bytes, so that decoders may load
// whole vectors past the end of the last message. Their content does not matter.
inline constexpr std::size_t decode_padding = 64;

// Unaligned big-endian loads and stores: `memcpy` compiles to one movbe.
template <class T>
[[nodiscard]] inline T load_be(const std::byte* from) {
  static_assert(std::is_unsigned_v<T>);
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  return value;
}

template <class T>
inline void store_be(std::byte* to, T value) {
  static_assert(std::is_unsigned_v<T>);
  if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof value);
}

// Six bytes big-endian, the width of an ITCH timestamp.
[[nodiscard]] inline std::uint64_t load_be48(const std::byte* from) {
  return (std::uint64_t{load_be<std::uint16_t>(from)} << 32) | load_be<std::uint32_t>(from + 2);
}

inline void store_be48(std::byte* to, std::uint64_t value) {
  store_be(to, static_cast<std::uint16_t>(value >> 32));
  store_be(to + 2, static_cast<std::uint32_t>(value));
}

}  // namespace tapeline
