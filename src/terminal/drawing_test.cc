#include "terminal/drawing.h"

#include <vector>

#include <gtest/gtest.h>

namespace tapeline::terminal {
namespace {

TEST(Drawing, BarsCountEighths) {
  EXPECT_EQ(bar(0, 10), "");
  EXPECT_EQ(bar(1, 3), "███");
  EXPECT_EQ(bar(0.5, 3), "█▌");
  EXPECT_EQ(bar(1.0 / 8, 1), "▏");
  EXPECT_EQ(bar(7.0 / 8, 1), "▉");
}

TEST(Drawing, BarsShowWhatIsTinyAndNeverOverflow) {
  EXPECT_EQ(bar(1e-9, 10), "▏");
  EXPECT_EQ(bar(7, 2), "██");
}

TEST(Drawing, SparklineScalesToTheGreatest) {
  EXPECT_EQ(sparkline(std::vector<std::uint64_t>{0, 1, 4, 8}), " ▁▄█");
  EXPECT_EQ(sparkline(std::vector<std::uint64_t>{0, 0}), "  ");
  EXPECT_EQ(sparkline({}), "");
}

TEST(Drawing, ColoursTakeNoColumns) {
  EXPECT_EQ(paint("bid", Ink::bid, true), "\033[32mbid\033[0m");
  EXPECT_EQ(paint("bid", Ink::bid, false), "bid");
  EXPECT_EQ(columns_of(paint("█▌ é", Ink::alarm, true)), 4);
}

TEST(Drawing, RulesAndLines) {
  EXPECT_EQ(rule("", 3), "───\n");
  EXPECT_EQ(rule("é", 7), "── é ──\n");
  EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped("indivisible a", 4), (std::vector<std::string>{"indivisible", "a"}));
  EXPECT_EQ(wrapped("", 4), std::vector<std::string>{""});
}

TEST(Drawing, NumbersAndPrices) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(price_text(Price{1'894'100}), "189.4100");
  EXPECT_EQ(price_text(Price{1}), "0.0001");
}

TEST(Drawing, NothingFromTheFeedReachesTheTerminal) {
  EXPECT_EQ(printable("A\033[2J\xff"), "A?[2J?");
}

}  // namespace
}  // namespace tapeline::terminal
