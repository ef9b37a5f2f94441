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
