#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "metrics/latency_histogram.h"

namespace tapeline::metrics {

// Delays across two clocks, as they were found: nothing is clipped or shifted to look plausible.
struct DelaySnapshot {
  HistogramSnapshot delays;             // Those that are not negative.
  HistogramSnapshot negatives;          // How far below 0 the others are.
  std::uint64_t worst_negative_ns = 0;  // The greatest of these, exactly.

  void merge(const DelaySnapshot& other) {
    delays.merge(other.delays);
    negatives.merge(other.negatives);
    worst_negative_ns = std::max(worst_negative_ns, other.worst_negative_ns);
  }
};

// From the exchange's timestamp to the capture's. A message cannot arrive before it was sent, so a negative
// delay measures clocks. Recorded by one thread, read by any.
class DelayStatistics {
 public:
  // Both since the same instant: where the feed counts from midnight, from that midnight in UTC.
  void record(std::uint64_t exchange_ns, std::uint64_t capture_ns) {
    if (capture_ns >= exchange_ns) return delays_.record(capture_ns - exchange_ns);
    const std::uint64_t below = exchange_ns - capture_ns;
    negatives_.record(below);
    if (below > worst_negative_.value()) worst_negative_.add(below - worst_negative_.value());
  }
  [[nodiscard]] DelaySnapshot snapshot() const {
    return {delays_.snapshot(), negatives_.snapshot(), worst_negative_.value()};
  }

 private:
  LatencyHistogram delays_;
  LatencyHistogram negatives_;
  Counter worst_negative_;
};

// One sentence on the negative delays, empty where there is none. `error_bound_ns`: of this machine's clock,
// nothing where that is not known. What lies within it needs no other cause; what goes beyond it is the
// exchange's clock.
[[nodiscard]] std::string explain_negative_delays(const DelaySnapshot& delays,
                                                  std::optional<std::uint64_t> error_bound_ns);

}  // namespace tapeline::metrics
