// Conformance vectors: each metric on numbers small enough to be worked out by hand, and what must hold of it
// for any numbers.

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "analytics/activity.h"
#include "analytics/amihud.h"
#include "analytics/auction.h"
#include "analytics/best_levels.h"
#include "analytics/book_slope.h"
#include "analytics/costs.h"
#include "analytics/effective_spread.h"
#include "analytics/flow.h"
#include "analytics/kyle_lambda.h"
#include "analytics/liquidity.h"
#include "analytics/luld.h"
#include "analytics/natural_log.h"
#include "analytics/order_flow_imbalance.h"
#include "analytics/queue_imbalance.h"
#include "analytics/realised_variance.h"
#include "analytics/returns.h"
#include "analytics/sweep_cost.h"
#include "analytics/trade_bars.h"
#include "analytics/vpin.h"
#include "analytics/weighted_mid.h"
#include "book/event_makers.h"
#include "book/order_books.h"
#include "book/random_flow.h"

namespace tapeline::analytics {
namespace {

constexpr Locate locate{1};
constexpr Side bid = Side::bid;
constexpr Side ask = Side::ask;

TEST(OrderFlowImbalance, IsTheContributionOfContKukanovAndStoikov) {
  const auto at = [](Side side, std::uint32_t ticks, std::uint64_t shares) {
    return RankedLevel{rank_of(side, Price{ticks}), shares};
  };
  const RankedLevel none{0, 0};
  // The price stands: the change of the size.
  EXPECT_EQ(order_flow_of(bid, at(bid, 100, 300), at(bid, 100, 500)), 200);
  EXPECT_EQ(order_flow_of(ask, at(ask, 101, 300), at(ask, 101, 500)), -200);
  // It gets better: the new size alone. It gets worse: the old size alone.
  EXPECT_EQ(order_flow_of(bid, at(bid, 100, 300), at(bid, 101, 70)), 70);
  EXPECT_EQ(order_flow_of(bid, at(bid, 100, 300), at(bid, 99, 70)), -300);
  EXPECT_EQ(order_flow_of(ask, at(ask, 101, 300), at(ask, 100, 70)), -70);
  EXPECT_EQ(order_flow_of(ask, at(ask, 101, 300), at(ask, 102, 70)), 300);
  // It comes and it goes.
  EXPECT_EQ(order_flow_of(bid, none, at(bid, 100, 40)), 40);
  EXPECT_EQ(order_flow_of(bid, at(bid, 100, 40), none), -40);
  EXPECT_EQ(order_flow_of(ask, none, at(ask, 100, 40)), -40);
  EXPECT_EQ(order_flow_of(ask, at(ask, 100, 40), none), 40);
}

TEST(QueueImbalance, IsTheRatioOfSizes) {
  EXPECT_EQ(queue_imbalance(300, 100), 0.5);
  EXPECT_EQ(queue_imbalance(100, 300), -0.5);
  EXPECT_EQ(queue_imbalance(700, 700), 0);
  EXPECT_EQ(queue_imbalance(5, 0), 1);
}

TEST(WeightedMid, LeansToTheSideOfTheSmallerQueue) {
  // (10.00 * 100 + 10.04 * 300) / 400
  EXPECT_DOUBLE_EQ(weighted_mid(Price{100'000}, 300, Price{100'400}, 100), 10.03);
  EXPECT_DOUBLE_EQ(weighted_mid(Price{100'000}, 100, Price{100'400}, 100), 10.02);
}

TEST(EffectiveSpread, IsRealisedSpreadAndImpactTogether) {
  // Bought at 10.02 with the mid at 10.01, which then was 10.015.
  const TradeCosts bought = trade_costs(true, Price{100'200}, 200'200, 200'300);
  EXPECT_EQ(bought.effective, 200);
  EXPECT_EQ(bought.realised, 100);
  EXPECT_EQ(bought.impact, 100);
  // The same seen in a mirror at 10.01.
  const TradeCosts sold = trade_costs(false, Price{100'000}, 200'200, 200'100);
  EXPECT_EQ(sold.effective, bought.effective);
  EXPECT_EQ(sold.realised, bought.realised);
  EXPECT_EQ(sold.impact, bought.impact);
}

TEST(NaturalLog, IsTheLibrarysWithinTheLastDigits) {
  EXPECT_EQ(natural_log(1), 0);
  EXPECT_EQ(log_ratio(8, 1), natural_log(8));
  EXPECT_EQ(log_ratio(200'001, 200'000), std::log1p(0.000005));
  std::mt19937_64 random(3);
  for (int i = 0; i < 200'000; ++i) {
    const auto count = static_cast<double>(1 + (random() >> (12 + random() % 52)));
    ASSERT_NEAR(natural_log_of_count(count), std::log(count), 5e-16 * std::log(count)) << count;
    const double spread = i % 2 == 0 ? 700 : 1e-3;  // Of all sizes, and around 1.
    const double x = std::exp((static_cast<double>(random() >> 11) / 0x1p53 - 0.5) * spread);
    const double expected = std::log(x);
    ASSERT_NEAR(natural_log(x), expected, 5e-16 * std::max(std::abs(expected), 1e-9)) << x;
  }
}

TEST(RealisedVariance, AddsSquaresAndNeighbours) {
  RealisedVariance variance{};
  for (const double r : {0.01, -0.02, 0.03}) variance.add(r);
  EXPECT_NEAR(variance.realised_variance(), 0.0014, 1e-17);
  EXPECT_NEAR(variance.bipower_variation(), 1.5707963267948966 * 0.0008, 1e-17);
  // A quiet step parts neighbours.
  variance.add_quiet();
  variance.add(0.5);
  EXPECT_NEAR(variance.bipower_variation(), 1.5707963267948966 * 0.0008, 1e-17);
}

TEST(KyleLambda, IsTheSlopeOfTheRegression) {
  // dm = 0.0002 dollars a share exactly: twice the mid moves by 4 units a share.
  KyleRegression exact{};
  for (const std::int64_t q : {100, -50, 0, 30}) exact.add(4 * q, q);
  EXPECT_DOUBLE_EQ(exact.lambda(), 0.0002);
  EXPECT_DOUBLE_EQ(exact.r_squared(), 1);
  // Moves 2, -1, 0 against flows 1, -1, 0: lambda = (3 * 3 - 0) / (3 * 2 - 0) = 1.5 of half a unit.
  KyleRegression rough{};
  rough.add(2, 1);
  rough.add(-1, -1);
  rough.add_quiet(1);
  EXPECT_DOUBLE_EQ(rough.lambda(), 1.5 / 20'000);
  EXPECT_DOUBLE_EQ(rough.r_squared(), 9.0 * 9 / (6 * (3 * 5 - 1)));
  KyleRegression still{};
  still.add(5, 7);
  EXPECT_TRUE(std::isnan(still.lambda()));
}

TEST(KyleLambda, SurvivesSizesThatNoMarketHas) {
  KyleRegression huge{};
  for (int i = 0; i < 1'000; ++i) huge.add(INT32_MAX, i % 2 == 0 ? INT64_MAX : INT64_MIN);
  EXPECT_TRUE(std::isfinite(huge.lambda()));
}

TEST(Amihud, IsTheMeanReturnForAMillionDollars) {
  AmihudIlliquidity illiquidity{};
  illiquidity.add(0.01, static_cast<Uint128>(500'000) * Price::per_dollar);   // 2 % a million
  illiquidity.add(-0.01, static_cast<Uint128>(250'000) * Price::per_dollar);  // 4 % a million
  EXPECT_DOUBLE_EQ(illiquidity.value(), 0.03);
}

TEST(BookSlope, IsThatOfNaesAndSkjeltorp) {
  // One level of e^2 shares, about, one per cent from the mid; then as many again another 0.99 % away.
  const std::vector<book::LevelView> one{{Price{10'100}, 1, 7}};
  EXPECT_NEAR(side_slope(20'000, one), std::log(7.0) / 0.01, 1e-9);
  const std::vector<book::LevelView> two{{Price{10'100}, 1, 7}, {Price{10'200}, 1, 42}};
  const double second = (std::log(49.0) / std::log(7.0) - 1) / (10'200.0 / 10'100 - 1);
  EXPECT_NEAR(side_slope(20'000, two), (std::log(7.0) / 0.01 + second) / 2, 1e-9);
  EXPECT_TRUE(std::isnan(side_slope(20'000, {})));
}

TEST(SweepCost, FillsLevelByLevel) {
  const std::vector<book::LevelView> asks{{Price{100'200}, 1, 100}, {Price{100'400}, 1, 300}};
  // 100 at 10.02 and 100 at 10.04 over a mid of 10.01.
  const SweepCost cost = sweep_cost(200, asks, 200'200);
  EXPECT_DOUBLE_EQ(cost.price, 10.03);
  EXPECT_NEAR(cost.cost_bps, 0.02 / 10.01 * 10'000, 1e-9);
  EXPECT_DOUBLE_EQ(sweep_cost(400, asks, 200'200).price, 10.035);
  EXPECT_TRUE(std::isnan(sweep_cost(401, asks, 200'200).price));
}

TEST(LuldBands, FollowThePlan) {
  constexpr std::uint64_t minute = 60 * nanoseconds_per_second;
  const EventTime noon{720 * minute};
  const EventTime late{940 * minute};
  const auto is = [](LuldBands bands, std::uint32_t lower, std::uint32_t upper) {
    return bands.lower.ticks == lower && bands.upper.ticks == upper;
  };
  EXPECT_TRUE(is(luld_bands(Price{1'000'000}, '1', noon), 950'000, 1'050'000));
  EXPECT_TRUE(is(luld_bands(Price{1'000'000}, '1', late), 900'000, 1'100'000));
  EXPECT_TRUE(is(luld_bands(Price{1'000'000}, '2', late), 900'000, 1'100'000));
  EXPECT_TRUE(is(luld_bands(Price{30'000}, '2', noon), 24'000, 36'000));
  EXPECT_TRUE(is(luld_bands(Price{30'000}, '2', late), 18'000, 42'000));
  EXPECT_TRUE(is(luld_bands(Price{5'000}, '1', noon), 3'500, 6'500));  // 0.15 dollars.
  EXPECT_TRUE(is(luld_bands(Price{1'000}, '1', noon), 300, 1'800));    // 75 %, to the cent.
  EXPECT_TRUE(is(luld_bands(Price{1'000'000}, '1', EventTime{560 * minute}), 0, 0));
  EXPECT_TRUE(is(luld_bands(Price{1'000'000}, 'N', noon), 0, 0));
}

// The operators on a book of events.

template <class Row>
struct Rows {
  std::vector<Row> rows;
  void emit(const Row& row) { rows.push_back(row); }
};

// Drives an operator by the events of a book, as the pipeline does. `tell` gets (what, context, …).
template <class Op, class Row>
class Driver : public book::NullBookHandler {
 public:
  explicit Driver(Op op) : op_(std::move(op)) {}

  void apply(const Event& original, std::uint64_t time_ns, std::uint64_t sequence) {
    Event event = original;
    event.time = EventTime{time_ns};
    event.sequence = Sequence{sequence};
    books_.apply(std::span(&event, 1), *this);
  }
  std::vector<Row>& rows() { return out_.rows; }
  void close(std::uint64_t watermark_ns) { advance(EventTime{watermark_ns}); }
  book::OrderBooks& books() { return books_; }

  void on_event_begin(const Event& event) { advance(event.time); }
  void on_order(const Event& event, const book::OrderChange& change) {
    if constexpr (std::is_same_v<Op, Flow>)
      op_.process(context(event), change, best_.take(locate, change, event.kind == EventKind::replace),
                  books_);
    if constexpr (requires { op_.process(context(event), event.kind, change, books_); })
      op_.process(context(event), event.kind, change, books_);
    if constexpr (requires { op_.process(context(event)); }) op_.process(context(event));
  }
  void on_bbo(const Event& event, const book::Bbo& before, const book::Bbo& after, Quality quality) {
    stream::Context now = context(event);
    now.quality = quality;
    if constexpr (std::is_same_v<Op, Flow>) op_.process(now, before, after);
    if constexpr (requires { op_.process(now, before, after, books_, out_); })
      op_.process(now, before, after, books_, out_);
    if constexpr (std::is_same_v<Op, Returns>) op_.process(now, after, books_);
  }
  void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo& prevailing, Quality) {
    if constexpr (requires { op_.process(context(event), trade, books_); })
      op_.process(context(event), trade, books_);
    if constexpr (requires { op_.process(context(event), trade, books_, out_); })
      op_.process(context(event), trade, books_, out_);
    if constexpr (requires { op_.process(context(event), trade, prevailing, books_, out_); })
      op_.process(context(event), trade, prevailing, books_, out_);
  }
  void on_event_end(const Event& event) {
    if constexpr (std::is_same_v<Op, Flow>) {
      best_.refill(locate, books_);
      op_.on_event_end(context(event), best_, books_);
      best_.end_message();
    }
  }

 private:
  static stream::Context context(const Event& event) {
    return {event.locate, event.sequence, event.time, event.captured, Quality::good};
  }
  void advance(EventTime watermark) {
    if constexpr (requires { op_.on_timer(watermark, books_, out_); }) op_.on_timer(watermark, books_, out_);
  }

  Op op_;
  book::OrderBooks books_;
  BestLevels best_{5};
  Rows<Row> out_;
};

TEST(Flow, SumsAWindowOfEvents) {
  Driver<Flow, FlowRow> flow{Flow(1'000)};
  flow.apply(book::make_add(locate, 1, 'B', 300, 99'000), 1'000, 1);              // ofi +300 at level 1
  flow.apply(book::make_add(locate, 2, 'S', 100, 101'000), 1'200, 2);             // -100
  flow.apply(book::make_add(locate, 3, 'B', 50, 98'000), 1'400, 3);               // +50 at level 2
  flow.apply(book::make_add(locate, 4, 'B', 20, 100'000), 1'600, 4);              // 1: +20, 2: +300, 3: +50
  flow.apply(book::make_reduction(EventKind::execute, locate, 2, 40), 1'800, 5);  // +40, a buyer of 40
  flow.close(2'000);
  ASSERT_EQ(flow.rows().size(), 1u);
  const FlowRow& row = flow.rows()[0];
  EXPECT_EQ(row.ofi[0], 300 - 100 + 20 + 40);
  EXPECT_EQ(row.ofi[1], 50 + 300);
  EXPECT_EQ(row.ofi[2], 50);
  EXPECT_EQ(row.ofi[3], 0);
  EXPECT_EQ(row.events, 5u);
  EXPECT_EQ(row.buy_volume, 40u);
  EXPECT_EQ(row.trade_imbalance, 40);
  EXPECT_EQ(row.two_sided_ns, 800u);
  // 300 against 100 for 400 ns, 20 against 100 for 200, 20 against 60 for 200.
  EXPECT_DOUBLE_EQ(row.queue_imbalance, (0.5 * 400 - 80.0 / 120 * 200 - 0.5 * 200) / 800);
  EXPECT_DOUBLE_EQ(row.last_queue_imbalance, -0.5);
  EXPECT_DOUBLE_EQ(row.weighted_mid, (10.0 * 60 + 10.1 * 20) / 80);
}

TEST(Flow, CountsWhatAReplacementChangesInAll) {
  Driver<Flow, FlowRow> flow{Flow(1'000)};
  flow.apply(book::make_add(locate, 1, 'B', 300, 99'000), 1'000, 1);
  flow.apply(book::make_add(locate, 2, 'B', 200, 98'000), 1'100, 2);
  flow.apply(book::make_replace(locate, 1, 3, 300, 99'000), 2'100, 3);  // The same again: nothing.
  flow.apply(book::make_replace(locate, 3, 4, 120, 97'000), 3'100, 4);  // Best 200 at 98,000 now.
  flow.close(4'000);
  ASSERT_EQ(flow.rows().size(), 2u);
  EXPECT_EQ(flow.rows()[1].ofi[0], -300);
  EXPECT_EQ(flow.rows()[1].ofi[1], -200);
  EXPECT_EQ(flow.rows()[1].events, 1u);
}

// The flow of a random book, of the same with bids and asks exchanged, and level by level from the books
// alone.
TEST(Flow, IsThatOfTheBookAndChangesItsSignWithTheSides) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    book::RandomFlow random(
        {.name = "mixed", .locates = 1, .live_orders = 60, .bad_percent = 3, .may_cross = true}, seed);
    Driver<Flow, FlowRow> flow{Flow(50'000)};
    Driver<Flow, FlowRow> mirrored{Flow(50'000)};
    std::array<std::int64_t, FlowRow::levels> sums{};
    std::array<std::array<book::LevelView, FlowRow::levels>, 2> before{};
    for (std::uint64_t sequence = 1; sequence <= 4'000; ++sequence) {
      Event event = random.next();
      flow.apply(event, raw(event.time), sequence);
      for (const Side side : {bid, ask}) {
        std::array<book::LevelView, FlowRow::levels> now{};
        flow.books().levels(locate, side, now);
        for (std::size_t m = 0; m < FlowRow::levels; ++m) {
          const auto ranked = [side](const book::LevelView& level) {
            return RankedLevel{level.shares != 0 ? rank_of(side, level.price) : 0, level.shares};
          };
          sums[m] += order_flow_of(side, ranked(before[raw(side)][m]), ranked(now[m]));
        }
        before[raw(side)] = now;
      }
      if (event.kind == EventKind::add || event.kind == EventKind::trade)
        event.code = event.code == 'B' ? 'S' : event.code == 'S' ? 'B' : event.code;
      if (event.kind <= last_order_kind) event.order.price.ticks = ~event.order.price.ticks;
      mirrored.apply(event, raw(event.time), sequence);
    }
    flow.close(raw(stream::end_of_time));
    mirrored.close(raw(stream::end_of_time));
    ASSERT_EQ(flow.rows().size(), mirrored.rows().size());
    ASSERT_GT(flow.rows().size(), 50u);
    for (std::size_t i = 0; i < flow.rows().size(); ++i) {
      const FlowRow& row = flow.rows()[i];
      const FlowRow& other = mirrored.rows()[i];
      for (std::size_t m = 0; m < FlowRow::levels; ++m) {
        EXPECT_EQ(row.ofi[m], -other.ofi[m]);
        sums[m] -= row.ofi[m];
      }
      EXPECT_EQ(row.trade_imbalance, -other.trade_imbalance);
      EXPECT_EQ(row.two_sided_ns, other.two_sided_ns);
      if (row.two_sided_ns != 0) {
        EXPECT_EQ(row.queue_imbalance, -other.queue_imbalance);
      }
      EXPECT_EQ(row.events, other.events);
    }
    EXPECT_EQ(sums, (std::array<std::int64_t, FlowRow::levels>{}));
  }
}

TEST(Costs, LookAtTheMidOneHorizonLater) {
  Driver<Costs, CostRow> costs{Costs(2'000'000)};
  costs.apply(book::make_add(locate, 1, 'B', 300, 99'000), 1'000'000, 1);
  costs.apply(book::make_add(locate, 2, 'S', 100, 101'000), 1'000'000, 2);
  costs.apply(book::make_add(locate, 3, 'S', 100, 102'000), 1'000'000, 3);
  // One buyer takes both levels; both are held against the mid of 10.00.
  costs.apply(book::make_reduction(EventKind::execute, locate, 2, 100), 5'000'000, 4);
  costs.apply(book::make_reduction(EventKind::execute, locate, 3, 60), 5'000'000, 5);
  // At 7.0 ms, just in time, the bid rises; a later change is too late.
  costs.apply(book::make_add(locate, 4, 'B', 10, 100'000), 7'000'000, 6);
  costs.apply(book::make_add(locate, 5, 'B', 10, 101'000), 7'000'001, 7);
  ASSERT_EQ(costs.rows().size(), 2u);
  const CostRow& first = costs.rows()[0];
  EXPECT_EQ(first.aggressor, 'B');
  EXPECT_DOUBLE_EQ(first.mid, 10.0);
  EXPECT_DOUBLE_EQ(first.later_mid, 10.1);
  EXPECT_DOUBLE_EQ(first.quoted_spread, 0.2);
  EXPECT_DOUBLE_EQ(first.effective_spread, 0.2);
  EXPECT_DOUBLE_EQ(first.realised_spread, 0.0);
  EXPECT_DOUBLE_EQ(first.price_impact, 0.2);
  EXPECT_DOUBLE_EQ(first.effective_bps, 200);
  EXPECT_DOUBLE_EQ(costs.rows()[1].mid, 10.0);
  EXPECT_DOUBLE_EQ(costs.rows()[1].effective_spread, 0.4);
}

TEST(Costs, KeepNoMoreThanTheyMay) {
  Driver<Costs, CostRow> costs{Costs(1'000'000'000)};
  costs.apply(book::make_add(locate, 1, 'B', 10'000, 99'000), 1'000'000, 1);
  costs.apply(book::make_add(locate, 2, 'S', 10'000, 101'000), 1'000'000, 2);
  for (std::uint64_t i = 0; i <= Costs::max_waiting; ++i)
    costs.apply(book::make_reduction(EventKind::execute, locate, 1 + i % 2, 1), 2'000'000 + i, 3 + i);
  // The first had to go, and says that it does not know what came.
  ASSERT_EQ(costs.rows().size(), 1u);
  EXPECT_EQ(costs.rows()[0].sequence, 3u);
  EXPECT_DOUBLE_EQ(costs.rows()[0].effective_spread, 0.2);
  EXPECT_TRUE(std::isnan(costs.rows()[0].realised_spread) && std::isnan(costs.rows()[0].later_mid));
  costs.close(raw(stream::end_of_time));
  EXPECT_EQ(costs.rows().size(), Costs::max_waiting + 1u);
  for (std::size_t i = 0; i < costs.rows().size(); ++i) EXPECT_EQ(costs.rows()[i].sequence, 3 + i);
}

TEST(Activity, TellsWhatBecameOfOrders) {
  Driver<Activity, ActivityRow> activity{Activity(1'000)};
  activity.apply(book::make_add(locate, 1, 'B', 100, 99'000), 100, 1);
  activity.apply(book::make_add(locate, 2, 'B', 100, 99'000), 200, 2);
  activity.apply(book::make_add(locate, 3, 'S', 50, 101'000), 300, 3);
  activity.apply(book::make_reduction(EventKind::cancel, locate, 1, 30), 400, 4);
  activity.apply(book::make_reduction(EventKind::execute, locate, 1, 70), 500, 5);  // Filled after 400 ns.
  activity.apply(book::make_reduction(EventKind::execute, locate, 2, 10), 600, 6);
  activity.apply(book::make_reduction(EventKind::remove, locate, 2, 0), 700, 7);  // Withdrawn after 500 ns.
  activity.apply(book::make_replace(locate, 3, 4, 60, 101'000), 800, 8);
  activity.close(1'000);
  ASSERT_EQ(activity.rows().size(), 1u);
  const ActivityRow& row = activity.rows()[0];
  EXPECT_EQ(row.added, 4u);
  EXPECT_EQ(row.cancelled, 1u);
  EXPECT_EQ(row.reduced, 1u);
  EXPECT_EQ(row.replaced, 1u);
  EXPECT_EQ(row.executions, 2u);
  EXPECT_EQ(row.filled, 1u);
  EXPECT_EQ(row.added_shares, 310u);
  EXPECT_EQ(row.executed_shares, 80u);
  EXPECT_EQ(row.cancelled_shares, 30u + 90 + 50);
  EXPECT_DOUBLE_EQ(row.cancel_to_trade, 1);
  EXPECT_DOUBLE_EQ(row.fill_probability, 1.0 / 3);
  EXPECT_DOUBLE_EQ(row.fill_share, 80.0 / 250);
  EXPECT_DOUBLE_EQ(row.cancelled_lifetime, 500);
  EXPECT_DOUBLE_EQ(row.filled_lifetime, 400);
}

TEST(Returns, SampleTheMidAtTheStepsEnds) {
  Driver<Returns, ReturnsRow> returns{Returns(400, 100)};
  returns.apply(book::make_add(locate, 1, 'B', 300, 99'000), 410, 1);
  returns.apply(book::make_add(locate, 2, 'S', 300, 101'000), 420, 2);  // Mid 10.00.
  returns.apply(book::make_add(locate, 3, 'B', 50, 100'000), 550, 3);   // 10.05 from the second step on.
  returns.apply(book::make_reduction(EventKind::execute, locate, 3, 50), 640, 4);  // Back, a seller of 50.
  returns.close(800);
  ASSERT_EQ(returns.rows().size(), 1u);
  const ReturnsRow& row = returns.rows()[0];
  const double r = std::log(10.05 / 10.00);
  EXPECT_EQ(row.steps, 3u);  // The first step has no mid at its start.
  EXPECT_EQ(row.traded_steps, 1u);
  EXPECT_NEAR(row.realised_variance, 2 * r * r, 1e-17);
  EXPECT_NEAR(row.bipower_variation, r * r * 1.5707963267948966, 1e-17);
  EXPECT_NEAR(row.realised_volatility, std::sqrt(2) * r, 1e-15);
  // Moves of twice the mid 1000, -1000, 0 against flows 0, -50, 0.
  EXPECT_DOUBLE_EQ(row.kyle_lambda, (3.0 * 50'000 - 0) / (3 * 2'500 - 2'500) / 20'000);
  EXPECT_NEAR(row.amihud, r / (10.0 * 50) * 1e6, 1e-9);
  EXPECT_DOUBLE_EQ(row.mid, 10.0);
}

TEST(Vpin, SplitsTradesAtTheEndOfABucket) {
  Driver<Vpin, VpinRow> vpin{Vpin(100, 2)};
  vpin.apply(book::make_add(locate, 1, 'B', 10'000, 99'000), 1, 1);
  vpin.apply(book::make_add(locate, 2, 'S', 10'000, 101'000), 2, 2);
  vpin.apply(book::make_reduction(EventKind::execute, locate, 2, 80), 3, 3);   // 80 bought.
  vpin.apply(book::make_reduction(EventKind::execute, locate, 1, 60), 4, 4);   // 20 sold, then 40 sold.
  vpin.apply(book::make_reduction(EventKind::execute, locate, 2, 260), 5, 5);  // 60, then 100, 100 bought.
  ASSERT_EQ(vpin.rows().size(), 2u);
  EXPECT_EQ(vpin.rows()[0].bucket, 1u);
  EXPECT_EQ(vpin.rows()[0].imbalance, 60u);
  EXPECT_TRUE(std::isnan(vpin.rows()[0].vpin));
  EXPECT_EQ(vpin.rows()[1].bucket, 4u);
  EXPECT_EQ(vpin.rows()[1].completed, 3u);
  EXPECT_DOUBLE_EQ(vpin.rows()[1].vpin, 1);
}

TEST(Vpin, ATradeOfManyBucketsTakesNoLonger) {
  Driver<Vpin, VpinRow> vpin{Vpin(1, 50)};
  vpin.apply(book::make_add(locate, 1, 'B', UINT32_MAX, 99'000), 1, 1);
  vpin.apply(book::make_reduction(EventKind::execute, locate, 1, UINT32_MAX), 2, 2);
  ASSERT_EQ(vpin.rows().size(), 1u);
  EXPECT_EQ(vpin.rows()[0].bucket, UINT32_MAX);
  EXPECT_EQ(vpin.rows()[0].completed, UINT32_MAX);
  EXPECT_DOUBLE_EQ(vpin.rows()[0].vpin, 1);
}

template <BarClock clock>
std::vector<TradeBarRow> bars_of(std::uint64_t threshold) {
  Driver<TradeBars<clock>, TradeBarRow> bars{TradeBars<clock>(threshold)};
  bars.apply(book::make_add(locate, 1, 'B', 10'000, 99'000), 1, 1);
  bars.apply(book::make_add(locate, 2, 'S', 10'000, 101'000), 2, 2);
  bars.apply(book::make_reduction(EventKind::execute, locate, 2, 30), 1'000, 3);   // 10.10, bought
  bars.apply(book::make_reduction(EventKind::execute, locate, 1, 20), 1'400, 4);   // 9.90, sold
  bars.apply(book::make_hidden_trade(locate, 'B', 50, 100'000, 7), 2'000, 5);      // 10.00
  bars.apply(book::make_reduction(EventKind::execute, locate, 2, 100), 3'000, 6);  // 10.10, bought
  return bars.rows();
}

TEST(TradeBars, CloseByTheirClock) {
  const auto ticks = bars_of<BarClock::tick>(3);
  ASSERT_EQ(ticks.size(), 1u);
  EXPECT_EQ(ticks[0].volume, 100u);
  EXPECT_EQ(ticks[0].buy_volume, 30u);
  EXPECT_EQ(ticks[0].sell_volume, 20u);
  EXPECT_EQ(ticks[0].high.ticks, 101'000u);
  EXPECT_EQ(ticks[0].low.ticks, 99'000u);
  EXPECT_DOUBLE_EQ(ticks[0].vwap, (10.1 * 30 + 9.9 * 20 + 10.0 * 50) / 100);
  EXPECT_DOUBLE_EQ(ticks[0].twap, (10.1 * 400 + 9.9 * 600) / 1'000);
  EXPECT_EQ(raw(ticks[0].opened), 1'000u);
  EXPECT_EQ(raw(ticks[0].time), 2'000u);
  EXPECT_EQ(bars_of<BarClock::volume>(50).size(), 3u);
  EXPECT_EQ(bars_of<BarClock::volume>(51).size(), 2u);
  EXPECT_EQ(bars_of<BarClock::dollar>(501).size(), 2u);  // 303 + 198 is just enough.
  EXPECT_EQ(bars_of<BarClock::dollar>(502).size(), 2u);
  EXPECT_EQ(bars_of<BarClock::imbalance>(30).size(), 2u);
  EXPECT_EQ(bars_of<BarClock::imbalance>(31).size(), 1u);
  EXPECT_EQ(bars_of<BarClock::tick>(0).size(), 0u);
}

// Holds the best levels to those of the books after each message.
struct CompareLevels : book::NullBookHandler {
  CompareLevels(const book::OrderBooks& all, std::size_t least) : books(all), best(least) {}

  void on_order(const Event& event, const book::OrderChange& change) {
    best.take(event.locate, change, event.kind == EventKind::replace);
  }
  void on_event_end(const Event& event) {
    best.refill(event.locate, books);
    best.end_message();
    const BookView view(books, best, true);
    for (const Side side : {bid, ask}) {
      std::array<book::LevelView, RankedSide::capacity> expected{};
      std::array<book::LevelView, RankedSide::capacity> seen{};
      const std::size_t count = books.levels(event.locate, side, expected);
      ASSERT_EQ(view.levels(event.locate, side, seen), count);
      ASSERT_EQ(seen, expected);
      const RankedSide& ranked = best.now(event.locate, side);
      EXPECT_GE(ranked.count, std::min(count, least_kept));
      EXPECT_TRUE(ranked.more || ranked.count == books.level_count(event.locate, side));
      from_best += count == 0 || ranked.count >= count;
    }
  }

  const book::OrderBooks& books;
  BestLevels best;
  std::size_t least_kept = 5;
  std::size_t from_best = 0;
};

TEST(BestLevels, AreThoseOfTheBooks) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    book::OrderBooks books;
    const std::size_t least = seed % 3 == 0 ? 15 : seed % 3 == 1 ? 5 : 10;
    CompareLevels compare(books, least);
    compare.least_kept = least;
    book::RandomFlow random({.name = "mixed",
                             .locates = 3,
                             .live_orders = seed % 2 == 0 ? std::size_t{40} : 400,
                             .bad_percent = 3,
                             .status_permille = 2,
                             .may_cross = true},
                            seed);
    for (int i = 0; i < 20'000; ++i) {
      const Event event = random.next();
      books.apply(std::span(&event, 1), compare);
      if (testing::Test::HasFatalFailure()) return;
    }
    EXPECT_GT(compare.from_best, 3'000u);
  }
}

}  // namespace
}  // namespace tapeline::analytics
