#pragma once

#include <cstdint>

namespace tapeline {

// Sums of products of 64-bit integers without overflow; GCC and Clang extensions.
__extension__ using Uint128 = unsigned __int128;
__extension__ using Int128 = __int128;

// The nearest double. Nearly all sums fit in 63 bits, where the processor has an instruction for it.
[[nodiscard, gnu::always_inline]] inline double to_double(Uint128 value) {
  if (value <= INT64_MAX) [[likely]]
    return static_cast<double>(static_cast<std::int64_t>(value));
  return static_cast<double>(value);
}

}  // namespace tapeline
