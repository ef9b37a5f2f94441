#include <algorithm>
#include <cmath>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/delay_statistics.h"
#include "metrics/latency_histogram.h"
#include "metrics/quantity_text.h"

namespace tapeline::metrics {
namespace {

using ::testing::EndsWith;

TEST(LogLinear, BucketsFollowEachOtherWithoutAHole) {
  EXPECT_EQ(LogLinear::bucket_of(0), 0);
  EXPECT_EQ(LogLinear::bucket_of(UINT64_MAX), LogLinear::bucket_count - 1);
  EXPECT_EQ(LogLinear::last_of(LogLinear::bucket_count - 1), UINT64_MAX);
  for (std::size_t i = 0; i + 1 < LogLinear::bucket_count; ++i) {
    ASSERT_EQ(LogLinear::bucket_of(LogLinear::last_of(i)), i);
    ASSERT_EQ(LogLinear::bucket_of(LogLinear::last_of(i) + 1), i + 1);
  }
}

TEST(LogLinear, NothingIsUnderstatedOrFarOff) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    const std::uint64_t reported = LogLinear::last_of(LogLinear::bucket_of(value));
    ASSERT_GE(reported, value);
    ASSERT_LE(static_cast<double>(reported - value), static_cast<double>(value) * LogLinear::relative_error)
        << value;
  }
}

TEST(LatencyHistogram, PercentilesAreThoseOfTheSortedValues) {
  constexpr int count = 10'000;
  std::mt19937_64 random(2);
  std::lognormal_distribution<double> delays(9, 2);
  LatencyHistogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < count; ++i) {
    values.push_back(static_cast<std::uint64_t>(delays(random)));
    histogram.record(values.back());
  }
  std::ranges::sort(values);
  const HistogramSnapshot snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.count(), count);
  for (const double fraction : {0.0001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const std::uint64_t exact = values[static_cast<std::size_t>(std::ceil(fraction * count)) - 1];
    EXPECT_GE(snapshot.percentile(fraction), exact);
    EXPECT_LE(static_cast<double>(snapshot.percentile(fraction)),
              static_cast<double>(exact) * (1 + LogLinear::relative_error));
  }
  EXPECT_EQ(snapshot.percentile(1), snapshot.max());
}

TEST(LatencyHistogram, SmallValuesAreExact) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.snapshot().percentile(0.5), 0);
  EXPECT_EQ(histogram.snapshot().mean(), 0);
  for (const std::uint64_t value : {1, 2, 3, 100}) histogram.record(value);
  EXPECT_EQ(histogram.snapshot().percentile(0.5), 2);
  EXPECT_EQ(histogram.snapshot().percentile(0.75), 3);
  EXPECT_EQ(histogram.snapshot().percentile(0), 1);
  EXPECT_EQ(histogram.snapshot().max(), 100);
  EXPECT_EQ(histogram.snapshot().mean(), 26.5);
}

TEST(LatencyHistogram, CountsUpToABoundAreNeverTooHigh) {
  LatencyHistogram histogram;
  std::vector<std::uint64_t> values;
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) values.push_back(random() % 10'000'000);
  std::uint64_t sum = 0;
  for (const std::uint64_t value : values) {
    histogram.record(value);
    sum += value;
  }
  const HistogramSnapshot snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.sum(), sum);
  for (const std::uint64_t bound : {0ull, 100ull, 1'000ull, 250'000ull, 1'000'000ull, 10'000'000ull, ~0ull}) {
    const auto at_most = [&](double limit) {
      return static_cast<std::uint64_t>(
          std::ranges::count_if(values, [&](auto value) { return static_cast<double>(value) <= limit; }));
    };
    EXPECT_LE(snapshot.count_up_to(bound), at_most(static_cast<double>(bound))) << bound;
    EXPECT_GE(snapshot.count_up_to(bound),
              at_most(static_cast<double>(bound) / (1 + LogLinear::relative_error) - 1))
        << bound;
  }
  EXPECT_EQ(snapshot.count_up_to(~0ull), values.size());
}

TEST(LatencyHistogram, MergingAndSubtracting) {
  LatencyHistogram a;
  LatencyHistogram b;
  a.record(10);
  const HistogramSnapshot earlier = a.snapshot();
  a.record(20);
  b.record(30);
  HistogramSnapshot both = a.snapshot();
  both.merge(b.snapshot());
  EXPECT_EQ(both.count(), 3);
  EXPECT_EQ(both.mean(), 20);
  EXPECT_EQ(a.snapshot().since(earlier).count(), 1);
  EXPECT_EQ(a.snapshot().since(earlier).max(), 20);
}

TEST(LatencyHistogram, AnotherThreadMayRead) {
  constexpr std::uint64_t count = 100'000;
  LatencyHistogram histogram;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < count; ++i) histogram.record(i);
  });
  std::uint64_t seen = 0;
  while (seen < count) {
    const std::uint64_t now = histogram.snapshot().count();
    ASSERT_GE(now, seen);
    seen = now;
  }
  writer.join();
  EXPECT_EQ(seen, count);
}

TEST(DelayStatistics, NegativeDelaysAreKeptApart) {
  DelayStatistics statistics;
  statistics.record(100, 150);
  statistics.record(100, 100);
  statistics.record(200, 140);
  const DelaySnapshot snapshot = statistics.snapshot();
  EXPECT_EQ(snapshot.delays.count(), 2);
  EXPECT_EQ(snapshot.delays.max(), 50);
  EXPECT_EQ(snapshot.negatives.count(), 1);
  EXPECT_EQ(snapshot.negatives.max(), 60);
  statistics.record(20'000, 9'000);
  statistics.record(20'000, 10'000);
  EXPECT_EQ(statistics.snapshot().worst_negative_ns, 11'000);  // Not rounded to a bucket.
}

TEST(DelayStatistics, NegativeDelaysAreExplained) {
  DelaySnapshot delays;
  delays.delays.add(500);
  EXPECT_EQ(explain_negative_delays(delays, 100), "");
  delays.negatives.add(60);
  delays.worst_negative_ns = 60;
  EXPECT_EQ(explain_negative_delays(delays, 100),
            "1 of 2 delays are negative, by up to 60 ns: within the clock's error bound of ±100 ns");
  EXPECT_THAT(explain_negative_delays(delays, 20),
              EndsWith("the exchange's clock is ahead by at least 40 ns, as this one is within ±20 ns"));
  EXPECT_THAT(explain_negative_delays(delays, std::nullopt), EndsWith("the delays tell nothing"));
}

TEST(QuantityText, ThreeDigitsAndAUnit) {
  EXPECT_EQ(bytes_text(1023), "1023 bytes");
  EXPECT_EQ(bytes_text(212'992), "208 KiB");
  EXPECT_EQ(bytes_text(UINT64_MAX), "16777215 TiB");
  EXPECT_EQ(time_text(999), "999 ns");
  EXPECT_EQ(time_text(12'500), "12.5 us");
  EXPECT_EQ(time_text(1'500'000'000), "1.5 s");
}

}  // namespace
}  // namespace tapeline::metrics
