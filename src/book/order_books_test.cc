#include "book/order_books.h"

#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

// Entries hold lower halves only, and these are all equal: the index must neither grow without end nor lose
// one.
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

// Rules of the messages, one test each.

TEST_F(OrderBooksTest, AddsJoinTheBackOfTheirQueue) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_add(here, 2, 'B', 200, 1'000));
  apply(make_add(here, 3, 'S', 300, 1'100));
  EXPECT_THAT(queue_refs(Side::bid, 1'000), ::testing::ElementsAre(1, 2));
  EXPECT_EQ(books_.bbo(here), (Bbo{300, 300, Price{1'000}, Price{1'100}}));
  EXPECT_EQ(books_.live_orders(), 3u);
  EXPECT_EQ(books_.live_levels(), 2u);
  EXPECT_EQ(books_.bbo(elsewhere), Bbo{});
}

TEST_F(OrderBooksTest, AnExecutionReducesTheOrderAndRemovesItAtZero) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_reduction(EventKind::execute, here, 1, 40, 5));
  EXPECT_EQ(books_.find_order(here, OrderRef{1})->shares, 60u);
  apply(make_reduction(EventKind::execute, here, 1, 60, 6));
  EXPECT_FALSE(books_.find_order(here, OrderRef{1}).has_value());
  EXPECT_EQ(books_.level_count(here, Side::bid), 0u);
  const auto trades = told(Kind::trade);
  ASSERT_EQ(trades.size(), 2u);
  EXPECT_EQ(trades[0].trade.price, Price{1'000});
  EXPECT_EQ(trades[0].trade.shares, 40u);
  EXPECT_EQ(trades[0].trade.resting_side, Side::bid);
  EXPECT_EQ(trades[0].after, (Bbo{100, 0, Price{1'000}, Price{0}})) << "prevailing is before the trade";
  EXPECT_EQ(trades[1].trade.match, MatchNumber{6});
}

TEST_F(OrderBooksTest, AnExecutionWithPricePrintsAtItsOwnPrice) {
  apply(make_add(here, 1, 'S', 100, 1'000));
  apply(make_execute_with_price(here, 1, 30, 990, 'N', 5));
  apply(make_execute_with_price(here, 1, 30, 995, 'Y', 6));
  const auto trades = told(Kind::trade);
  ASSERT_EQ(trades.size(), 2u);
  EXPECT_EQ(trades[0].trade.price, Price{990});
  EXPECT_FALSE(trades[0].trade.printable);
  EXPECT_TRUE(trades[1].trade.printable);
  EXPECT_EQ(books_.find_order(here, OrderRef{1})->price, Price{1'000});
  EXPECT_EQ(books_.bbo(here).ask_shares, 40u);
}

TEST_F(OrderBooksTest, CancelKeepsThePlaceInTheQueue) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_add(here, 2, 'B', 200, 1'000));
  apply(make_reduction(EventKind::cancel, here, 1, 99));
  EXPECT_THAT(queue_refs(Side::bid, 1'000), ::testing::ElementsAre(1, 2));
  apply(make_reduction(EventKind::cancel, here, 1, 1));
  EXPECT_THAT(queue_refs(Side::bid, 1'000), ::testing::ElementsAre(2));
  EXPECT_THAT(told(Kind::trade), ::testing::IsEmpty());
}

TEST_F(OrderBooksTest, AReplaceGoesToTheBackAndInherits) {
  apply(make_attributed_add(here, 1, 'S', 100, 1'000, "GSCO"));
  apply(make_add(here, 2, 'S', 200, 1'000));
  calls_.clear();
  apply(make_replace(here, 1, 3, 150, 1'000));
  EXPECT_THAT(queue_refs(Side::ask, 1'000), ::testing::ElementsAre(2, 3));
  const auto order = books_.find_order(here, OrderRef{3});
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->side, Side::ask);
  EXPECT_EQ(order->attribution, Mpid("GSCO"));
  EXPECT_EQ(order->entered, EventTime{300});
  EXPECT_EQ(told(Kind::bbo).size(), 1u) << "one message is one step";
}

TEST_F(OrderBooksTest, AReplaceThatMovesTheBestPriceTellsOneChange) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  calls_.clear();
  apply(make_replace(here, 1, 2, 100, 1'001));
  const auto changes = told(Kind::bbo);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].before.bid, Price{1'000});
  EXPECT_EQ(changes[0].after.bid, Price{1'001});
}

TEST_F(OrderBooksTest, AReplaceMayKeepItsReference) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_add(here, 2, 'B', 100, 1'000));
  apply(make_replace(here, 1, 1, 50, 1'000));
  EXPECT_THAT(queue_refs(Side::bid, 1'000), ::testing::ElementsAre(2, 1));
  EXPECT_EQ(books_.counters(), BookCounters{});
}

TEST_F(OrderBooksTest, HiddenTradesAndCrossesLeaveTheBookAlone) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  calls_.clear();
  apply(make_hidden_trade(here, 'B', 50, 1'005, 9));
  apply(make_cross(here, 5'000'000'000, 1'010, 'O', 10));
  Event broken = make_reduction(EventKind::broken_trade, here, 0, 0, 10);
  apply(broken);
  EXPECT_EQ(books_.bbo(here), (Bbo{100, 0, Price{1'000}, Price{0}}));
  EXPECT_THAT(told(Kind::order), ::testing::IsEmpty());
  const auto trades = told(Kind::trade);
  ASSERT_EQ(trades.size(), 2u);
  EXPECT_EQ(trades[0].trade.kind, TradeKind::hidden);
  EXPECT_EQ(trades[1].trade.kind, TradeKind::cross);
  EXPECT_EQ(trades[1].trade.shares, 5'000'000'000u);
  EXPECT_EQ(trades[1].trade.cross_type, 'O');
  ASSERT_EQ(told(Kind::broken_trade).size(), 1u);
  EXPECT_EQ(told(Kind::broken_trade)[0].broken, MatchNumber{10});
}

// Bad data.

TEST_F(OrderBooksTest, AnUnknownOrderChangesNothing) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  calls_.clear();
  apply(make_reduction(EventKind::execute, here, 2, 10, 1));
  apply(make_execute_with_price(here, 2, 10, 1'000, 'Y', 1));
  apply(make_reduction(EventKind::cancel, here, 2, 10));
  apply(make_reduction(EventKind::remove, here, 2, 0));
  apply(make_replace(here, 2, 3, 10, 1'000));
  EXPECT_EQ(books_.counters().unknown_order, 5u);
  EXPECT_EQ(books_.quality(here), Quality::suspect);
  EXPECT_EQ(calls_.records().size(), told(Kind::event_end).size());
}

TEST_F(OrderBooksTest, AnOrderIsUnknownInAnotherBook) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_reduction(EventKind::remove, elsewhere, 1, 0));
  EXPECT_EQ(books_.quality(elsewhere), Quality::suspect);
  EXPECT_EQ(books_.quality(here), Quality::good);
  EXPECT_EQ(books_.live_orders(), 1u);
}

TEST_F(OrderBooksTest, AnOverfillRemovesTheOrderAndPrintsWhatTheMessageSays) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_reduction(EventKind::execute, here, 1, 150, 5));
  EXPECT_EQ(books_.counters().overfill, 1u);
  EXPECT_EQ(books_.live_orders(), 0u);
  ASSERT_EQ(told(Kind::trade).size(), 1u);
  EXPECT_EQ(told(Kind::trade)[0].trade.shares, 150u);
  EXPECT_EQ(told(Kind::trade)[0].quality, Quality::suspect);
}

TEST_F(OrderBooksTest, ARepeatedReferenceIsDropped) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_add(here, 2, 'B', 100, 900));
  calls_.clear();
  apply(make_add(here, 1, 'S', 50, 2'000));
  apply(make_replace(here, 1, 2, 50, 950));
  EXPECT_EQ(books_.counters().duplicate_ref, 2u);
  EXPECT_THAT(told(Kind::order), ::testing::IsEmpty());
  EXPECT_EQ(books_.find_order(here, OrderRef{1})->shares, 100u);
  EXPECT_EQ(books_.find_order(here, OrderRef{2})->price, Price{900});
}

TEST_F(OrderBooksTest, InvalidFieldsAreCounted) {
  apply(make_add(here, 1, 'B', 0, 1'000));
  apply(make_add(here, 2, 'X', 100, 1'000));
  EXPECT_EQ(books_.live_orders(), 0u);
  apply(make_add(here, 3, 'B', 100, 1'000));
  apply(make_replace(here, 3, 4, 0, 1'001));  // The old order is gone in any case.
  EXPECT_EQ(books_.live_orders(), 0u);
  EXPECT_EQ(books_.counters().invalid_field, 3u);
  EXPECT_EQ(books_.bbo(here), Bbo{});
}

TEST_F(OrderBooksTest, UnknownAndMalformedMessagesAreCounted) {
  apply(make_event(EventKind::unknown, here));
  EXPECT_EQ(books_.quality(here), Quality::good);
  apply(make_event(EventKind::malformed, here));
  EXPECT_EQ(books_.quality(here), Quality::suspect);
  EXPECT_EQ(books_.counters().unknown_message, 1u);
  EXPECT_EQ(books_.counters().malformed_message, 1u);
}

TEST_F(OrderBooksTest, ACrossedBookIsFlaggedUntilItUncrosses) {
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_add(here, 2, 'S', 100, 999));
  EXPECT_EQ(books_.quality(here), Quality::crossed);
  EXPECT_EQ(told(Kind::bbo).back().quality, Quality::crossed);
  apply(make_add(here, 3, 'S', 100, 998));
  EXPECT_EQ(books_.counters().crossed, 1u);
  apply(make_reduction(EventKind::remove, here, 1, 0));
  EXPECT_EQ(books_.quality(here), Quality::good);
}

TEST_F(OrderBooksTest, AHaltedBookMayCross) {
  apply(make_trading_action(here, 'H'));
  apply(make_add(here, 1, 'B', 100, 1'000));
  apply(make_add(here, 2, 'S', 100, 999));
  EXPECT_EQ(books_.quality(here), Quality::good);
  apply(make_trading_action(here, 'Q'));
  EXPECT_EQ(books_.quality(here), Quality::good);
  apply(make_trading_action(here, 'T'));
  EXPECT_EQ(books_.quality(here), Quality::crossed);
  EXPECT_EQ(books_.counters().crossed, 1u);
}

TEST_F(OrderBooksTest, PricesAtTheEndsOfTheirRangeAreLevelsLikeOthers) {
  for (const char side : {'B', 'S'}) {
    for (const std::uint32_t ticks : {0u, 0xFFFF'FFFFu, 0x8000'0000u, 0x7FFF'FFFFu}) {
      apply(make_add(here, 2 * std::uint64_t{ticks} + (side == 'B'), side, 100, ticks));
      apply(make_add(here, (2 * std::uint64_t{ticks} + (side == 'B')) | 1ull << 50, side, 100, ticks));
    }
  }
  std::vector<LevelView> levels(8);
  ASSERT_EQ(books_.levels(here, Side::bid, levels), 4u);
  EXPECT_EQ(levels[0], (LevelView{Price{0xFFFF'FFFF}, 2, 200}));
  EXPECT_EQ(levels[3], (LevelView{Price{0}, 2, 200}));
  ASSERT_EQ(books_.levels(here, Side::ask, levels), 4u);
  EXPECT_EQ(levels[0], (LevelView{Price{0}, 2, 200}));
  EXPECT_EQ(levels[3], (LevelView{Price{0xFFFF'FFFF}, 2, 200}));
}

TEST_F(OrderBooksTest, QueuePositionsCountWhatIsAhead) {
  for (std::uint64_t ref = 1; ref <= 11; ++ref)
    apply(make_add(here, ref, 'B', static_cast<Shares>(ref), 1'000));
  apply(make_reduction(EventKind::remove, here, 2, 0));
  apply(make_reduction(EventKind::remove, here, 6, 0));
  const auto position = books_.queue_position(here, OrderRef{10});
  ASSERT_TRUE(position.has_value());
  EXPECT_EQ(position->orders_ahead, 7u);
  EXPECT_EQ(position->shares_ahead, 1u + 3 + 4 + 5 + 7 + 8 + 9);
  EXPECT_EQ(position->orders, 9u);
  EXPECT_EQ(position->shares, 66u - 8);
  EXPECT_FALSE(books_.queue_position(here, OrderRef{2}).has_value());
}

TEST_F(OrderBooksTest, ResetForgetsAllButTheCounters) {
  apply(make_add(here, 1, 'B', 100, 1'000, "AAPL"));
  apply(make_reduction(EventKind::remove, here, 2, 0));
  books_.mark(here, Quality::gapped);
  books_.reset();
  EXPECT_EQ(books_.live_orders(), 0u);
  EXPECT_EQ(books_.bbo(here), Bbo{});
  EXPECT_EQ(books_.quality(here), Quality::good);
  EXPECT_THAT(books_.locates(), ::testing::IsEmpty());
  EXPECT_EQ(books_.counters().unknown_order, 1u);
  apply(make_add(here, 1, 'B', 100, 1'000));
  EXPECT_EQ(books_.live_orders(), 1u);
}

TEST(OrderBooks, RefusesOrdersBeyondItsCapacity) {
  OrderBooks books({.expected_orders = 2'048, .max_blocks = 64});
  BookRecorder calls;
  for (std::uint64_t ref = 1; ref <= 80; ++ref) {
    const Event event = make_add(here, ref, 'B', 10, static_cast<std::uint32_t>(1'000 + ref));
    books.apply(std::span(&event, 1), calls);
  }
  EXPECT_EQ(books.live_orders() + books.counters().over_capacity, 80u);
  EXPECT_EQ(books.live_orders(), 63u);  // Block 0, which stands for none, is not used.
  EXPECT_EQ(books.quality(here), Quality::suspect);
  EXPECT_EQ(books.find_inconsistency(), "");
  const Event freed[] = {make_reduction(EventKind::remove, here, 3, 0), make_add(here, 81, 'B', 10, 2'000)};
  books.apply(freed, calls);
  EXPECT_EQ(books.live_orders(), 63u);
  EXPECT_EQ(books.bbo(here).bid, Price{2'000});
}

TEST(OrderBooks, KeepsTheStateThatStatusEventsGive) {
  OrderBooks books(small_config);
  NullBookHandler quiet;
  Event directory = make_directory(here, "AAPL");
  directory.status.flags[2] = '1';
  Event halt = make_trading_action(here, 'H', "AAPL");
  halt.status.reason = Code4("T1");
  Event collar = make_event(EventKind::price_collar, here);
  collar.status = {};
  collar.status.price1 = Price{10};
  collar.status.price2 = Price{12};
  collar.status.price3 = Price{8};
  const Event all[] = {directory,
                       halt,
                       make_event(EventKind::short_sale, here, '1'),
                       collar,
                       make_event(EventKind::operational_halt, here, 'H'),
                       make_event(EventKind::retail_interest, here, 'A')};
  books.apply(all, quiet);
  const SymbolState& state = books.state(here);
  EXPECT_EQ(books.symbol(here).view(), "AAPL");
  EXPECT_EQ(state.luld_tier, '1');
  EXPECT_EQ(state.trading, TradingState::halted);
  EXPECT_EQ(state.halt_reason.view(), "T1");
  EXPECT_EQ(state.short_sale, '1');
  EXPECT_EQ(state.collar_upper, Price{12});
  EXPECT_EQ(state.collar_lower, Price{8});
  EXPECT_EQ(state.operational_halt, 'H');
  EXPECT_EQ(state.retail_interest, 'A');
}

}  // namespace
}  // namespace tapeline::book
