#include "serve/watch_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/test_feed.h"

namespace tapeline::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WatchLists : public ::testing::Test {
 protected:
  WatchLists() {
    feed_.start_session("S");
    // S2 is the busiest, then S4; S1 has the deepest book.
    for (const std::uint32_t ticks : {10'000u, 9'900u, 9'800u}) feed_.add(1, 'B', ticks / 100, ticks);
    feed_.add(1, 'S', 7, 10'100);
    for (int i = 0; i < 30; ++i) feed_.add(2, 'B', 1, 10'000);
    for (int i = 0; i < 20; ++i) feed_.add(4, 'S', 1, 10'000);
    feed_.flush();
    auto reader = feed_.log().open_reader(pipeline::feed_topic, 0);
    follow(**reader, view_, [] {});
  }

  static std::vector<std::string> names(const std::vector<WatchedBook>& books) {
    std::vector<std::string> names;
    for (const WatchedBook& book : books) names.push_back(book.symbol);
    return names;
  }

  TestFeed feed_;
  MarketView view_;
};

TEST_F(WatchLists, TheBusiestUnlessNamed) {
  EXPECT_THAT(names(WatchList({.most_symbols = 2}).books(view_)), ElementsAre("S2", "S4"));
  EXPECT_THAT(names(WatchList({.most_symbols = 0}).books(view_)), IsEmpty());
  EXPECT_EQ(WatchList({.most_symbols = 32}).books(view_).size(), std::size_t{TestFeed::symbols});
  // A name that the feed does not know yet is no mistake: the session may be young.
  EXPECT_THAT(names(WatchList({.symbols = {"S5", "NONE", "S1"}}).books(view_)), ElementsAre("S5", "S1"));
  EXPECT_THAT(names(WatchList({.symbols = {"S5", "S1"}, .most_symbols = 1}).books(view_)), ElementsAre("S5"));
}

TEST_F(WatchLists, LevelsAreTheBooksBestFirst) {
  const std::vector<WatchedBook> books = WatchList({.symbols = {"S1"}, .levels = 2}).books(view_);
  ASSERT_EQ(books.size(), 1u);
  ASSERT_EQ(books[0].bids.size(), 2u);
  EXPECT_EQ(books[0].bids[0].price, Price{10'000});
  EXPECT_EQ(books[0].bids[0].shares, 100u);
  EXPECT_EQ(books[0].bids[1].shares, 99u);
  ASSERT_EQ(books[0].asks.size(), 1u);
  ServeMetrics metrics;
  metrics.watched = books;
  const std::string text = metrics_text(metrics, nullptr);
  for (const char* line : {"tapeline_book_depth_shares{symbol=\"S1\",side=\"bid\",level=\"02\"} 99\n",
                           "tapeline_book_price_dollars{symbol=\"S1\",side=\"ask\",level=\"01\"} 1.01\n",
                           "tapeline_book_spread_dollars{symbol=\"S1\"} 0.01",
                           "tapeline_symbol_messages_total{symbol=\"S1\"} 6\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

}  // namespace
}  // namespace tapeline::serve
