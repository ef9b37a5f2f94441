#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>

namespace tapeline {

// The exchange's day-unique code of a security; NASDAQ's stock locate. Changes from day to day. 0 names none.
enum class Locate : std::uint16_t {};

// The exchange's day-unique number of a displayed order.
enum class OrderRef : std::uint64_t {};

// The exchange's day-unique number of an execution; a broken trade refers to it.
enum class MatchNumber : std::uint64_t {};

// Position of a message in its session, from 1.
enum class Sequence : std::uint64_t {};

// Nanoseconds since midnight in the exchange's time zone: event time.
enum class EventTime : std::uint64_t {};

// Nanoseconds since the Unix epoch when the packet reached us; 0 where it is not known (a file).
enum class CaptureTime : std::uint64_t {};

inline constexpr std::uint64_t nanoseconds_per_second = 1'000'000'000;
inline constexpr std::uint64_t nanoseconds_per_day = 86'400 * nanoseconds_per_second;

template <class Enum>
  requires std::is_enum_v<Enum>
[[nodiscard]] constexpr auto raw(Enum value) {
  return static_cast<std::underlying_type_t<Enum>>(value);
}

using Shares = std::uint32_t;

// Dollars times 10,000.
struct Price {
  std::uint32_t ticks;
  static constexpr std::uint32_t per_dollar = 10'000;
  friend constexpr auto operator<=>(Price, Price) = default;
  [[nodiscard]] constexpr double dollars() const { return ticks / double{per_dollar}; }
};

// Dollars times 100,000,000; only the market-wide circuit breaker levels use it.
struct Price8 {
  std::uint64_t ticks;
  static constexpr std::uint64_t per_dollar = 100'000'000;
  friend constexpr auto operator<=>(Price8, Price8) = default;
};

// Fixed-width ASCII as the exchange sends it: left-justified, padded with spaces.
template <std::size_t N>
struct FixedText {
  std::array<char, N> bytes;

  FixedText() = default;
  constexpr FixedText(std::string_view text) {  // NOLINT: text is what it stands for.
    for (std::size_t i = 0; i < N; ++i) bytes[i] = i < text.size() ? text[i] : ' ';
  }
  // Without the padding. Points into this object.
  [[nodiscard]] constexpr std::string_view view() const {
    std::size_t size = N;
    while (size > 0 && (bytes[size - 1] == ' ' || bytes[size - 1] == '\0')) --size;
    return {bytes.data(), size};
  }
  friend constexpr auto operator<=>(const FixedText&, const FixedText&) = default;
};

using Symbol = FixedText<8>;
using Mpid = FixedText<4>;  // Market participant identifier.
using Code2 = FixedText<2>;
using Code4 = FixedText<4>;

enum class Side : std::uint8_t { bid = 0, ask = 1 };

[[nodiscard]] constexpr Side opposite(Side side) {
  return side == Side::bid ? Side::ask : Side::bid;
}

}  // namespace tapeline
