#pragma once

namespace tapeline {

// Sums of products of 64-bit integers without overflow; GCC and Clang extensions.
__extension__ using Uint128 = unsigned __int128;
__extension__ using Int128 = __int128;

}  // namespace tapeline
