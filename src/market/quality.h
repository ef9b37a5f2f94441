#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tapeline {

// How far a book, and every value computed from it, can be trusted. Nothing set is `good`.
enum class Quality : std::uint8_t {
  good = 0,
  gapped = 1,      // Messages are missing for good.
  recovering = 2,  // Messages are missing and being fetched.
  stale = 4,       // The feed is silent where it should not be.
  crossed = 8,     // The best bid is above the best ask outside an auction or a halt.
  suspect = 16,    // The feed contradicts the book: an unknown order, an overfill, a repeated reference.
};

[[nodiscard]] constexpr Quality operator|(Quality a, Quality b) {
  return static_cast<Quality>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr Quality& operator|=(Quality& a, Quality b) {
  return a = a | b;
}
[[nodiscard]] constexpr Quality without(Quality a, Quality b) {
  return static_cast<Quality>(static_cast<std::uint8_t>(a) & ~static_cast<std::uint8_t>(b));
}
[[nodiscard]] constexpr bool has(Quality a, Quality b) {
  return (static_cast<std::uint8_t>(a) & static_cast<std::uint8_t>(b)) != 0;
}

// "good", or the names of what is set joined by '+': "crossed+suspect". Points to a constant.
[[nodiscard]] std::string_view to_string(Quality quality);

}  // namespace tapeline
