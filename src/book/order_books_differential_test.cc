#include <array>
#include <cstring>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "book/book_comparison.h"
#include "book/book_record.h"
#include "book/event_makers.h"
#include "book/order_books.h"
#include "book/plain_book.h"
#include "book/random_flow.h"

namespace tapeline::book {
namespace {

constexpr std::uint64_t two_to_32 = std::uint64_t{1} << 32;

// The names of the fields are worth more here than short lines.
const std::vector<FlowProfile>& profiles() {
  static const std::vector<FlowProfile> all{
      {.name = "few_deep_books", .locates = 3, .live_orders = 2'500, .spread_levels = 400},
      {.name = "many_symbols", .locates = 5'000, .live_orders = 4'000, .spread_levels = 6},
      {.name = "hot_level", .locates = 1, .live_orders = 500, .spread_levels = 5, .hot_level_percent = 90},
      {.name = "crossing_and_halts",
       .locates = 4,
       .live_orders = 60,
       .spread_levels = 4,
       .status_permille = 30,
       .may_cross = true},
      {.name = "adversarial",
       .locates = 5,
       .live_orders = 400,
       .spread_levels = 12,
       .bad_percent = 40,
       .status_permille = 10,
       .may_cross = true,
       .random_high_percent = 30},
      {.name = "equal_low_halves",
       .locates = 3,
       .live_orders = 300,
       .spread_levels = 10,
       .bad_percent = 10,
       .first_ref = 0xFFFF'FFFF,
       .ref_step = two_to_32},
      // 2^20 apart: with the index's multiplicative hash the homes bunch together.
      {.name = "strided_references",
       .locates = 3,
       .live_orders = 1'500,
       .spread_levels = 20,
       .bad_percent = 5,
       .ref_step = std::uint64_t{1} << 20},
      {.name = "colliding_in_the_hash",
       .locates = 2,
       .live_orders = 1'500,
       .spread_levels = 20,
       .bad_percent = 5,
       .first_ref = 4,
       .collide_in_hash = true},
      {.name = "above_two_to_32",
       .locates = 3,
       .live_orders = 800,
       .spread_levels = 20,
       .first_ref = two_to_32 - 5'000},
  };
  return all;
}

// Sizes of batches, taken in turn.
const std::vector<std::vector<std::size_t>>& splits() {
  static const std::vector<std::vector<std::size_t>> all{
      {1}, {3}, {17}, {256}, {1, 40, 2, 33, 7, 500, 32, 64}};
  return all;
}

constexpr OrderBooksConfig small_config{.expected_orders = 2'048, .max_blocks = 1 << 19};

std::vector<Event> events_of(const FlowProfile& profile, std::uint64_t seed, std::size_t count) {
  RandomFlow flow(profile, seed);
  std::vector<Event> events(count);
  for (Event& event : events) event = flow.next();
  return events;
}

class OrderBooksDifferential : public ::testing::TestWithParam<FlowProfile> {};

TEST_P(OrderBooksDifferential, AgreesWithThePlainBookAfterEveryMessage) {
  constexpr std::size_t message_count = 12'000;
  for (const std::uint64_t seed : {11, 12, 13}) {
    OrderBooks fast(small_config);
    PlainBook plain;
    BookRecorder fast_calls;
    BookRecorder plain_calls;
    RandomFlow flow(GetParam(), seed);
    for (std::size_t i = 1; i <= message_count; ++i) {
      const Event event = flow.next();
      fast_calls.clear();
      plain_calls.clear();
      fast.apply(std::span(&event, 1), fast_calls);
      plain.apply(event, plain_calls);
      std::string wrong = find_difference(fast_calls.records(), plain_calls.records());
      if (wrong.empty()) wrong = find_difference(fast, plain, event.locate, plain_calls.records());
      if (wrong.empty() && i % 1'000 == 0) wrong = fast.find_inconsistency();
      if (wrong.empty() && i % 4'000 == 0) wrong = find_any_difference(fast, plain);
      ASSERT_EQ(wrong, "") << "profile " << GetParam().name << ", seed " << seed << ", message " << i
                           << ", kind " << static_cast<int>(event.kind);
    }
  }
}

// The look-ahead of apply() works on what it knew before the batch: no split may show.
TEST_P(OrderBooksDifferential, TellsTheSameInBatchesOfAnySize) {
  constexpr std::size_t message_count = 12'000;
  constexpr std::uint64_t seed = 21;
  const std::vector<Event> events = events_of(GetParam(), seed, message_count);
  PlainBook plain;
  BookRecorder plain_calls;
  for (const Event& event : events) plain.apply(event, plain_calls);
  for (const std::vector<std::size_t>& sizes : splits()) {
    OrderBooks fast(small_config);
    BookRecorder calls;
    std::span<const Event> rest(events);
    for (std::size_t batch = 0; !rest.empty(); ++batch) {
      const std::size_t size = std::min(sizes[batch % sizes.size()], rest.size());
      fast.apply(rest.first(size), calls);
      rest = rest.subspan(size);
      if (batch % (1 + 1'000 / sizes[0]) == 0) {
        ASSERT_EQ(fast.find_inconsistency(), "") << "seed " << seed;
      }
    }
    const auto where = ::testing::Message() << "profile " << GetParam().name << ", seed " << seed
                                            << ", first batch size " << sizes[0];
    ASSERT_EQ(find_difference(calls.records(), plain_calls.records()), "") << where;
    ASSERT_EQ(find_any_difference(fast, plain), "") << where;
    ASSERT_EQ(fast.find_inconsistency(), "") << where;
  }
}

// As a checkpoint would write it.
class Bytes {
 public:
  template <class T>
  void put(const T& value) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), from, from + sizeof value);
  }
  template <class T>
  T get() {
    T value{};
    if (bytes_.size() - at_ < sizeof value) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool complete() const { return ok_ && at_ == bytes_.size(); }
  void cut(std::size_t size) { bytes_.resize(size); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

TEST_P(OrderBooksDifferential, GoesOnFromSavedBooks) {
  constexpr std::size_t message_count = 12'000;
  constexpr std::uint64_t seed = 31;
  const std::vector<Event> events = events_of(GetParam(), seed, message_count);
  PlainBook plain;
  BookRecorder plain_calls;
  auto fast = std::make_unique<OrderBooks>(small_config);
  BookRecorder calls;
  for (std::size_t i = 0; i < message_count; ++i) {
    plain.apply(events[i], plain_calls);
    fast->apply(std::span(&events[i], 1), calls);
    if (i % 1'717 != 0) continue;
    auto loaded = std::make_unique<OrderBooks>(small_config);
    for (const Locate locate : fast->locates()) {
      Bytes bytes;
      fast->save_book(locate, bytes);
      ASSERT_TRUE(loaded->load_book(locate, bytes) && bytes.complete()) << "message " << i;
    }
    ASSERT_EQ(loaded->find_inconsistency(), "") << "message " << i;
    fast = std::move(loaded);
  }
  EXPECT_EQ(find_difference(calls.records(), plain_calls.records()), "");
  EXPECT_EQ(fast->find_inconsistency(), "");
}

TEST(SavedBooks, AreRefusedWhereTheyAreCutOff) {
  OrderBooks books(small_config);
  NullBookHandler quiet;
  const Event events[] = {make_add(Locate{7}, 1, 'B', 100, 1'000, "AAPL"),
                          make_add(Locate{7}, 2, 'S', 50, 1'100)};
  books.apply(events, quiet);
  Bytes whole;
  books.save_book(Locate{7}, whole);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Bytes cut = whole;
    cut.cut(size);
    OrderBooks loaded(small_config);
    EXPECT_FALSE(loaded.load_book(Locate{7}, cut)) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Profiles, OrderBooksDifferential, ::testing::ValuesIn(profiles()),
                         [](const auto& profile) { return std::string(profile.param.name); });

}  // namespace
}  // namespace tapeline::book
