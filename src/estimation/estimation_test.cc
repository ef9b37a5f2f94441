#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "estimation/information_share.h"
#include "estimation/microprice_fit.h"
#include "estimation/mid_sampler.h"

namespace tapeline::estimation {
namespace {

book::Bbo bbo(std::uint32_t bid, std::uint64_t bid_shares, std::uint32_t ask, std::uint64_t ask_shares) {
  return {bid_shares, ask_shares, Price{bid}, Price{ask}};
}

// Three buckets at a spread of one tick: low, middle, high.
const book::Bbo low = bbo(10'000, 100, 10'100, 900);
const book::Bbo middle = bbo(10'000, 500, 10'100, 500);
const book::Bbo high = bbo(10'000, 900, 10'100, 100);
const book::Bbo one_up = bbo(10'100, 500, 10'200, 500);  // The middle, a tick higher.

TEST(MicropriceFit, IsTheSumOfAllMovesToCome) {
  MicropriceFit fit({.imbalance_buckets = 3, .spreads = 1, .tick = Price{100}, .most_move = 2});
  // From high: half the transitions go up a tick into the middle, half fall back to the middle without a
  // move.
  fit.add(high, one_up, Quality::good);
  fit.add(high, middle, Quality::good);
  fit.add(middle, high, Quality::good);
  const Result<analytics::MicropriceModel> model = fit.fit();
  ASSERT_TRUE(model) << model.error().message;
  // By hand, with the mirror images: from the middle half go high, half low, so its moves cancel. From high
  // the first move: half a tick for sure … and what follows from the middle is nothing.
  EXPECT_NEAR(model->adjustments[1], 0, 1e-14);
  EXPECT_NEAR(model->adjustments[2], 0.5, 1e-14);
  EXPECT_NEAR(model->adjustments[0], -0.5, 1e-14);
  EXPECT_EQ(model->transitions, 3u);
  EXPECT_EQ(model->observations, (std::vector<std::uint64_t>{2, 2, 2}));
}

TEST(MicropriceFit, IsAntisymmetricAndLeavesOutWhatItSays) {
  std::mt19937_64 random(11);
  MicropriceFit fit({.imbalance_buckets = 5, .spreads = 3, .tick = Price{100}, .most_move = 2});
  book::Bbo last = middle;
  for (int i = 0; i < 20'000; ++i) {
    const auto bid = static_cast<std::uint32_t>(10'000 + random() % 3 * 100);
    const auto ask = static_cast<std::uint32_t>(bid + 100 + random() % 4 * 100);
    const book::Bbo next = bbo(bid, 1 + random() % 900, ask, 1 + random() % 900);
    fit.add(last, next, Quality::good);
    last = next;
  }
  fit.add(last, last, Quality::gapped);
  EXPECT_GT(fit.left_out(), 1'000u);
  EXPECT_EQ(fit.left_out() + fit.transitions(), 20'001u);
  const Result<analytics::MicropriceModel> model = fit.fit();
  ASSERT_TRUE(model) << model.error().message;
  for (std::uint32_t state = 0; state < model->state_count(); ++state) {
    const std::uint32_t bucket = state % 5;
    EXPECT_NEAR(model->adjustments[state], -model->adjustments[state - bucket + 4 - bucket], 1e-12);
  }
  const Result<analytics::MicropriceModel> read =
      analytics::parse_microprice_model(analytics::to_json(*model));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->adjustments, model->adjustments);
  EXPECT_EQ(read->observations, model->observations);
}

TEST(MicropriceFit, FailsWithoutAMove) {
  MicropriceFit fit({});
  EXPECT_FALSE(fit.fit());
  fit.add(low, middle, Quality::good);
  EXPECT_FALSE(fit.fit());
}

TEST(MicropriceModel, BucketsMirrorWithTheSides) {
  for (std::uint64_t bid = 0; bid <= 60; ++bid)
    for (std::uint64_t ask = bid == 0 ? 1 : 0; ask <= 60; ++ask)
      for (const std::uint32_t buckets : {1u, 3u, 9u})
        EXPECT_EQ(analytics::MicropriceModel::bucket_of(bid, ask, buckets),
                  buckets - 1 - analytics::MicropriceModel::bucket_of(ask, bid, buckets));
}

TEST(MicropriceModel, RefusesWhatIsNone) {
  for (const char* text :
       {"", "[]", "{}", R"({"model":"microprice","version":2})",
        R"({"model":"microprice","version":1,"imbalance_buckets":2,"spreads":1,"tick":100,"states":[]})",
        R"({"model":"microprice","version":1,"imbalance_buckets":1,"spreads":1,"tick":100,"states":[]})",
        R"({"model":"microprice","version":1,"imbalance_buckets":1,"spreads":1,"tick":100,"states":[3]})",
        R"({"model":"microprice","version":1,"imbalance_buckets":1,"spreads":1,"tick":100,"states":[
           {"spread":1,"imbalance":0,"adjustment":"x","observations":1}]})"})
    EXPECT_FALSE(analytics::parse_microprice_model(text)) << text;
}

// A price that all have in common, with news told to the first series at once and to the second a step later.
struct Prices {
  std::vector<double> first{5};
  std::vector<double> second{5.2};
  explicit Prices(std::uint64_t seed, std::size_t count, double own_noise) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> news(0, 1e-4);
    double price = 5;
    double before = 5;
    for (std::size_t i = 1; i < count; ++i) {
      before = price;
      price += news(random);
      first.push_back(price + own_noise * news(random));
      second.push_back(before + 0.2 + own_noise * news(random));
    }
  }
  [[nodiscard]] std::vector<std::span<const double>> series() const { return {first, second}; }
};

TEST(InformationShares, BelongToTheSeriesThatMovesFirst) {
  const Prices prices(3, 20'000, 0.3);
  const Result<InformationShares> shares = information_shares(prices.series(), 4);
  ASSERT_TRUE(shares) << shares.error().message;
  EXPECT_GT(shares->lower[0], 0.9);
  EXPECT_LT(shares->upper[1], 0.1);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_LE(shares->lower[i], shares->upper[i]);
  // With two series the orderings give one the rest of the other.
  EXPECT_NEAR(shares->lower[0] + shares->upper[1], 1, 1e-9);
  EXPECT_NEAR(shares->upper[0] + shares->lower[1], 1, 1e-9);
}

TEST(InformationShares, DoNotChangeWithScaleOrOrder) {
  Prices prices(7, 5'000, 0.5);
  const Result<InformationShares> shares = information_shares(prices.series(), 2);
  ASSERT_TRUE(shares);
  const std::vector<std::span<const double>> swapped{prices.second, prices.first};
  const Result<InformationShares> other = information_shares(swapped, 2);
  ASSERT_TRUE(other);
  EXPECT_NEAR(shares->lower[0], other->lower[1], 1e-7);
  EXPECT_NEAR(shares->upper[0], other->upper[1], 1e-7);
  for (double& price : prices.first) price *= 3;
  for (double& price : prices.second) price *= 3;
  const Result<InformationShares> scaled = information_shares(prices.series(), 2);
  ASSERT_TRUE(scaled);
  EXPECT_NEAR(shares->lower[0], scaled->lower[0], 1e-7);
}

TEST(InformationShares, LeaveOutWhatIsNotKnownAndRefuseWhatCannotBeTold) {
  Prices prices(5, 3'000, 0.5);
  const std::size_t all = information_shares(prices.series(), 2)->observations;
  prices.first[1'000] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(information_shares(prices.series(), 2)->observations, all - 4);
  const std::vector<std::span<const double>> same{prices.second, prices.second};
  EXPECT_FALSE(information_shares(same, 2));
  const std::vector<double> still(3'000, 5);
  const std::vector<std::span<const double>> without_moves{prices.second, still};
  EXPECT_FALSE(information_shares(without_moves, 2));
  const Prices few(5, 10, 0.5);
  EXPECT_FALSE(information_shares(few.series(), 2));
}

analytics::BboRow row(std::string_view symbol, std::uint64_t time, std::uint32_t bid, std::uint32_t ask) {
  analytics::BboRow row{};
  row.time = EventTime{time};
  row.symbol = Symbol(symbol);
  row.bid_price = Price{bid};
  row.ask_price = Price{ask};
  row.bid_size = bid != 0 ? 100 : 0;
  row.ask_size = 100;
  return row;
}

TEST(MidSampler, SeesWhatStoodAtEachTick) {
  MidSampler sampler({"A", "B"}, 100);
  sampler.add(row("A", 150, 10'000, 10'200));
  sampler.add(row("B", 200, 20'000, 20'200));  // At the tick itself.
  sampler.add(row("A", 230, 10'100, 10'300));
  sampler.add(row("C", 240, 1, 2));
  sampler.add(row("A", 410, 0, 10'300));  // One-sided.
  sampler.finish(EventTime{601});
  EXPECT_EQ(sampler.first_tick(), 2u);
  ASSERT_EQ(sampler.samples()[0].size(), 5u);  // 200 to 600.
  ASSERT_EQ(sampler.samples()[1].size(), 5u);
  EXPECT_DOUBLE_EQ(sampler.samples()[0][0], std::log(20'200.0));
  EXPECT_DOUBLE_EQ(sampler.samples()[0][1], std::log(20'400.0));
  EXPECT_DOUBLE_EQ(sampler.samples()[0][2], std::log(20'400.0));
  EXPECT_TRUE(std::isnan(sampler.samples()[0][3]));
  EXPECT_DOUBLE_EQ(sampler.samples()[1][0], std::log(40'200.0));
  EXPECT_FALSE(sampler.is_too_long());
}

}  // namespace
}  // namespace tapeline::estimation
