#include "simulator/market_simulator.h"

#include <xxhash.h>

#include "simulator/feed_checker.h"
#include "simulator/intraday_profile.h"

namespace tapeline::simulator {

namespace {

struct CheckedDay {
  explicit CheckedDay(const Config& config) : simulator(config) {
    for (auto block = simulator.next_block(); !block.empty(); block = simulator.next_block())
      checker.take_block(block);
  }
  [[nodiscard]] double share(std::string_view types) const {
    std::uint64_t sum = 0;
    for (const char type : types) sum += checker.counts[static_cast<unsigned char>(type)];
    return static_cast<double>(sum) / static_cast<double>(checker.messages);
  }
  MarketSimulator simulator;
  FeedChecker checker;
};

std::uint64_t digest(const Config& config) {
  MarketSimulator simulator(config);
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  for (auto block = simulator.next_block(); !block.empty(); block = simulator.next_block())
    XXH3_64bits_update(state, block.data(), block.size());
  const std::uint64_t result = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return result;
}

Config small_day(std::uint64_t seed = 1) {
  return {.messages = 200'000, .symbols = 100, .seed = seed};
}

// The default day, made once.
const CheckedDay& default_day() {
  static const CheckedDay run{Config{}};
  return run;
}

// Few symbols and many messages each, and many episodes.
const CheckedDay& busy_day() {
  static const CheckedDay run{Config{.messages = 600'000, .symbols = 60, .seed = 42, .spoofing = 40}};
  return run;
}

}  // namespace

TEST(MarketSimulator, SameSeedSameBytes) {
  const std::uint64_t first = digest(small_day(1));
  EXPECT_EQ(first, digest(small_day(1)));
  EXPECT_NE(first, digest(small_day(2)));
}

// Guards against a change of compiler, library or platform that would change what a seed means. A change of
// the simulator changes it too: then the number is replaced.
TEST(MarketSimulator, SeedMeansTheSameEverywhere) {
  EXPECT_EQ(digest(small_day(1)), 18175971387278697507u);
}

TEST(MarketSimulator, CountIsExact) {
  EXPECT_EQ(default_day().checker.messages, 1'000'000u);
  EXPECT_EQ(default_day().simulator.messages(), 1'000'000u);
  for (const std::uint64_t messages : {2'600u, 3'001u, 12'345u, 99'999u}) {
    const CheckedDay run({.messages = messages, .symbols = 100, .seed = messages});
    EXPECT_EQ(run.checker.messages, messages);
    EXPECT_THAT(run.checker.complaints, testing::IsEmpty());
    EXPECT_EQ(run.checker.events, "OSQMEC");
  }
}

TEST(MarketSimulator, EvenOneSymbolMakesADay) {
  const CheckedDay run({.messages = 50'000, .symbols = 1});
  EXPECT_EQ(run.checker.messages, 50'000u);
  EXPECT_THAT(run.checker.complaints, testing::IsEmpty());
}

TEST(MarketSimulator, ExtremeWishesGiveValidFeeds) {
  for (const Config& config : {Config{.messages = 60'000, .symbols = 3, .live_orders = 15'000},
                               Config{.messages = 60'000, .symbols = 3, .live_orders = 0},
                               Config{.messages = 60'000, .symbols = 50, .spoofing = 60},
                               Config{.messages = 60'000, .symbols = 9'000, .test_symbols = true}}) {
    const CheckedDay day(config);
    EXPECT_EQ(day.checker.messages, config.messages);
    EXPECT_THAT(day.checker.complaints, testing::IsEmpty()) << config.symbols << " symbols";
  }
}

TEST(MarketSimulator, TestSymbolsAreListedOnlyWhenAskedFor) {
  const auto lists_zvzzt = [](bool asked) {
    Config config = small_day();
    config.test_symbols = asked;
    const std::vector<BestQuote> quotes = MarketSimulator(config).best_quotes();
    return std::any_of(quotes.begin(), quotes.end(),
                       [](const BestQuote& q) { return q.stock == Symbol("ZVZZT"); });
  };
  EXPECT_TRUE(lists_zvzzt(true));
  EXPECT_FALSE(lists_zvzzt(false));
}

TEST(MarketSimulator, FeedIsValid) {
  EXPECT_THAT(default_day().checker.complaints, testing::IsEmpty());
  EXPECT_THAT(busy_day().checker.complaints, testing::IsEmpty());
  for (std::uint64_t seed = 10; seed < 14; ++seed)
    EXPECT_THAT(CheckedDay(small_day(seed)).checker.complaints, testing::IsEmpty()) << "seed " << seed;
}

TEST(MarketSimulator, AllTypesAppear) {
  itch50::for_each_message_type([]<class M>() {
    EXPECT_GT(default_day().checker.counts[static_cast<unsigned char>(M::type_code)], 0u) << M::name;
  });
  EXPECT_EQ(default_day().checker.counts, default_day().simulator.counts());
}

TEST(MarketSimulator, TypeMix) {
  for (const CheckedDay* run : {&default_day(), &busy_day()}) {
    EXPECT_NEAR(run->share("AF"), 0.44, 0.03);
    EXPECT_NEAR(run->share("D"), 0.41, 0.035);
    EXPECT_NEAR(run->share("U"), 0.08, 0.01);
    EXPECT_NEAR(run->share("ECX"), 0.032, 0.01);
    EXPECT_NEAR(run->share("F") / run->share("AF"), 0.03, 0.015);
    EXPECT_GT(run->share("E"), 4 * run->share("X"));
  }
}

TEST(MarketSimulator, ActivityIsUShaped) {
  const auto& by_half_hour = busy_day().checker.by_half_hour;
  const std::uint64_t open = by_half_hour.at(19);     // 09:30
  const std::uint64_t noon = by_half_hour.at(25);     // 12:30
  const std::uint64_t close = by_half_hour.at(31);    // 15:30
  const std::uint64_t evening = by_half_hour.at(36);  // 18:00
  EXPECT_GT(open, 3 * noon / 2);
  EXPECT_GT(close, 5 * noon / 4);
  EXPECT_LT(evening, noon / 10);
}

TEST(MarketSimulator, LifetimesHaveHeavyTails) {
  std::vector<std::uint64_t> lifetimes = busy_day().checker.lifetimes_ns;
  std::sort(lifetimes.begin(), lifetimes.end());
  EXPECT_LT(lifetimes[lifetimes.size() / 12], 1'000'000u);
  EXPECT_GT(lifetimes[lifetimes.size() * 98 / 100], 300 * nanoseconds_per_second);
}

TEST(MarketSimulator, LiveOrdersAreAsWanted) {
  const auto live = [](const CheckedDay& run) { return static_cast<double>(run.simulator.live_orders()); };
  EXPECT_NEAR(live(default_day()), 42'500, 4'500);
  EXPECT_NEAR(live(busy_day()), 0.0425 * 600'000, 1'500);
  EXPECT_EQ(default_day().simulator.live_orders(), default_day().checker.orders.size());
  const CheckedDay many({.messages = 200'000, .symbols = 100, .live_orders = 20'000});
  EXPECT_NEAR(live(many), 20'000, 1'500);
  EXPECT_GE(many.simulator.peak_live_orders(), many.simulator.live_orders());
}

TEST(MarketSimulator, FinalQuotesAreTheTruth) {
  const CheckedDay& run = busy_day();
  std::size_t quoted = 0;
  for (const BestQuote& quote : run.simulator.best_quotes()) {
    const FeedChecker::Book& book = run.checker.books.at(raw(quote.locate));
    ASSERT_EQ(quote.bid_shares == 0, book.bids.empty());
    ASSERT_EQ(quote.ask_shares == 0, book.asks.empty());
    if (!book.bids.empty()) {
      EXPECT_EQ(quote.bid_price.ticks, book.bids.rbegin()->first);
      EXPECT_EQ(quote.bid_shares, run.checker.shares_at(book.bids.rbegin()->second));
    }
    if (!book.asks.empty()) {
      EXPECT_EQ(quote.ask_price.ticks, book.asks.begin()->first);
      EXPECT_EQ(quote.ask_shares, run.checker.shares_at(book.asks.begin()->second));
    }
    quoted += quote.bid_shares > 0 && quote.ask_shares > 0;
  }
  EXPECT_GT(quoted, 50u);
}

TEST(MarketSimulator, PatternsGiveValidFeedsAndAreWhereTheTruthSays) {
  Config config{.messages = 400'000, .symbols = 80, .seed = 3, .spoofing = 0};
  config.episodes.fill(12);
  const CheckedDay run{config};
  EXPECT_THAT(run.checker.complaints, testing::IsEmpty());
  EXPECT_EQ(run.checker.messages, config.messages);
  std::map<std::string_view, int> planted;
  for (const Episode& episode : run.simulator.episodes()) {
    ++planted[episode.kind];
    ASSERT_FALSE(episode.orders.empty());
    EXPECT_LT(raw(episode.first_sequence), raw(episode.last_sequence));
    EXPECT_LE(raw(episode.last_sequence), config.messages);
    for (const OrderRef ref : episode.orders) EXPECT_TRUE(run.checker.added_at.contains(raw(ref)));
    if (episode.kind != "spoofing" && episode.kind != "layering" && episode.kind != "quote_stuffing")
      continue;
    EXPECT_EQ(run.checker.added_at.at(raw(episode.orders.front())), raw(episode.first_sequence));
  }
  for (const std::string_view kind : pattern_names) EXPECT_GE(planted[kind], 8) << kind;
}

TEST(MarketSimulator, EpisodesAreWhereTheTruthSays) {
  const CheckedDay& run = busy_day();
  const std::vector<Episode>& episodes = run.simulator.episodes();
  EXPECT_EQ(episodes.size(), 40u);
  for (const Episode& episode : episodes) {
    EXPECT_GE(episode.orders.size(), 3u);
    EXPECT_LT(episode.start_ns, episode.end_ns);
    EXPECT_LT(episode.end_ns - episode.start_ns, nanoseconds_per_second);
    EXPECT_EQ(run.checker.added_at.at(raw(episode.orders.front())), raw(episode.first_sequence));
    std::uint64_t last = 0;
    for (const OrderRef ref : episode.orders) {
      EXPECT_TRUE(run.checker.deleted_at.contains(raw(ref)));
      last = std::max(last, run.checker.deleted_at.at(raw(ref)));
    }
    EXPECT_GE(last, raw(episode.last_sequence));
    EXPECT_TRUE(run.checker.added_at.contains(raw(episode.genuine_order)));
  }
}

TEST(MarketSimulator, SpoofingCanBeTurnedOff) {
  Config config = small_day();
  config.spoofing = 0;
  EXPECT_TRUE(CheckedDay(config).simulator.episodes().empty());
}

TEST(MarketSimulator, CrossesExecuteDisplayedOrdersOutOfVolume) {
  EXPECT_GT(busy_day().checker.out_of_volume_in_auctions, 50u);
  EXPECT_GE(busy_day().checker.counts['Q'], 2 * 60u);
}

TEST(Config, SaysWhatToChange) {
  const auto message = [](const Config& config) { return config.validate().error().message; };
  EXPECT_THAT(message({.messages = 1'000}), testing::HasSubstr("50000"));
  EXPECT_THAT(message({.symbols = 0}), testing::HasSubstr("--symbols"));
  EXPECT_THAT(message({.live_orders = 900'000}), testing::HasSubstr("250000"));
  EXPECT_THAT(message({.spoofing = 5'000}), testing::HasSubstr("--spoofing"));
  EXPECT_TRUE(Config{}.validate());
}

}  // namespace tapeline::simulator
