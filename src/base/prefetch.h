#pragma once

#include <cstddef>

namespace tapeline {

// Loads the line of any address into the nearest cache: a hint, harmless also where it is wrong. As assembly,
// since the compiler takes a function that only prefetches for one without effect and drops the call.
[[gnu::always_inline]] inline void prefetch(const void* address) {
  asm volatile("prefetcht0 (%0)" : : "r"(address));
}

// The lines of so many bytes from an address at the start of one.
template <std::size_t bytes>
[[gnu::always_inline]] inline void prefetch_bytes(const void* address) {
#pragma GCC unroll 16
  for (std::size_t at = 0; at < bytes; at += 64) prefetch(static_cast<const char*>(address) + at);
}

}  // namespace tapeline
