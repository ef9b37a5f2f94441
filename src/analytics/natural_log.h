#pragma once

#include <cmath>

namespace tapeline::analytics {

// The natural logarithm of a positive finite number, within 4e-16 relative to the larger of it and 1 where
// the argument is exact. The C library's differs from machine to machine in the last digit; this one is a
// fixed sequence of exactly rounded operations: x = 2^k * y with y around 1, and with r = (y - 1) / (y + 1)
//
//   ln x = k ln 2 + 2 (r + r^3 / 3 + r^5 / 5 + ...)
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
  const double square = r * r;
  double sum = 0;
  for (int power = 23; power >= 3; power -= 2) sum = (sum + 1.0 / power) * square;
  return exponent * ln2_high + (2 * r + (2 * r * sum + exponent * ln2_low));
}

}  // namespace tapeline::analytics
