#include "book/order_table.h"

#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "book/book_types.h"
#include "book/event_makers.h"
#include "book/order_books.h"

namespace tapeline::book {
namespace {

constexpr std::size_t max_orders = 1 << 22;

// Blocks name the book an order belongs to, so that a test needs no queues: block 7 is of book 7.
class TableTest : public ::testing::Test {
 protected:
  [[nodiscard]] OrderTable::Place find(std::uint64_t ref, std::uint32_t book = 7) const {
    return table_.find(OrderRef{ref}, [=](std::uint32_t block) { return block == book; });
  }
  void add(std::uint64_t ref, Shares shares, std::uint32_t book = 7) {
    table_.put_anywhere(OrderRef{ref}, {book, shares, EventTime{ref & 0xFFFF}, 3});
  }
  void erase(std::uint64_t ref, std::uint32_t book = 7) {
    const OrderTable::Place place = find(ref, book);
    ASSERT_NE(place.number, 0u) << ref;
    table_.erase(place, OrderRef{ref});
  }

  OrderTable table_{1'024, max_orders};
};

TEST_F(TableTest, KeepsWhatItIsGiven) {
  add(5, 100);
  const RestingOrder& order = table_.order(find(5));
  EXPECT_EQ(order.shares, 100u);
  EXPECT_EQ(order.entered(), EventTime{5});
  EXPECT_EQ(order.attribution(), 3u);
  EXPECT_EQ(find(6).number, 0u);
  erase(5);
  EXPECT_EQ(find(5).number, 0u);
  EXPECT_EQ(table_.size(), 0u);
}

// Survivors of pages that have become sparse move to the hash table, and are found there.
TEST_F(TableTest, OrdersOutliveTheirPage) {
  constexpr std::uint64_t count = 400'000;
  constexpr std::uint64_t survivors_of = 997;
  for (std::uint64_t ref = 1; ref <= count; ++ref) {
    add(ref, static_cast<Shares>(ref));
    if (ref > 1'000 && (ref - 1'000) % survivors_of != 0) erase(ref - 1'000);
  }
  std::size_t off_their_page = 0;
  for (std::uint64_t ref = survivors_of; ref <= count - 1'000; ref += survivors_of) {
    const OrderTable::Place place = find(ref);
    ASSERT_NE(place.number, 0u) << ref;
    EXPECT_EQ(table_.order(place).shares, ref);
    off_their_page += place.slot == 0;
  }
  EXPECT_GT(off_their_page, 200u);
  for (std::uint64_t ref = survivors_of; ref <= count - 1'000; ref += survivors_of) erase(ref);
  for (std::uint64_t ref = count - 999; ref <= count; ++ref) erase(ref);
  EXPECT_EQ(table_.size(), 0u);
}

// A hundred million references of which few live at a time.
TEST_F(TableTest, MemoryFollowsTheLiveOrdersAndNotTheReferences) {
  constexpr std::uint64_t step = 64;
  constexpr std::uint64_t adds = 100'000'000 / step;
  std::size_t early = 0;
  for (std::uint64_t i = 1; i <= adds; ++i) {
    add(i * step, 1);
    if (i > 2'000) erase((i - 2'000) * step);
    if (i == adds / 50) early = table_.memory_bytes();
  }
  EXPECT_EQ(table_.size(), 2'000u);
  EXPECT_LE(table_.memory_bytes(), early + (std::size_t{1} << 20));
}

// The worst that can stay: each page keeps one order fewer than would save it.
TEST_F(TableTest, AFewLiveOrdersOfEachPageHoldNoPages) {
  std::size_t early = 0;
  for (std::uint64_t ref = 0; ref < 3'000'000; ++ref) {
    add(ref, 1);
    if (ref >= 5'000 && (ref - 5'000) % 80 != 0) erase(ref - 5'000);
    if (ref == 300'000) early = table_.memory_bytes();
  }
  // 37,500 orders live on. With their pages they would hold 12 MB of slots.
  EXPECT_EQ(table_.size(), 5'000u + 2'995'000u / 80 + 1);
  EXPECT_LE(table_.memory_bytes(), early + (std::size_t{5} << 20));
}

TEST_F(TableTest, RandomReferencesOpenFewPages) {
  std::mt19937_64 random(1);
  const std::size_t before = table_.memory_bytes();
  std::vector<std::uint64_t> refs;
  for (int i = 0; i < 20'000; ++i) add(refs.emplace_back(random()), 1);
  for (const std::uint64_t ref : refs) ASSERT_NE(find(ref).number, 0u);
  EXPECT_LE(table_.memory_bytes(), before + (std::size_t{8} << 20));
  for (const std::uint64_t ref : refs) erase(ref);
  EXPECT_EQ(table_.size(), 0u);
}

// One damaged reference far ahead must not keep pages from those that count up, nor hide an order from them.
TEST_F(TableTest, AReferenceFarAheadIsForgiven) {
  constexpr std::uint64_t far = std::uint64_t{1} << 40;
  add(far + 3, 9);
  for (std::uint64_t ref = 1; ref <= 10'000; ++ref) add(ref, 1);
  EXPECT_NE(find(9'999).slot, 0u);
  EXPECT_EQ(table_.order(find(far + 3)).shares, 9u);
  for (std::uint64_t ref = far - 5'000; ref < far + 3; ++ref) add(ref, 2);
  EXPECT_EQ(table_.order(find(far + 3)).shares, 9u);
  EXPECT_EQ(table_.order(find(far + 2)).shares, 2u);
}

TEST_F(TableTest, TheSameReferenceLivesInTwoBooks) {
  for (std::uint64_t ref = 1; ref <= 100; ++ref) add(ref, 1);
  add(50, 2, 8);
  EXPECT_EQ(table_.order(find(50, 7)).shares, 1u);
  EXPECT_EQ(table_.order(find(50, 8)).shares, 2u);
  erase(50, 7);
  EXPECT_EQ(find(50, 7).number, 0u);
  EXPECT_EQ(table_.order(find(50, 8)).shares, 2u);
  add(50, 3, 7);
  erase(50, 8);
  EXPECT_EQ(table_.order(find(50, 7)).shares, 3u);
  EXPECT_EQ(find(50, 8).number, 0u);
}

// Against a map, with references that count up, jump, repeat in other books and come back to old pages.
TEST_F(TableTest, AgreesWithAMap) {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    OrderTable table(1'024, max_orders);
    std::map<std::pair<std::uint64_t, std::uint32_t>, Shares> plain;
    std::mt19937_64 random(seed);
    std::uint64_t next = random() >> (seed * 9);
    std::vector<std::pair<std::uint64_t, std::uint32_t>> keys;
    for (Shares i = 1; i <= 150'000; ++i) {
      const std::uint64_t choice = random() % 1'000;
      std::uint64_t ref = next += 1 + random() % 3;
      if (choice < 2) next = ref = random() >> random() % 40;
      if (choice >= 990) ref = keys[random() % keys.size()].first + random() % 3;
      if (choice == 989) ref = next + (random() % 64 << 12);
      const std::uint32_t book = 2 + random() % 2;
      const auto accept = [&](std::uint32_t block) { return block == book; };
      const bool lives = plain.contains({ref, book});
      ASSERT_EQ(table.find(OrderRef{ref}, accept).number != 0, lives) << "seed " << seed << " step " << i;
      if (!lives) {
        table.put_anywhere(OrderRef{ref}, {book, i, EventTime{i}, 0});
        plain[{ref, book}] = i;
        keys.emplace_back(ref, book);
      }
      while (plain.size() > 1'000 + i / 50) {
        const std::size_t at = random() % 4 == 0 ? random() % keys.size() : keys.size() - 1 - random() % 300;
        const auto [old, of] = keys[at];
        keys[at] = keys.back();
        keys.pop_back();
        const OrderTable::Place place =
            table.find(OrderRef{old}, [&](std::uint32_t block) { return block == of; });
        ASSERT_NE(place.number, 0u) << "seed " << seed << " step " << i;
        ASSERT_EQ(table.order(place).shares, (plain[{old, of}])) << "seed " << seed << " step " << i;
        table.erase(place, OrderRef{old});
        plain.erase({old, of});
      }
      ASSERT_EQ(table.size(), plain.size());
    }
  }
}

}  // namespace
}  // namespace tapeline::book
