#include "pipeline/market_analytics.h"

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "book/random_flow.h"
#include "surveillance/testing/wary.h"
#include "table/describe.h"

namespace tapeline::pipeline {
namespace {

// Every row with its table, as bytes.
struct RowBytes {
  std::vector<std::string> rows;
  std::array<std::size_t, row_table_names.size()> counts{};
  template <class Row>
  void emit(const Row& row) {
    std::string bytes(sizeof(Row) + 1, static_cast<char>('a' + static_cast<int>(row_table<Row>())));
    ++counts[static_cast<std::size_t>(row_table<Row>())];
    std::memcpy(bytes.data() + 1, &row, sizeof(Row));
    rows.push_back(std::move(bytes));
  }
};

// A model that knows something of each spread up to 50 of the smallest ticks.
std::shared_ptr<const analytics::MicropriceModel> some_model() {
  auto model = std::make_shared<analytics::MicropriceModel>();
  model->imbalance_buckets = 3;
  model->spreads = 50;
  model->tick = Price{1};
  model->adjustments.assign(model->state_count(), 0.25);
  model->observations.assign(model->state_count(), 1);
  return model;
}

// Widths that do not divide each other, so that windows close apart and together.
AnalyticsConfig every_operator(bool on_change) {
  AnalyticsConfig config{.bar_ns = 50'000,
                         .interval_ns = 130'000,
                         .snapshots_on_change = on_change,
                         .levels = 5,
                         .bar_thresholds = {3, 1'500, 70'000, 900},
                         .metric_ns = 170'000,
                         .returns_ns = 140'000,
                         .step_ns = 20'000,
                         .horizon_ns = 90'000,
                         .sweep_shares = {100, 2'000, 5'000},
                         .vpin_bucket_shares = 700,
                         .vpin_buckets = 4};
  config.microprice_model = some_model();
  config.burst_gap_ns = 60'000;
  config.queue_orders = 3;
  config.feature_ns = 150'000;
  config.feature_events = 7;
  const std::array<std::string, 1> all{"all"};
  EXPECT_TRUE(select_tables(all, config).has_value());
  config.surveillance = surveillance::testing::wary_parameters();
  return config;
}

std::vector<Event> random_events(std::uint64_t seed, std::size_t count) {
  book::RandomFlow flow({.name = "mixed",
                         .locates = 9,
                         .live_orders = 300,
                         .bad_percent = 2,
                         .status_permille = 2,
                         .may_cross = true},
                        seed);
  std::mt19937_64 random(seed);
  std::vector<Event> events;
  std::uint64_t quiet_ns = 0;
  for (std::size_t i = 0; i < count; ++i) {
    events.push_back(flow.next());
    // Now and then nothing happens for several windows, and now and then a message is late.
    if (random() % 200 == 0) quiet_ns += random() % 500'000;
    events.back().time = EventTime{raw(events.back().time) + quiet_ns - (random() % 100 == 0 ? 70'000 : 0)};
  }
  return events;
}

// Every key moves to another instance again and again, at moments of its own or all at once.
void expect_state_to_move(std::uint64_t seed, bool on_change) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const std::vector<Event> events = random_events(seed, 3'000);
  const AnalyticsConfig config = every_operator(on_change);
  using Analytics = MarketAnalytics<RowBytes>;

  book::OrderBooks books;
  RowBytes expected;
  Analytics whole(config, books, expected);
  books.apply(events, whole);
  whole.finish();

  books.reset();
  RowBytes rows;
  auto current = std::make_unique<Analytics>(config, books, rows);
  std::mt19937_64 random(seed + 1);
  for (std::size_t at = 0; at < events.size();) {
    const std::size_t count = std::min<std::size_t>(1 + random() % 200, events.size() - at);
    books.apply(std::span(events).subspan(at, count), *current);
    at += count;
    auto next = std::make_unique<Analytics>(config, books, rows);
    next->open(current->watermark());
    for (std::uint16_t key = 0; key < 12; ++key) {
      stream::StateWriter writer;
      current->save_key(Locate{key}, writer);
      stream::StateReader reader(writer.bytes());
      next->load_key(Locate{key}, reader);
      EXPECT_TRUE(reader.complete());
    }
    current = std::move(next);
  }
  current->finish();
  ASSERT_GT(expected.rows.size(), 1'000u);
  // But for those whose inputs this flow does not have.
  for (std::size_t table = 0; table < expected.counts.size(); ++table) {
    const std::string_view name = row_table_names[table];
    if (name == "auction" || name == "luld") continue;
    EXPECT_GT(expected.counts[table], 20u) << name;
  }
  EXPECT_EQ(rows.rows, expected.rows);
}

TEST(MarketAnalytics, GoesOnFromStateSavedPerKey) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) expect_state_to_move(seed, seed % 2 == 0);
}

TEST(MarketAnalytics, ReadsNothingBehindStateThatWasCutOff) {
  book::OrderBooks books;
  RowBytes rows;
  MarketAnalytics<RowBytes> analytics(every_operator(false), books, rows);
  books.apply(random_events(7, 500), analytics);
  stream::StateWriter writer;
  analytics.save_key(Locate{1}, writer);
  MarketAnalytics<RowBytes> next(every_operator(false), books, rows);
  stream::StateReader reader(writer.bytes().first(writer.size() - 1));
  next.load_key(Locate{1}, reader);
  EXPECT_FALSE(reader.ok());
}

// Rows go into logs and digests as bytes, so none of their bytes may be left undefined.
template <class Row>
void expect_no_padding(const table::Schema& schema) {
  std::size_t bytes = 0;
  if constexpr (requires { &Row::reserved; }) bytes = sizeof(Row::reserved);
  for (const table::Column& column : schema.columns) bytes += table::size_of(column.type);
  EXPECT_EQ(bytes, sizeof(Row)) << schema.name;
}

TEST(MarketAnalytics, RowsHaveNoUndefinedBytes) {
  for_each_row_type(
      []<class Row> { expect_no_padding<Row>(schema_of<Row>(analytics::SnapshotRow::max_levels)); });
}

}  // namespace
}  // namespace tapeline::pipeline
