#include "metrics/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tapeline::metrics {

void HistogramSnapshot::merge(const HistogramSnapshot& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  sum_ += other.sum_;
}

HistogramSnapshot HistogramSnapshot::since(const HistogramSnapshot& earlier) const {
  HistogramSnapshot difference;
  for (std::size_t i = 0; i < counts_.size(); ++i) difference.counts_[i] = counts_[i] - earlier.counts_[i];
  difference.sum_ = sum_ - earlier.sum_;
  return difference;
}

std::uint64_t HistogramSnapshot::count() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

double HistogramSnapshot::mean() const {
  const std::uint64_t all = count();
  return all == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(all);
}

std::uint64_t HistogramSnapshot::max() const {
  for (std::size_t i = counts_.size(); i-- > 0;)
    if (counts_[i] != 0) return LogLinear::last_of(i);
  return 0;
}

std::uint64_t HistogramSnapshot::percentile(double fraction) const {
  const double all = static_cast<double>(count());
  const auto wanted = static_cast<std::uint64_t>(std::ceil(std::clamp(fraction, 0.0, 1.0) * all));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen != 0 && seen >= wanted) return LogLinear::last_of(i);
  }
  return 0;
}

std::uint64_t HistogramSnapshot::count_up_to(std::uint64_t bound) const {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size() && LogLinear::last_of(i) <= bound; ++i) seen += counts_[i];
  return seen;
}

HistogramSnapshot LatencyHistogram::snapshot() const {
  HistogramSnapshot snapshot;
  for (std::size_t i = 0; i < counts_.size(); ++i) snapshot.counts_[i] = counts_[i].value();
  snapshot.sum_ = sum_.value();
  return snapshot;
}

}  // namespace tapeline::metrics
