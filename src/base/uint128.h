#pragma once

namespace tapeline {

// Sums of products of 64-bit integers without overflow; a GCC and Clang extension.
__extension__ using Uint128 = unsigned __int128;

}  // namespace tapeline
