// What must hold of the metrics for any flow of events, told by the job graph as a whole.

#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "book/random_flow.h"
#include "pipeline/market_analytics.h"

namespace tapeline::pipeline {
namespace {

template <class Row>
using RowList = std::vector<Row>;

class AllRows {
 public:
  template <class Row>
  void emit(const Row& row) {
    std::get<RowList<Row>>(rows_).push_back(row);
  }
  template <class Row>
  [[nodiscard]] const RowList<Row>& of() const {
    return std::get<RowList<Row>>(rows_);
  }

 private:
  TupleOfRows<RowList> rows_;
};

std::shared_ptr<const analytics::MicropriceModel> some_model() {
  auto model = std::make_shared<analytics::MicropriceModel>();
  model->imbalance_buckets = 3;
  model->spreads = 50;
  model->tick = Price{100};
  for (std::uint32_t state = 0; state < model->state_count(); ++state) {
    const auto bucket = static_cast<double>(state % 3) - 1;
    model->adjustments.push_back(bucket * (1 + state / 3) / 8);
    model->observations.push_back(state);
  }
  return model;
}

AnalyticsConfig all_tables() {
  AnalyticsConfig config{
      .interval_ns = 130'000, .levels = 5, .metric_ns = 100'000, .returns_ns = 140'000, .step_ns = 20'000};
  config.microprice_model = some_model();
  config.burst_gap_ns = 20'000;
  config.queue_orders = 4;
  config.feature_ns = 100'000;
  config.feature_events = 7;
  const std::array<std::string, 1> all{"all"};
  EXPECT_TRUE(select_tables(all, config).has_value());
  return config;
}

std::vector<Event> flow_of(std::uint64_t seed, std::size_t count, std::uint32_t spread_levels = 12) {
  book::RandomFlow flow({.name = "property",
                         .locates = 3,
                         .live_orders = 150,
                         .middle_ticks = 1'000'000,
                         .spread_levels = spread_levels},
                        seed);
  std::vector<Event> events;
  for (std::size_t i = 0; i < count; ++i) events.push_back(flow.next());
  return events;
}

AllRows run(const std::vector<Event>& events, const AnalyticsConfig& config = all_tables()) {
  AllRows rows;
  book::OrderBooks books({.expected_orders = 1 << 10, .max_blocks = 1 << 14});
  MarketAnalytics<AllRows> analytics(config, books, rows);
  books.apply(events, analytics);
  analytics.finish();
  return rows;
}

using Key = std::pair<Locate, EventTime>;

TEST(MetricProperties, EveryPrintIsInOneBurst) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const AllRows rows = run(flow_of(seed, 6'000));
    std::map<Locate, std::array<std::uint64_t, 4>> trades;
    std::map<Locate, std::array<std::uint64_t, 4>> bursts;
    for (const analytics::TradeRow& row : rows.of<analytics::TradeRow>())
      if (row.kind != analytics::TradeRowKind::broken && row.printable == 'Y') {
        auto& sum = trades[row.locate];
        ++sum[0];
        sum[1] += row.size;
        if (row.aggressor != ' ') sum[row.aggressor == 'B' ? 2 : 3] += row.size;
      }
    std::map<Locate, std::uint64_t> ends;
    for (const analytics::BurstRow& row : rows.of<analytics::BurstRow>()) {
      auto& sum = bursts[row.locate];
      sum[0] += row.trades;
      sum[1] += row.volume;
      sum[2] += row.buy_volume;
      sum[3] += row.sell_volume;
      if (ends.contains(row.locate)) {
        EXPECT_GE(raw(row.start), ends[row.locate] + 20'000);
      }
      ends[row.locate] = raw(row.end);
    }
    EXPECT_EQ(trades, bursts) << seed;
    EXPECT_GT(rows.of<analytics::BurstRow>().size(), 50u);
  }
}

TEST(MetricProperties, FeaturesHaveTheFlowOfItsTable) {
  const AllRows rows = run(flow_of(2, 8'000));
  std::map<Key, analytics::FlowRow> flows;
  for (const analytics::FlowRow& row : rows.of<analytics::FlowRow>()) flows[{row.locate, row.end}] = row;
  std::map<Locate, std::array<std::int64_t, 5>> by_events;
  std::map<Locate, std::uint64_t> last;
  std::size_t compared = 0;
  for (const analytics::FeatureRow& row : rows.of<analytics::FeatureRow>()) {
    if (row.clock == analytics::FeatureClock::events) {
      EXPECT_EQ(row.events, 7u);
      last[row.locate] = row.sequence;
      for (std::size_t m = 0; m < 5; ++m) by_events[row.locate][m] += row.ofi[m];
      continue;
    }
    const auto flow = flows.find({row.locate, row.time});
    for (std::size_t m = 0; m < 5; ++m) EXPECT_EQ(row.ofi[m], flow == flows.end() ? 0 : flow->second.ofi[m]);
    if (flow == flows.end()) continue;
    ++compared;
    EXPECT_EQ(row.buy_volume, flow->second.buy_volume);
    EXPECT_EQ(row.sell_volume, flow->second.sell_volume);
    if (!std::isnan(row.queue_imbalance)) {
      EXPECT_EQ(row.queue_imbalance, flow->second.last_queue_imbalance);
    }
  }
  EXPECT_EQ(compared, flows.size());
  EXPECT_GT(compared, 100u);
  // Over all rows both clocks sum up the same messages, but for those behind the last row of events.
  std::vector<Event> events = flow_of(2, 8'000);
  std::erase_if(events, [&](const Event& event) { return raw(event.sequence) > last[event.locate]; });
  AnalyticsConfig config = all_tables();
  config.feature_ns = std::uint64_t{1} << 40;
  const AllRows cut = run(events, config);
  for (const analytics::FeatureRow& row : cut.of<analytics::FeatureRow>())
    if (row.clock == analytics::FeatureClock::time) {
      for (std::size_t m = 0; m < 5; ++m) EXPECT_EQ(row.ofi[m], by_events[row.locate][m]);
    }
}

// Bids and asks change places, prices are mirrored at the middle.
std::vector<Event> mirrored(std::vector<Event> events) {
  constexpr std::uint32_t twice_middle = 2'000'000;
  for (Event& event : events) {
    if (event.kind == EventKind::add || event.kind == EventKind::trade)
      event.code = event.code == 'B' ? 'S' : event.code == 'S' ? 'B' : event.code;
    if ((event.kind <= last_order_kind || event.kind == EventKind::trade) && event.order.price.ticks != 0)
      event.order.price.ticks = twice_middle - event.order.price.ticks;
  }
  return events;
}

void expect_opposite(double one, double other) {
  if (std::isnan(one)) {
    EXPECT_TRUE(std::isnan(other));
  } else {
    EXPECT_EQ(one, -other);
  }
}

TEST(MetricProperties, SwappingTheSidesChangesSigns) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<Event> events = flow_of(seed, 5'000);
    const AllRows rows = run(events);
    const AllRows others = run(mirrored(events));
    const auto& features = rows.of<analytics::FeatureRow>();
    const auto& mirror = others.of<analytics::FeatureRow>();
    ASSERT_EQ(features.size(), mirror.size());
    for (std::size_t i = 0; i < features.size(); ++i) {
      const analytics::FeatureRow& row = features[i];
      const analytics::FeatureRow& other = mirror[i];
      for (std::size_t m = 0; m < 5; ++m) EXPECT_EQ(row.ofi[m], -other.ofi[m]);
      expect_opposite(row.queue_imbalance, other.queue_imbalance);
      expect_opposite(row.depth_imbalance, other.depth_imbalance);
      EXPECT_EQ(row.buy_volume, other.sell_volume);
      for (std::size_t level = 0; level < 5; ++level) {
        EXPECT_EQ(row.bids[level].size, other.asks[level].size);
        expect_opposite(row.bids[level].distance, other.asks[level].distance);
      }
    }
    const auto& prices = rows.of<analytics::MicropriceRow>();
    const auto& mirror_prices = others.of<analytics::MicropriceRow>();
    ASSERT_EQ(prices.size(), mirror_prices.size());
    std::size_t known = 0;
    for (std::size_t i = 0; i < prices.size(); ++i) {
      expect_opposite(prices[i].adjustment, mirror_prices[i].adjustment);
      known += !std::isnan(prices[i].adjustment);
    }
    EXPECT_GT(known, 100u);
    const auto& bursts = rows.of<analytics::BurstRow>();
    const auto& mirror_bursts = others.of<analytics::BurstRow>();
    ASSERT_EQ(bursts.size(), mirror_bursts.size());
    for (std::size_t i = 0; i < bursts.size(); ++i) {
      expect_opposite(bursts[i].imbalance, mirror_bursts[i].imbalance);
      EXPECT_EQ(bursts[i].volume, mirror_bursts[i].volume);
    }
  }
}

TEST(MetricProperties, ScalingTheSizesScalesWhatIsInShares) {
  constexpr std::uint32_t scale = 8;
  std::vector<Event> events = flow_of(6, 5'000);
  const AllRows rows = run(events);
  for (Event& event : events)
    if (event.kind <= last_order_kind || event.kind == EventKind::trade) event.order.shares *= scale;
  const AllRows others = run(events);
  const auto& features = rows.of<analytics::FeatureRow>();
  const auto& scaled = others.of<analytics::FeatureRow>();
  ASSERT_EQ(features.size(), scaled.size());
  for (std::size_t i = 0; i < features.size(); ++i) {
    for (std::size_t m = 0; m < 5; ++m) EXPECT_EQ(features[i].ofi[m] * scale, scaled[i].ofi[m]);
    EXPECT_EQ(features[i].buy_volume * scale, scaled[i].buy_volume);
    EXPECT_EQ(std::memcmp(&features[i].queue_imbalance, &scaled[i].queue_imbalance, 2 * sizeof(double)), 0);
    EXPECT_EQ(features[i].events, scaled[i].events);
  }
  const auto& prices = rows.of<analytics::MicropriceRow>();
  const auto& scaled_prices = others.of<analytics::MicropriceRow>();
  ASSERT_EQ(prices.size(), scaled_prices.size());
  for (std::size_t i = 0; i < prices.size(); ++i)
    EXPECT_EQ(std::memcmp(&prices[i].microprice, &scaled_prices[i].microprice, sizeof(double)), 0);
}

// What a row of features says follows from nothing that comes after its time.
TEST(MetricProperties, FeaturesKnowNothingOfWhatComesLater) {
  const std::vector<Event> events = flow_of(9, 6'000);
  const AllRows whole = run(events);
  const auto& all = whole.of<analytics::FeatureRow>();
  for (std::size_t cut = 500; cut < events.size(); cut += 777) {
    const AllRows part =
        run(std::vector<Event>(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(cut)));
    const EventTime last = events[cut - 1].time;
    std::size_t same = 0;
    for (const analytics::FeatureRow& row : part.of<analytics::FeatureRow>()) {
      // Windows that the end of the feed has closed early are not over yet.
      if (row.time > last) break;
      ASSERT_LT(same, all.size());
      EXPECT_EQ(std::memcmp(&row, &all[same++], sizeof row), 0);
    }
    EXPECT_GT(same, cut / 20);
  }
}

// Looks the queues up in the books when the rows come.
class CompareQueues {
 public:
  explicit CompareQueues(const book::OrderBooks& books) : books_(books) {}
  template <class Row>
  void emit(const Row& row) {
    if constexpr (std::is_same_v<Row, analytics::QueuePositionRow>) {
      const auto position = books_.queue_position(row.locate, OrderRef{row.order});
      const auto order = books_.find_order(row.locate, OrderRef{row.order});
      ASSERT_TRUE(position && order);
      EXPECT_EQ(position->orders_ahead, row.orders_ahead);
      EXPECT_EQ(position->shares_ahead, row.shares_ahead);
      EXPECT_EQ(position->orders, row.level_orders);
      EXPECT_EQ(position->shares, row.level_shares);
      EXPECT_EQ(order->shares, row.shares);
      EXPECT_EQ(order->price, row.price);
      EXPECT_EQ(order->entered, row.entered);
      const book::Bbo bbo = books_.bbo(row.locate);
      EXPECT_EQ(row.price, row.side == 'B' ? bbo.bid : bbo.ask);
      EXPECT_LT(row.orders_ahead, 4u);
      ++rows;
      behind += row.orders_ahead != 0;
    }
  }
  std::size_t rows = 0;
  std::size_t behind = 0;

 private:
  const book::OrderBooks& books_;
};

TEST(MetricProperties, QueuePositionsAreThoseOfTheBooks) {
  book::OrderBooks books({.expected_orders = 1 << 10, .max_blocks = 1 << 14});
  CompareQueues rows(books);
  AnalyticsConfig config = all_tables();
  config.interval_ns = 9'000;
  MarketAnalytics<CompareQueues> analytics(config, books, rows);
  books.apply(flow_of(4, 8'000, 4), analytics);
  analytics.finish();
  EXPECT_GT(rows.rows, 500u);
  EXPECT_GT(rows.behind, 100u);
}

}  // namespace
}  // namespace tapeline::pipeline
