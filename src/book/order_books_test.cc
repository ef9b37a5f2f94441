#include "book/order_books.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "book/book_record.h"
#include "book/event_makers.h"

namespace tapeline::book {
namespace {

using Kind = BookRecord::Kind;

constexpr Locate here{7};
constexpr Locate elsewhere{8};
constexpr OrderBooksConfig small_config{.expected_orders = 2'048, .max_blocks = 1 << 16};

// Books that keep what they told, and apply one event after another.
class OrderBooksTest : public ::testing::Test {
 protected:
  void apply(Event event) {
    event.sequence = Sequence{++sequence_};
    event.time = EventTime{sequence_ * 100};
    books_.apply(std::span(&event, 1), calls_);
    ASSERT_EQ(books_.find_inconsistency(), "");
  }

  [[nodiscard]] std::vector<BookRecord> told(Kind kind) const {
    std::vector<BookRecord> found;
    for (const BookRecord& record : calls_.records())
      if (record.kind == kind) found.push_back(record);
    return found;
  }
  [[nodiscard]] std::vector<std::uint64_t> queue_refs(Side side, std::uint32_t ticks) const {
    std::vector<std::uint64_t> refs;
    for (const OrderView& order : books_.queue(here, side, Price{ticks})) refs.push_back(raw(order.ref));
    return refs;
  }

  OrderBooks books_{small_config};
  BookRecorder calls_;
  std::uint64_t sequence_ = 0;
};

TEST_F(OrderBooksTest, AttributionInChangesIsBlankWhereThereIsNone) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_reduction(EventKind::remove, here, 1, 0));
  const auto changes = told(Kind::order);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].order.attribution, Mpid(""));
  EXPECT_EQ(changes[1].order.attribution, Mpid(""));
}

TEST_F(OrderBooksTest, CountsALockOncePerLock) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_add(here, 2, 'S', 100, 1'000));
  EXPECT_EQ(books_.counters().locked, 1u);
  apply(make_add(here, 3, 'S', 100, 1'000));  // Another size at the same two prices is the same lock.
  apply(make_trading_action(here, 'T'));
  EXPECT_EQ(books_.counters().locked, 1u);
  apply(make_reduction(EventKind::remove, here, 1, 0));
  apply(make_add(here, 4, 'B', 100, 1'000));
  EXPECT_EQ(books_.counters().locked, 2u);
  EXPECT_EQ(books_.quality(here), Quality::good);
}

TEST_F(OrderBooksTest, ABookCanCrossAtPriceZero) {
  apply(make_add(here, 1, 'S', 100, 0));
  EXPECT_EQ(books_.counters().locked, 0u);  // The empty side's price is zero too, but nobody bids it.
  apply(make_add(here, 2, 'B', 100, 1'000));
  EXPECT_EQ(books_.quality(here), Quality::crossed);
  EXPECT_EQ(books_.counters().crossed, 1u);
}

TEST_F(OrderBooksTest, AReductionByZeroSharesIsAnInvalidField) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  calls_.clear();
  apply(make_reduction(EventKind::execute, here, 1, 0, 5));
  apply(make_execute_with_price(here, 1, 0, 990, 'Y', 6));
  apply(make_reduction(EventKind::cancel, here, 1, 0));
  EXPECT_EQ(books_.counters().invalid_field, 3u);
  EXPECT_THAT(told(Kind::order), ::testing::IsEmpty());
  EXPECT_THAT(told(Kind::trade), ::testing::IsEmpty());
  EXPECT_EQ(books_.find_order(here, OrderRef{1})->shares, 100u);
}

TEST_F(OrderBooksTest, LearnsTheSymbolOfABookWhoseFirstEventWasBad) {
  apply(make_reduction(EventKind::remove, here, 1, 0));
  EXPECT_THAT(books_.locates(), ::testing::ElementsAre(here));
  apply(make_add(here, 1, 'B', 100, 1'000, "AAPL"));
  EXPECT_EQ(books_.find_symbol("AAPL"), here);
}

// Equal lower halves cannot be told apart by any hash of them: the index must neither grow without end nor lose one.
TEST_F(OrderBooksTest, ReferencesThatNoHashSeparatesCostBoundedMemory) {
  constexpr std::uint64_t count = 1'500;
  const std::size_t before = books_.memory_bytes();
  for (std::uint64_t i = 0; i < count; ++i) {
    Event event = make_add(here, i << 32 | 5, 'B', 10, 1'000);
    books_.apply(std::span(&event, 1), calls_);
  }
  EXPECT_EQ(books_.find_inconsistency(), "");
  EXPECT_EQ(books_.live_orders(), count);
  EXPECT_LT(books_.memory_bytes(), before + (std::size_t{64} << 20));
}

}  // namespace
}  // namespace tapeline::book
