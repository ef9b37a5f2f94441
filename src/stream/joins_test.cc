#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "stream/as_of_join.h"
#include "stream/interval_join.h"

namespace tapeline::stream {
namespace {

struct Record {
  std::uint64_t time;
  int value;
};

// Two streams of records, out of order by as much as `disorder`.
std::vector<Record> random_records(std::mt19937_64& random, std::size_t count, std::uint64_t disorder) {
  std::vector<Record> records;
  std::uint64_t now = 1'000;
  for (std::size_t i = 0; i < count; ++i) {
    now += random() % 5;
    records.push_back({now - random() % (disorder + 1), static_cast<int>(i)});
  }
  return records;
}

// Feeds both sides in turn; the watermark stays behind the newest by the disorder, so that nothing is late.
template <class Join, class Emit>
void drive(Join& join, const std::vector<Record>& left, const std::vector<Record>& right,
           std::uint64_t disorder, std::mt19937_64& random, Emit&& emit) {
  std::size_t l = 0;
  std::size_t r = 0;
  std::uint64_t newest_left = 0;
  std::uint64_t newest_right = 0;
  while (l < left.size() || r < right.size()) {
    if (r == right.size() || (l < left.size() && random() % 2 == 0)) {
      EXPECT_TRUE(join.add_left(EventTime{left[l].time}, left[l].value));
      newest_left = std::max(newest_left, left[l++].time);
    } else {
      EXPECT_TRUE(join.add_right(EventTime{right[r].time}, right[r].value));
      newest_right = std::max(newest_right, right[r++].time);
    }
    // Each side's records to come are after its newest less the disorder.
    const std::uint64_t sure =
        std::min(l == left.size() ? UINT64_MAX : newest_left, r == right.size() ? UINT64_MAX : newest_right);
    if (sure > disorder && sure != UINT64_MAX) join.advance(EventTime{sure - disorder}, emit);
  }
  join.advance(EventTime{std::uint64_t{1} << 40}, emit);
}

TEST(AsOfJoin, FindsWhatStoodWhateverTheOrderOfArrival) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const std::uint64_t disorder = seed % 4 * 7;
    const std::vector<Record> left = random_records(random, 300, disorder);
    const std::vector<Record> right = random_records(random, 300, disorder);
    std::map<int, std::optional<std::uint64_t>> found;  // By left record: the time of what stood.
    AsOfJoin<int, int> join(1'000);
    std::uint64_t last = 0;
    drive(join, left, right, disorder, random, [&](EventTime time, int value, const int* match) {
      EXPECT_GE(raw(time), last);
      last = raw(time);
      found[value] =
          match != nullptr ? std::optional(right[static_cast<std::size_t>(*match)].time) : std::nullopt;
    });
    ASSERT_EQ(found.size(), left.size());
    for (const Record& one : left) {
      std::optional<std::uint64_t> expected;
      for (const Record& other : right)
        if (other.time <= one.time) expected = std::max(expected.value_or(0), other.time);
      EXPECT_EQ(found[one.value], expected) << one.time;
    }
    EXPECT_EQ(join.waiting(), 0u);
    EXPECT_EQ(join.counters().late_left + join.counters().late_right + join.counters().refused, 0u);
  }
}

TEST(AsOfJoin, TakesTheLaterOfTwoOfOneTimeAndThoseOfThatVeryMoment) {
  AsOfJoin<int, int> join(10);
  join.add_right(EventTime{5}, 1);
  join.add_right(EventTime{5}, 2);
  join.add_left(EventTime{5}, 0);
  join.advance(EventTime{5}, [](EventTime, int, const int*) { FAIL() << "more of this time may come"; });
  int match = 0;
  join.advance(EventTime{6}, [&](EventTime, int, const int* found) { match = *found; });
  EXPECT_EQ(match, 2);
}

TEST(AsOfJoin, LateDataFollowsItsPolicy) {
  AsOfJoin<int, int> join(3);
  join.add_right(EventTime{10}, 1);
  join.advance(EventTime{20}, [](EventTime, int, const int*) {});
  EXPECT_FALSE(join.add_left(EventTime{19}, 0));  // What stood then is settled.
  EXPECT_TRUE(join.add_right(EventTime{15}, 2));  // Seen by what is still to be answered …
  EXPECT_TRUE(join.add_left(EventTime{20}, 0));
  std::vector<int> matches;
  join.advance(EventTime{30}, [&](EventTime, int, const int* match) { matches.push_back(*match); });
  EXPECT_TRUE(join.add_right(EventTime{12}, 3));  // … unless a newer one stands.
  EXPECT_TRUE(join.add_left(EventTime{30}, 0));
  join.advance(EventTime{40}, [&](EventTime, int, const int* match) { matches.push_back(*match); });
  EXPECT_EQ(matches, (std::vector<int>{2, 2}));
  EXPECT_EQ(join.counters().late_left, 1u);
  EXPECT_EQ(join.counters().late_right, 2u);
}

TEST(AsOfJoin, HoldsNoMoreThanItMay) {
  AsOfJoin<int, int> join(3);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(join.add_left(EventTime{100}, i), i < 3);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(join.add_right(EventTime{50}, i), i < 3);
  EXPECT_EQ(join.counters().refused, 4u);
  int emitted = 0;
  join.advance(EventTime{101}, [&](EventTime, int, const int* match) { emitted += match != nullptr; });
  EXPECT_EQ(emitted, 3);
  EXPECT_TRUE(join.add_right(EventTime{102}, 9));  // What was overtaken is forgotten.
}

TEST(IntervalJoin, FindsAllOfTheIntervalWhateverTheOrderOfArrival) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const std::uint64_t disorder = seed % 4 * 7;
    const std::uint64_t before = seed % 3 * 11;
    const std::uint64_t after = seed % 5 * 9;
    const std::vector<Record> left = random_records(random, 200, disorder);
    const std::vector<Record> right = random_records(random, 200, disorder);
    std::map<int, std::vector<int>> found;
    IntervalJoin<int, int> join(before, after, 1'000);
    drive(join, left, right, disorder, random, [&](EventTime, int value, auto matches) {
      for (const auto& match : matches) found[value].push_back(match.value);
      std::ranges::sort(found[value]);
    });
    ASSERT_EQ(found.size(), left.size());
    for (const Record& one : left) {
      std::vector<int> expected;
      for (const Record& other : right)
        if (other.time + before >= one.time && other.time <= one.time + after)
          expected.push_back(other.value);
      EXPECT_EQ(found[one.value], expected) << one.time;
    }
    EXPECT_EQ(join.counters().late_left + join.counters().refused, 0u);
  }
}

TEST(IntervalJoin, WaitsUntilItsIntervalIsOver) {
  IntervalJoin<int, int> join(0, 10, 10);
  join.add_left(EventTime{100}, 0);
  join.add_right(EventTime{110}, 1);
  std::size_t count = 99;
  const auto note = [&](EventTime, int, auto matches) { count = matches.size(); };
  join.advance(EventTime{110}, note);
  EXPECT_EQ(count, 99u);
  join.add_right(EventTime{105}, 2);  // Late for others, not for this one.
  join.advance(EventTime{111}, note);
  EXPECT_EQ(count, 2u);
  EXPECT_FALSE(join.add_left(EventTime{110}, 0));
}

}  // namespace
}  // namespace tapeline::stream
