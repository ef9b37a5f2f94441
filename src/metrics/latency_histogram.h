#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "metrics/counter.h"

namespace tapeline::metrics {

// How values are put into buckets: below 128 each value has its own, above that every power of two is cut
// into 64 equal parts (the log-linear layout of HdrHistogram). Covers all 64 bits in 3,776 buckets.
struct LogLinear {
  static constexpr unsigned precision_bits = 6;
  static constexpr std::size_t bucket_count = (64 - precision_bits + 1) << precision_bits;
  // What is reported is at least the true value, and at most this share above it.
  static constexpr double relative_error = 1.0 / (1 << precision_bits);

  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t value) {
    const unsigned width = static_cast<unsigned>(std::bit_width(value | (2ull << precision_bits >> 1)));
    const unsigned shift = width - precision_bits - 1;
    return (std::size_t{shift} << precision_bits) + static_cast<std::size_t>(value >> shift);
  }
  // The greatest value that the bucket holds.
  [[nodiscard]] static constexpr std::uint64_t last_of(std::size_t bucket) {
    constexpr std::size_t parts = std::size_t{1} << precision_bits;
    if (bucket < 2 * parts) return bucket;
    const std::size_t shift = bucket / parts - 1;
    const std::uint64_t next = bucket - shift * parts + 1;
    return (next << shift) - 1;  // Wraps to the greatest of all in the last bucket.
  }
};

// Counts by bucket, to merge, subtract and ask.
class HistogramSnapshot {
 public:
  HistogramSnapshot() : counts_(LogLinear::bucket_count) {}

  void add(std::uint64_t value) {
    ++counts_[LogLinear::bucket_of(value)];
    sum_ += value;
  }
  // Afterwards this holds the values of both.
  void merge(const HistogramSnapshot& other);
  // What was recorded between `earlier`, a snapshot of the same histogram, and this.
  [[nodiscard]] HistogramSnapshot since(const HistogramSnapshot& earlier) const;

  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] double mean() const;        // 0 of none.
  [[nodiscard]] std::uint64_t max() const;  // To the relative error, like a percentile.
  // The least value that at least `fraction` (0 to 1) of all values do not exceed; 0 of none.
  [[nodiscard]] std::uint64_t percentile(double fraction) const;
  // How many values are surely at most `bound`: those of buckets that end there or before.
  [[nodiscard]] std::uint64_t count_up_to(std::uint64_t bound) const;
  [[nodiscard]] std::uint64_t sum() const { return sum_; }

 private:
  friend class LatencyHistogram;

  std::vector<std::uint64_t> counts_;
  std::uint64_t sum_ = 0;  // Wraps after 584 years of nanoseconds.
};

// Recorded by one thread, read by any, in 30 KiB whatever comes. A record is two plain loads and stores; a
// snapshot taken meanwhile may lack the newest few.
class LatencyHistogram {
 public:
  void record(std::uint64_t value) {
    counts_[LogLinear::bucket_of(value)].add(1);
    sum_.add(value);
  }
  [[nodiscard]] HistogramSnapshot snapshot() const;

 private:
  std::array<Counter, LogLinear::bucket_count> counts_;
  Counter sum_;
};

}  // namespace tapeline::metrics
