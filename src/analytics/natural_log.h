#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace tapeline::analytics {

// The natural logarithm of a positive finite number, within 5e-16 of the C library's, relatively. The
// library's differs from machine to machine in the last digit; these are fixed sequences of exactly rounded
// operations: x = 2^k * y with y around 1, and with r = (y - 1) / (y + 1)
//
//   ln x = k ln 2 + 2 (r + r^3 / 3 + r^5 / 5 + ...)
namespace detail {

inline constexpr double ln2_high = 6.93147180369123816490e-01;  // With zeros at its end: k times it is exact.
inline constexpr double ln2_low = 1.90821492927058770002e-10;

// 2 (r^3 / 3 + r^5 / 5 + ...), for |r| up to 0.172.
[[nodiscard, gnu::always_inline]] inline double log_series(double r) {
  const double square = r * r;
  double sum = 1.0 / 23;
#pragma GCC unroll 16
  for (int power = 21; power >= 3; power -= 2) sum = std::fma(sum, square, 1.0 / power);
  return 2 * r * (square * sum);
}

}  // namespace detail

[[nodiscard]] inline double natural_log(double x) {
  constexpr double half_sqrt2 = 0.70710678118654752440;
  int exponent = 0;
  double y = std::frexp(x, &exponent);
  if (y < half_sqrt2) {
    y *= 2;
    --exponent;
  }
  const double r = (y - 1) / (y + 1);
  return exponent * detail::ln2_high + (2 * r + (detail::log_series(r) + exponent * detail::ln2_low));
}

// Of a number from 1 to 2^52, without a branch, so that a loop of it is done several at a time.
[[nodiscard, gnu::always_inline]] inline double natural_log_of_count(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  // Steps at each power of two times the square root of a half.
  const std::uint64_t exponent = (bits - 0x3FE6'A09E'667F'3BCD) >> 52;
  const double y = std::bit_cast<double>(bits - (exponent << 52));
  const double k = std::bit_cast<double>(exponent | 0x4330'0000'0000'0000) - 0x1p52;
  const double r = (y - 1) / (y + 1);
  return k * detail::ln2_high + (2 * r + (detail::log_series(r) + k * detail::ln2_low));
}

// ln(a / b) of positive numbers, exact to the last digits also where they are close to each other.
[[nodiscard]] inline double log_ratio(double a, double b) {
  const double r = (a - b) / (a + b);
  if (std::abs(r) > 0.17) return natural_log(a / b);
  return 2 * r + detail::log_series(r);
}

}  // namespace tapeline::analytics
