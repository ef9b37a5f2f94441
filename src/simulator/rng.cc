#include "simulator/rng.h"

namespace tapeline::simulator {

namespace {

// The natural logarithm of x in (0, 1] by its series, so that no libm decides what a seed means.
double natural_log(double x) {
  constexpr double log_of_two = 0.69314718055994530942;
  double result = 0;
  while (x < 0.75) {
    x *= 2;
    result -= log_of_two;
  }
  // ln x = 2 atanh((x - 1) / (x + 1)).
  const double y = (x - 1) / (x + 1);
  double power = y;
  double sum = 0;
  for (int k = 1; k < 40; k += 2) {
    sum += power / k;
    power *= y * y;
  }
  return result + 2 * sum;
}

}  // namespace

ExponentialTable::ExponentialTable() {
  for (std::uint32_t i = 0; i < cells; ++i)
    quantiles_[i] = -natural_log(1.0 - static_cast<double>(i) / cells);
}

}  // namespace tapeline::simulator
