#include "terminal/ladder.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "terminal/drawing.h"

namespace tapeline::terminal {
namespace {

constexpr EventTime at{34'260'123'456'789};  // 09:31:00.123456789

BookSnapshot sample() {
  BookSnapshot snapshot;
  snapshot.symbol = Symbol("AAPL");
  snapshot.locate = Locate{13};
  snapshot.time = at;
  snapshot.state.trading = book::TradingState::trading;
  snapshot.bid.levels = {{Price{1'894'100}, 3, 1200}, {Price{1'894'000}, 1, 300}};
  snapshot.bid.all_levels = 14;
  snapshot.ask.levels = {{Price{1'894'300}, 2, 400}, {Price{1'895'000}, 21, 2400}};
  snapshot.ask.all_levels = 2;
  snapshot.bid.queue = {{OrderRef{7}, Side::bid, Price{1'894'100}, 1000, Mpid(""), at},
                        {OrderRef{8}, Side::bid, Price{1'894'100}, 200, Mpid("NITE"), at}};
  snapshot.last_trade = {Price{1'894'300},           100,       at,          MatchNumber{5},
                         book::TradeKind::displayed, Side::ask, /*cross=*/0, /*broken=*/false};
  snapshot.state.collar_reference = Price{1'890'000};
  snapshot.state.collar_lower = Price{1'800'000};
  snapshot.state.collar_upper = Price{1'980'000};
  return snapshot;
}

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, columns_of(line));
  return widest;
}

TEST(Ladder, At80Columns) {
  EXPECT_EQ(draw_ladder(sample(), {.width = 80, .queue = true}),
            R"(AAPL  trading  quality good                                   09:31:00.123456789
────────────────────────────────────────────────────────────────────────────────
          price     size  orders  cumulative
  ask  189.5000    2,400      21       2,800  ██████████████████████████████████
  ask  189.4300      400       2         400  █████▋
── spread 0.0200 (1.06 bp)  mid 189.42000  weighted mid 189.42500 ──────────────
  bid  189.4100    1,200       3       1,200  █████████████████
  bid  189.4000      300       1       1,500  ████▎
       … 12 more levels
────────────────────────────────────────────────────────────────────────────────
last trade  189.4300 × 100  at 09:31:00.123456789, a buyer took
LULD collar 180.0000 to 198.0000, reference 189.0000
── queue at the best bid, 189.4100 ─────────────────────────────────────────────
  place         size        ahead  MPID  entered             order
      1        1,000            0  –     09:31:00.123456789  7
      2          200        1,000  NITE  09:31:00.123456789  8
)");
}

TEST(Ladder, At120Columns) {
  EXPECT_EQ(
      draw_ladder(sample(), {.width = 120}),
      R"(AAPL  trading  quality good                                                                           09:31:00.123456789
────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
          price     size  orders  cumulative
  ask  189.5000    2,400      21       2,800  ██████████████████████████████████████████████████████████████████████████
  ask  189.4300      400       2         400  ████████████▍
── spread 0.0200 (1.06 bp)  mid 189.42000  weighted mid 189.42500  imbalance +50 % ─────────────────────────────────────
  bid  189.4100    1,200       3       1,200  █████████████████████████████████████
  bid  189.4000      300       1       1,500  █████████▎
       … 12 more levels
────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
last trade  189.4300 × 100  at 09:31:00.123456789, a buyer took
LULD collar 180.0000 to 198.0000, reference 189.0000
)");
}

TEST(Ladder, ColoursChangeNoColumn) {
  for (const std::size_t width : {70, 80, 100, 200}) {
    EXPECT_LE(widest_line(draw_ladder(sample(), {.width = width, .colour = true})), width);
    EXPECT_EQ(widest_line(draw_ladder(sample(), {.width = width, .colour = true})),
              widest_line(draw_ladder(sample(), {.width = width})));
  }
}

TEST(Ladder, SaysInWordsWhenTheBookIsNotGood) {
  BookSnapshot snapshot = sample();
  snapshot.quality = Quality::gapped | Quality::suspect;
  const std::string text = draw_ladder(snapshot, {.width = 100, .colour = true});
  EXPECT_THAT(text, ::testing::HasSubstr(paint("quality gapped+suspect", Ink::alarm, true)));
  EXPECT_THAT(text, ::testing::HasSubstr("do not rely on this book: messages are missing for good; the feed "
                                         "contradicted the book"));
}

TEST(Ladder, EveryLineFitsWhateverIsWrong) {
  BookSnapshot snapshot = sample();
  snapshot.quality =
      Quality::gapped | Quality::recovering | Quality::stale | Quality::crossed | Quality::suspect;
  snapshot.last_trade.broken = true;
  snapshot.state.trading = book::TradingState::paused;
  snapshot.state.halt_reason = Code4("LUDP");
  snapshot.state.imbalance_time = at;
  snapshot.state.imbalance = {
      123'456'789, 12'345'678, Price{1'894'300}, Price{1'894'300}, Price{1'894'300}, 'H', ' ', 0};
  snapshot.state.imbalance_direction = 'S';
  EXPECT_LE(widest_line(draw_ladder(snapshot, {.width = 80, .colour = true, .queue = true})), 80);
}

TEST(Ladder, EmptySides) {
  BookSnapshot snapshot;
  snapshot.symbol = Symbol("ZVZZT");
  EXPECT_THAT(draw_ladder(snapshot, {}),
              ::testing::AllOf(::testing::HasSubstr("no asks"), ::testing::HasSubstr("no bids"),
                               ::testing::HasSubstr("no spread")));
  snapshot.bid.levels = {{Price{10'000}, 1, 100}};
  snapshot.bid.all_levels = 1;
  EXPECT_THAT(draw_ladder(snapshot, {}),
              ::testing::AllOf(::testing::HasSubstr("no asks"), ::testing::HasSubstr("1.0000")));
}

TEST(Ladder, WeightedMidLeansToTheThinnerSide) {
  const BookSnapshot snapshot = sample();
  EXPECT_DOUBLE_EQ(*snapshot.mid(), 189.42);
  EXPECT_DOUBLE_EQ(*snapshot.weighted_mid(), (1200 * 189.43 + 400 * 189.41) / 1600);
  EXPECT_DOUBLE_EQ(*snapshot.imbalance(), 0.5);
}

}  // namespace
}  // namespace tapeline::terminal
