#pragma once

#include <cmath>

namespace tapeline::analytics {

// The natural logarithm of a positive finite number, within 5e-16 of the C library's, relatively. The library's differs from machine to machine in the last digit; this one is a
// fixed sequence of exactly rounded operations: x = 2^k * y with y around 1, and with r = (y - 1) / (y + 1)
//
//   ln x = k ln 2 + 2 (r + r^3 / 3 + r^5 / 5 + ...)
namespace detail {
// 2 (r^3 / 3 + r^5 / 5 + ...), for |r| up to 0.172.
[[nodiscard]] inline double log_series(double r) {
  const double square = r * r;
  double sum = 0;
  for (int power = 23; power >= 3; power -= 2) sum = (sum + 1.0 / power) * square;
  return 2 * r * sum;
}
}  // namespace detail

[[nodiscard]] inline double natural_log(double x) {
  constexpr double half_sqrt2 = 0.70710678118654752440;
  constexpr double ln2_high = 6.93147180369123816490e-01;  // With zeros at its end: k times it is exact.
  constexpr double ln2_low = 1.90821492927058770002e-10;
  int exponent = 0;
  double y = std::frexp(x, &exponent);
  if (y < half_sqrt2) {
    y *= 2;
    --exponent;
  }
  const double r = (y - 1) / (y + 1);
  return exponent * ln2_high + (2 * r + (detail::log_series(r) + exponent * ln2_low));
}

// ln(a / b) of positive numbers, exact to the last digits also where they are close to each other.
[[nodiscard]] inline double log_ratio(double a, double b) {
  const double r = (a - b) / (a + b);
  if (std::abs(r) > 0.17) return natural_log(a / b);
  return 2 * r + detail::log_series(r);
}

}  // namespace tapeline::analytics
