#pragma once

#include <cmath>
#include <cstdint>

namespace tapeline::analytics {

// Variation of the log mid over a window, from returns r_1 … r_n over steps of equal length, without unit
// (square roots of it are relative: 0.01 is one per cent over the window):
//
//   realised variance    RV = sum of r_i^2
//   bipower variation    BV = (pi / 2) * sum over i > 1 of |r_i| |r_(i-1)|
//
// BV leaves jumps out: RV - BV estimates their share. Neither changes when all prices are scaled.
//
// Source: T. Andersen, T. Bollerslev, "Answering the Skeptics", International Economic Review 39 (1998);
// O. Barndorff-Nielsen, N. Shephard, "Power and Bipower Variation with Stochastic Volatility and Jumps",
// Journal of Financial Econometrics 2 (2004), with r = s = 1.
struct RealisedVariance {
  double squares;
  double products;
  double last;  // |r| of the step before; 0 at the start of a window.

  void add(double r) {
    const double size = std::abs(r);
    squares += size * size;
    products += size * last;
    last = size;
  }
  // A step without a return, as good as add(0).
  void add_quiet() { last = 0; }
  // A step whose return is not known.
  void skip() { last = 0; }

  [[nodiscard]] double realised_variance() const { return squares; }
  [[nodiscard]] double bipower_variation() const { return products * 1.57079632679489661923; }
};

}  // namespace tapeline::analytics
