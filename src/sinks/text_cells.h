#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <fmt/compile.h>
#include <fmt/format.h>

namespace tapeline::sinks {

// Writers of one cell of a text format. Each writes at `to`, at most `longest_cell` bytes, and returns the
// end.
inline constexpr std::size_t longest_cell = 40;

template <class Integer>
inline char* write_integer(char* to, Integer value) {
  const fmt::format_int digits(value);
  std::memcpy(to, digits.data(), digits.size());
  return to + digits.size();
}

namespace text_cells_detail {

inline constexpr auto digit_pairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

// Exactly two digits; a value below 100.
inline char* write_pair(char* to, std::uint32_t value) {
  std::memcpy(to, &digit_pairs[std::size_t{2} * value], 2);
  return to + 2;
}

// Millionths as a decimal without zeros at its end.
inline char* write_millionths(char* to, std::int64_t value) {
  if (value < 0) {
    *to++ = '-';
    value = -value;
  }
  to = write_integer(to, static_cast<std::uint64_t>(value) / 1'000'000);
  const auto decimals = static_cast<std::uint32_t>(value % 1'000'000);
  if (decimals == 0) return to;
  *to++ = '.';
  to = write_pair(to, decimals / 10'000);
  to = write_pair(to, decimals / 100 % 100);
  to = write_pair(to, decimals % 100);
  while (to[-1] == '0') --to;
  return to;
}

}  // namespace text_cells_detail

// Dollars with 4 decimals.
inline char* write_price(char* to, std::uint32_t ticks) {
  using text_cells_detail::write_pair;
  to = write_integer(to, ticks / 10'000);
  const std::uint32_t decimals = ticks % 10'000;
  *to++ = '.';
  to = write_pair(to, decimals / 100);
  return write_pair(to, decimals % 100);
}

// The shortest decimal that reads back as the same double.
inline char* write_double(char* to, double value) {
  // Most numbers here have up to six decimals. Up to fifteen digits no two decimals are the same double, so
  // that one which divides back to the value is the shortest, and its digits are those of an integer.
  constexpr double scale = 1e6;
  const double scaled = value * scale;
  if (std::fabs(scaled) < 1e15) {
    const auto digits = static_cast<std::int64_t>(scaled + std::copysign(0.5, scaled));
    if (digits != 0 && static_cast<double>(digits) / scale == value) {
      return text_cells_detail::write_millionths(to, digits);
    }
  }
  // As "-0", a reader takes it for an integer and loses the sign.
  if (value == 0) return fmt::format_to(to, "{}", std::signbit(value) ? "-0.0" : "0");
  return fmt::format_to(to, FMT_COMPILE("{}"), value);
}

// Writes nanoseconds since the Unix epoch as YYYY-MM-DDTHH:MM:SS.nnnnnnnnn, 29 characters. It keeps the text
// of the last second: the next row is mostly of the same.
class TimestampWriter {
 public:
  char* write(char* to, std::int64_t ns) {
    std::int64_t second = ns / 1'000'000'000;
    auto fraction = static_cast<std::int32_t>(ns % 1'000'000'000);
    if (fraction < 0) {
      fraction += 1'000'000'000;
      --second;
    }
    if (second != second_) [[unlikely]]
      format_second(second);
    std::memcpy(to, text_.data(), text_.size());
    return write_fraction(to + text_.size(), static_cast<std::uint32_t>(fraction));
  }

 private:
  static char* write_fraction(char* to, std::uint32_t fraction) {
    using text_cells_detail::write_pair;
    *to++ = static_cast<char>('0' + fraction / 100'000'000);
    to = write_pair(to, fraction / 1'000'000 % 100);
    to = write_pair(to, fraction / 10'000 % 100);
    to = write_pair(to, fraction / 100 % 100);
    return write_pair(to, fraction % 100);
  }

  void format_second(std::int64_t second) {
    using namespace std::chrono;
    second_ = second;
    const sys_seconds time{seconds{second}};
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    // Nanoseconds in 64 bits span the years 1677 to 2262: always four digits.
    fmt::format_to_n(text_.data(), text_.size(), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.", int{date.year()},
                     unsigned{date.month()}, unsigned{date.day()}, clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
  }

  std::int64_t second_ = INT64_MIN;
  std::array<char, 20> text_{};
};

}  // namespace tapeline::sinks
