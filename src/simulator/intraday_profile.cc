#include "simulator/intraday_profile.h"

namespace tapeline::simulator {

namespace {

// The shares of the messages before the open and after the close; the rest falls between.
constexpr double pre_market_share = 0.06;
constexpr double after_hours_share = 0.025;

double pre_market_shape(double minutes_to_open) {
  return 1 + 8 / (1 + minutes_to_open / 12);
}

double market_shape(double minutes_from_open, double minutes_to_close) {
  double shape = 1 + 2.2 / (1 + minutes_from_open / 18) + 1.9 / (1 + minutes_to_close / 14);
  if (minutes_from_open < 1) shape *= 2.6;
  if (minutes_to_close < 2) shape *= 2.0;
  if (minutes_from_open >= 30 && minutes_from_open < 32) shape *= 1.5;
  return shape;
}

double after_hours_shape(double minutes_from_close) {
  return 1 + 20 / (1 + minutes_from_close / 2);
}

void scale_to(std::span<double> weights, double share) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  for (double& weight : weights) weight *= share / sum;
}

}  // namespace

IntradayProfile::IntradayProfile() {
  constexpr std::size_t count = (session_end - session_start) / slot_ns;
  constexpr std::size_t open = (market_open - session_start) / slot_ns;
  constexpr std::size_t close = (market_close - session_start) / slot_ns;
  constexpr double slots_per_minute = 60.0 * nanoseconds_per_second / slot_ns;
  const auto minutes = [](std::size_t from, std::size_t to) {
    return static_cast<double>(to - from) / slots_per_minute;
  };
  weights_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (i < open)
      weights_[i] = pre_market_shape(minutes(i, open));
    else if (i < close)
      weights_[i] = market_shape(minutes(open, i), minutes(i, close));
    else
      weights_[i] = after_hours_shape(minutes(close, i));
  }
  const std::span<double> all(weights_);
  scale_to(all.first(open), pre_market_share);
  scale_to(all.subspan(open, close - open), 1 - pre_market_share - after_hours_share);
  scale_to(all.subspan(close), after_hours_share);
  after_.assign(count, 0);
  for (std::size_t i = count - 1; i > 0; --i) after_[i - 1] = after_[i] + weights_[i];
}

}  // namespace tapeline::simulator
