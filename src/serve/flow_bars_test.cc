#include "serve/flow_bars.h"

#include <gtest/gtest.h>

namespace tapeline::serve {
namespace {

constexpr std::uint64_t second = nanoseconds_per_second;

book::TradeReport trade(std::uint32_t ticks, std::uint64_t shares, Side resting,
                        book::TradeKind kind = book::TradeKind::displayed, bool printable = true) {
  return {Price{ticks}, shares, MatchNumber{1}, OrderRef{1}, resting, kind, printable, 0};
}

TEST(FlowBars, SumsUpTheTradesOfAWindow) {
  FlowBars bars(60, 10);
  const EventTime start{34'200 * second};
  bars.note_trade(start, Sequence{1}, trade(100'000, 100, Side::ask), Quality::good);
  bars.note_trade(EventTime{raw(start) + second}, Sequence{2}, trade(102'000, 300, Side::bid),
                  Quality::gapped);
  bars.note_trade(EventTime{raw(start) + 2 * second}, Sequence{3},
                  trade(99'000, 100, Side::bid, book::TradeKind::hidden), Quality::good);
  bars.note_trade(EventTime{raw(start) + 3 * second}, Sequence{4},
                  trade(50'000, 900, Side::bid, book::TradeKind::displayed, false), Quality::good);
  ASSERT_EQ(bars.bars().total(), 1u);
  const FlowBar& bar = bars.bars()[0];
  EXPECT_EQ(bar.start_s, 34'200u);
  EXPECT_EQ(bar.open, Price{100'000});
  EXPECT_EQ(bar.high, Price{102'000});
  EXPECT_EQ(bar.low, Price{99'000});
  EXPECT_EQ(bar.close, Price{99'000});
  EXPECT_EQ(bar.volume, 500u);
  EXPECT_EQ(bar.buy_volume, 100u);
  EXPECT_EQ(bar.sell_volume, 300u);
  EXPECT_EQ(bar.trades, 3u);
  EXPECT_DOUBLE_EQ(bar.vwap(), (10.0 * 100 + 10.2 * 300 + 9.9 * 100) / 500);
  EXPECT_EQ(bar.quality, Quality::gapped);
}

TEST(FlowBars, WeighsTheSpreadByTime) {
  FlowBars bars(60, 10);
  const std::uint64_t start = 34'200 * second;
  const book::Bbo none{};
  const book::Bbo wide{100, 100, Price{100'000}, Price{100'400}};
  const book::Bbo narrow{100, 100, Price{100'000}, Price{100'100}};
  bars.note_bbo(EventTime{start + 10 * second}, Sequence{1}, none, wide, Quality::good);
  bars.note_bbo(EventTime{start + 40 * second}, Sequence{2}, wide, narrow, Quality::good);
  bars.settle(EventTime{start + 50 * second});
  // 0.04 for 30 s, then 0.01 for 10 s.
  EXPECT_EQ(bars.bars()[0].quoted_ns, 40 * second);
  EXPECT_DOUBLE_EQ(bars.bars()[0].mean_spread(), (0.04 * 30 + 0.01 * 10) / 40);
  // The quote stands on into the next window, whose start the first change there finds.
  bars.note_bbo(EventTime{start + 80 * second}, Sequence{3}, narrow, none, Quality::good);
  ASSERT_EQ(bars.bars().total(), 2u);
  EXPECT_DOUBLE_EQ(bars.bars()[0].mean_spread(), (0.04 * 30 + 0.01 * 20) / 50);
  EXPECT_EQ(bars.bars()[1].quoted_ns, 20 * second);
  EXPECT_DOUBLE_EQ(bars.bars()[1].mean_spread(), 0.01);
  bars.settle(EventTime{start + 100 * second});
  EXPECT_EQ(bars.bars()[1].quoted_ns, 20 * second) << "there is no quote any more";
}

TEST(FlowBars, CountsOrderFlow) {
  const auto flow = [](const book::Bbo& before, const book::Bbo& after) {
    FlowBars bars(1, 4);
    bars.note_bbo(EventTime{second}, Sequence{1}, before, after, Quality::good);
    return bars.bars()[0].order_flow;
  };
  const book::Bbo base{200, 300, Price{100'000}, Price{100'200}};
  EXPECT_EQ(flow(base, {250, 300, Price{100'000}, Price{100'200}}), 50) << "more is bid";
  EXPECT_EQ(flow(base, {100, 300, Price{100'100}, Price{100'200}}), 100) << "a better bid counts whole";
  EXPECT_EQ(flow(base, {400, 300, Price{99'900}, Price{100'200}}), -200) << "the old bid has gone";
  EXPECT_EQ(flow(base, {200, 260, Price{100'000}, Price{100'200}}), 40) << "less is offered";
  EXPECT_EQ(flow(base, {200, 500, Price{100'000}, Price{100'100}}), -500) << "a better ask counts whole";
  EXPECT_EQ(flow(base, {200, 0, Price{100'000}, Price{0}}), 300) << "the last ask has gone";
  EXPECT_EQ(flow({200, 0, Price{100'000}, Price{0}}, base), -300) << "the first ask has come";
  EXPECT_EQ(flow({}, base), 200 - 300);
}

TEST(FlowBars, KeepsTheNewestWindows) {
  FlowBars bars(1, 3);
  for (std::uint64_t s = 1; s <= 5; ++s)
    bars.note_trade(EventTime{s * second}, Sequence{s}, trade(10'000, 1, Side::ask), Quality::good);
  EXPECT_EQ(bars.bars().total(), 5u);
  EXPECT_EQ(bars.bars().oldest(), 2u);
  EXPECT_EQ(bars.bars()[2].start_s, 3u);
  // What comes late counts in the newest.
  bars.note_trade(EventTime{2 * second}, Sequence{6}, trade(10'000, 1, Side::ask), Quality::good);
  EXPECT_EQ(bars.bars().total(), 5u);
  EXPECT_EQ(bars.bars().back().volume, 2u);
}

}  // namespace
}  // namespace tapeline::serve
