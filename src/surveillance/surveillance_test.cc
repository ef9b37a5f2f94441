// Each detector on a flow small enough to be worked out by hand, and what must hold of any flow.

#include "surveillance/surveillance.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "book/event_makers.h"
#include "book/order_books.h"
#include "book/random_flow.h"

namespace tapeline::surveillance {
namespace {

constexpr Locate locate{1};
constexpr std::uint64_t ms = 1'000'000;
constexpr book::OrderBooksConfig small_books{.expected_orders = 1 << 12, .max_blocks = 1 << 16};
constexpr std::uint64_t ten_o_clock = 36'000'000 * ms;

// What these flows were worked out for, whatever the published defaults are.
Parameters test_parameters() {
  Parameters made;
  made.large_order_ratio = 8;
  made.large_order_near_bps = 50;
  made.large_order_life_ms = 2'000;
  made.withdrawal_ms = 500;
  made.withdrawn_part = 0.75;
  made.withdrawn_to_traded = 3;
  made.layering_levels = 3;
  made.spoofing_threshold = made.layering_threshold = 20;
  made.stuffing_messages = 100;
  made.stuffing_threshold = 8;
  made.ignition_trades = 4;
  made.ignition_against = 0.25;
  made.ignition_retrace = 0.5;
  made.ignition_threshold = made.close_threshold = 6;
  made.wash_fills = 3;
  made.wash_threshold = 8;
  return made;
}

// A book of one symbol under surveillance. Messages are a microsecond apart unless the time is moved.
class Flow : public book::NullBookHandler {
 public:
  explicit Flow(const Parameters& parameters = test_parameters())
      : books_(std::make_unique<book::OrderBooks>(small_books)), detectors_(parameters) {
    apply(book::make_directory(locate, "TEST"));
  }

  void apply(const Event& message) {
    Event event = message;
    event.time = EventTime{now_};
    event.sequence = Sequence{++sequence_};
    events_.push_back(event);
    now_ += 1'000;
    books_->apply({&event, 1}, *this);
  }
  std::uint64_t add(char side, Shares shares, std::uint32_t ticks) {
    apply(book::make_add(locate, ++ref_, side, shares, ticks));
    return ref_;
  }
  void remove(std::uint64_t ref) { apply(book::make_reduction(EventKind::remove, locate, ref, 0)); }
  void execute(std::uint64_t ref, Shares shares) {
    apply(book::make_reduction(EventKind::execute, locate, ref, shares, ++match_));
  }
  void wait(std::uint64_t ns) { now_ += ns; }
  void set_time(std::uint64_t ns) { now_ = ns; }

  // Typical orders of 100 shares and a typical spread of two cents: bids up to 10.00, asks from 10.02.
  void make_usual() {
    for (int i = 0; i < 40; ++i) {
      add('B', 100, 90'000);
      add('S', 100, 110'200);
    }
    bid_ = add('B', 10'000, 100'000);
    ask_ = add('S', 10'000, 100'200);
    for (int i = 0; i < 8; ++i) execute(i % 2 == 0 ? bid_ : ask_, 10);
    // The two large ones were moving the mean: bring it back, and let all of it be long ago.
    for (int i = 0; i < 600; ++i)
      remove(add(i % 2 == 0 ? 'B' : 'S', 100, i % 2 == 0 ? 99'000 : 101'000)), wait(50 * ms);
    wait(10'000 * ms);
    alerts_.clear();
  }

  void emit(const AlertRow& row) { alerts_.push_back(row); }
  [[nodiscard]] const std::vector<AlertRow>& alerts() const { return alerts_; }
  [[nodiscard]] std::vector<AlertRow> of(Detector detector) const {
    std::vector<AlertRow> found;
    for (const AlertRow& row : alerts_)
      if (row.detector == detector) found.push_back(row);
    return found;
  }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] std::uint64_t now() const { return now_; }
  [[nodiscard]] std::uint64_t bid() const { return bid_; }
  [[nodiscard]] std::uint64_t ask() const { return ask_; }
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }
  [[nodiscard]] Surveillance& detectors() { return detectors_; }
  [[nodiscard]] book::OrderBooks& books() { return *books_; }

  void on_order(const Event& event, const book::OrderChange& change) {
    detectors_.on_order(context(event), event.kind, change, *books_, *this);
  }
  void on_bbo(const Event& event, const book::Bbo& before, const book::Bbo& after, Quality) {
    detectors_.on_bbo(context(event), before, after, *books_, *this);
  }
  void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo& prevailing, Quality) {
    detectors_.on_trade(context(event), trade, prevailing, *books_, *this);
  }

 private:
  static stream::Context context(const Event& event) {
    return {event.locate, event.sequence, event.time, event.captured, Quality::good};
  }

  std::unique_ptr<book::OrderBooks> books_;
  Surveillance detectors_;
  std::vector<AlertRow> alerts_;
  std::vector<Event> events_;
  std::uint64_t now_ = ten_o_clock;
  std::uint64_t sequence_ = 0;
  std::uint64_t ref_ = 0;
  std::uint64_t match_ = 0;
  std::uint64_t bid_ = 0;
  std::uint64_t ask_ = 0;
};

// Large bids, a seller's small order trades, the bids go.
std::vector<AlertRow> spoof(Flow& flow, const std::vector<std::uint32_t>& prices, Shares shares,
                            bool trade = true, std::uint64_t wait_ns = ms) {
  std::vector<std::uint64_t> refs;
  for (const std::uint32_t price : prices) refs.push_back(flow.add('B', shares, price));
  flow.wait(ms);
  if (trade) flow.execute(flow.ask(), 200);
  flow.wait(wait_ns);
  for (const std::uint64_t ref : refs) flow.remove(ref);
  return flow.alerts();
}

TEST(Spoofing, TellsOfLargeOrdersThatAreWithdrawnBehindATradeAcross) {
  Flow flow;
  flow.make_usual();
  const std::uint64_t first = flow.sequence() + 1;
  const std::uint64_t start = flow.now();
  const std::vector<AlertRow> alerts = spoof(flow, {99'900, 99'900}, 2'000);
  ASSERT_EQ(alerts.size(), 1u);
  const AlertRow& alert = alerts[0];
  EXPECT_EQ(alert.detector, Detector::spoofing);
  EXPECT_EQ(alert.side, 'B');
  EXPECT_EQ(alert.first_sequence, first);
  EXPECT_EQ(raw(alert.start), start);
  EXPECT_EQ(alert.sequence, first + 4);  // Two adds, a trade, two withdrawals.
  EXPECT_EQ(alert.last_sequence, alert.sequence);
  EXPECT_EQ(alert.orders, 2u);
  EXPECT_EQ(alert.price_levels, 1u);
  EXPECT_EQ(alert.shares, 4'000u);
  EXPECT_EQ(alert.other_shares, 200u);
  EXPECT_EQ(alert.trades, 1u);
  EXPECT_EQ(alert.ratio, 1.0);
  EXPECT_EQ(alert.price.ticks, 99'900u);
  EXPECT_EQ(alert.quality, Quality::good);
  EXPECT_EQ(alert.symbol, Symbol("TEST"));
  // 4,000 shares of typical orders of about 100.
  EXPECT_NEAR(alert.score, 40, 12);
  EXPECT_EQ(alert.id, alert_id(alert));
}

TEST(Spoofing, NeedsTheTradeTheSizeAndTheSpeed) {
  const auto quiet = [](auto&& act) {
    Flow flow;
    flow.make_usual();
    act(flow);
    return flow.alerts().empty();
  };
  EXPECT_FALSE(quiet([](Flow& flow) { spoof(flow, {99'900}, 9'000); }));
  EXPECT_TRUE(quiet([](Flow& flow) { spoof(flow, {99'900}, 9'000, false); }));
  EXPECT_TRUE(quiet([](Flow& flow) { spoof(flow, {99'900}, 300); }));
  EXPECT_TRUE(quiet([](Flow& flow) { spoof(flow, {99'900}, 9'000, true, 3'000 * ms); }));
  // Far from the best price.
  EXPECT_TRUE(quiet([](Flow& flow) { spoof(flow, {90'000}, 9'000); }));
  // An order that trades, if in part, was open to a trade.
  EXPECT_TRUE(quiet([](Flow& flow) {
    const std::uint64_t ref = flow.add('B', 9'000, 100'100);
    flow.execute(ref, 100);
    flow.execute(flow.ask(), 200);
    flow.remove(ref);
  }));
  // The trade is on the orders' own side.
  EXPECT_TRUE(quiet([](Flow& flow) {
    const std::uint64_t ref = flow.add('B', 9'000, 99'900);
    flow.execute(flow.bid(), 200);
    flow.remove(ref);
  }));
}

TEST(Layering, IsSpoofingAtSeveralPrices) {
  Flow flow;
  flow.make_usual();
  const std::vector<AlertRow> alerts = spoof(flow, {99'900, 99'800, 99'700, 99'600}, 2'000);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].detector, Detector::layering);
  EXPECT_EQ(alerts[0].price_levels, 4u);
  // Three quarters of them are enough.
  EXPECT_EQ(alerts[0].orders, 3u);
  EXPECT_EQ(alerts[0].shares, 6'000u);
}

TEST(Layering, TakesAReplaceForAWithdrawal) {
  Flow flow;
  flow.make_usual();
  std::vector<std::uint64_t> refs;
  for (const std::uint32_t price : {99'900u, 99'800u, 99'700u}) refs.push_back(flow.add('B', 2'000, price));
  flow.execute(flow.ask(), 100);
  std::uint64_t new_ref = 1'000'000;
  for (const std::uint64_t ref : refs) flow.apply(book::make_replace(locate, ref, ++new_ref, 100, 90'000));
  ASSERT_EQ(flow.alerts().size(), 1u);
  EXPECT_EQ(flow.alerts()[0].detector, Detector::layering);
}

TEST(QuoteStuffing, TellsOfABurstOfOrdersThatComeAndGo) {
  Flow flow;
  flow.make_usual();
  const std::uint64_t first = flow.sequence() + 1;
  for (int i = 0; i < 60; ++i) flow.remove(flow.add('B', 100, 99'800));
  const std::vector<AlertRow> alerts = flow.of(Detector::quote_stuffing);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].first_sequence, first);
  EXPECT_EQ(alerts[0].messages, 100u);
  EXPECT_EQ(alerts[0].orders, 50u);
  EXPECT_EQ(alerts[0].ratio, 1.0);
  EXPECT_EQ(alerts[0].sequence, first + 99);
}

TEST(QuoteStuffing, IsNoneWhereTheOrdersStayOrTrade) {
  Flow stays;
  stays.make_usual();
  for (int i = 0; i < 200; ++i) stays.add('B', 100, 99'800);
  EXPECT_TRUE(stays.of(Detector::quote_stuffing).empty());
  Flow trades;
  trades.make_usual();
  for (int i = 0; i < 100; ++i) {
    trades.remove(trades.add('B', 100, 99'800));
    if (i % 10 == 0) trades.execute(trades.ask(), 1);
  }
  EXPECT_TRUE(trades.of(Detector::quote_stuffing).empty());
}

// Asks of 100 shares at every cent are taken one by one; then the bids that followed are.
void ignite(Flow& flow, int levels, bool reverses) {
  std::vector<std::uint64_t> asks;
  flow.remove(flow.ask());
  for (int i = 0; i < levels + 2; ++i)
    asks.push_back(flow.add('S', 100, 100'200 + 100u * static_cast<unsigned>(i)));
  flow.wait(20'000 * ms);
  std::vector<std::uint64_t> bids;
  for (int i = 0; i < levels; ++i) {
    flow.execute(asks[static_cast<std::size_t>(i)], 100);
    bids.push_back(flow.add('B', 100, 100'100 + 100u * static_cast<unsigned>(i)));
    flow.wait(10 * ms);
  }
  flow.wait(200 * ms);
  if (!reverses) return;
  for (int i = levels; i-- > 0;) {
    flow.execute(bids[static_cast<std::size_t>(i)], 100);
    flow.add('S', 100, 100'200 + 100u * static_cast<unsigned>(i));
    flow.wait(10 * ms);
  }
}

TEST(MomentumIgnition, TellsOfARunThatTurns) {
  Flow flow;
  flow.make_usual();
  ignite(flow, 20, true);
  const std::vector<AlertRow> alerts = flow.of(Detector::momentum_ignition);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].side, 'B');
  EXPECT_EQ(alerts[0].trades, 20u);
  EXPECT_EQ(alerts[0].shares, 2'000u);
  EXPECT_GE(alerts[0].ratio, 0.5);
  EXPECT_GE(alerts[0].other_shares, 500u);
  // From a mid of 10.01 by twenty cents, in spreads of about two.
  EXPECT_NEAR(alerts[0].score, 10, 2);
  EXPECT_NEAR(alerts[0].move_bps, 200, 20);
}

TEST(MomentumIgnition, IsNoneWhereThePriceStays) {
  Flow flow;
  flow.make_usual();
  ignite(flow, 20, false);
  EXPECT_TRUE(flow.of(Detector::momentum_ignition).empty());
}

TEST(MarkingTheClose, TellsOfOneSidedTakingBeforeTheClose) {
  const auto run = [](std::uint64_t at_s, bool one_sided) {
    Flow flow;
    flow.make_usual();
    flow.set_time(at_s * 1'000 * ms);
    flow.remove(flow.ask());
    std::vector<std::uint64_t> asks;
    for (unsigned i = 0; i < 20; ++i) asks.push_back(flow.add('S', 100, 100'200 + 100 * i));
    unsigned step = 0;
    for (const std::uint64_t ask : asks) {
      flow.execute(ask, 100);
      flow.add('B', 100, 100'100 + 100 * step++);
      if (!one_sided) flow.execute(flow.bid(), 100);
      flow.wait(1'000 * ms);
      if (ask == asks[17]) break;
    }
    return flow.of(Detector::marking_the_close);
  };
  const std::vector<AlertRow> alerts = run(57'570, true);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].side, 'B');
  EXPECT_EQ(alerts[0].ratio, 1.0);
  EXPECT_GE(alerts[0].score, 6);
  EXPECT_TRUE(run(57'570, false).empty());
  EXPECT_TRUE(run(50'000, true).empty());
}

TEST(WashTrading, TellsOfFillsOfOneSizeRightAfterEntry) {
  Flow flow;
  flow.make_usual();
  std::uint64_t first = 0;
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t ref = flow.add(i % 2 == 0 ? 'B' : 'S', 700, 100'100);
    if (first == 0) first = flow.sequence() + 1;
    flow.execute(ref, 700);
    flow.wait(300 * ms);
  }
  const std::vector<AlertRow> alerts = flow.of(Detector::wash_trading);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].orders, 3u);
  EXPECT_EQ(alerts[0].shares, 2'100u);
  EXPECT_EQ(alerts[0].first_sequence, first);
  EXPECT_EQ(alerts[0].side, ' ');
}

TEST(WashTrading, IsNoneWhereSizesDifferOrOrdersWait) {
  Flow differ;
  differ.make_usual();
  for (Shares i = 0; i < 8; ++i) {
    const std::uint64_t ref = differ.add('B', 700 + i, 100'100);
    differ.execute(ref, 700 + i);
  }
  EXPECT_TRUE(differ.of(Detector::wash_trading).empty());
  Flow waits;
  waits.make_usual();
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t ref = waits.add('B', 700, 100'100);
    waits.wait(5 * ms);
    waits.execute(ref, 700);
  }
  EXPECT_TRUE(waits.of(Detector::wash_trading).empty());
}

// The same flow with bids for asks, and every price as far on the other side of 10.01.
Event mirrored(const Event& original) {
  Event event = original;
  const auto flip = [](Price price) { return Price{200'200 - price.ticks}; };
  switch (event.kind) {
    case EventKind::add:
      event.code = event.code == 'B' ? 'S' : 'B';
      event.order.price = flip(event.order.price);
      break;
    case EventKind::replace: event.order.price = flip(event.order.price); break;
    default: break;
  }
  return event;
}

TEST(Surveillance, IsTheSameOnBothSides) {
  Flow flow;
  flow.make_usual();
  spoof(flow, {99'900, 99'800, 99'700}, 2'000);
  flow.wait(3'000 * ms);
  spoof(flow, {99'900}, 8'000);
  flow.wait(3'000 * ms);
  ignite(flow, 20, true);
  ASSERT_GE(flow.alerts().size(), 3u);
  Flow other;
  for (std::size_t i = 1; i < flow.events().size(); ++i) {
    other.set_time(raw(flow.events()[i].time));
    other.apply(mirrored(flow.events()[i]));
  }
  std::vector<AlertRow> mirror;
  for (const AlertRow& row : other.alerts())
    if (row.sequence >= flow.alerts()[0].first_sequence) mirror.push_back(row);
  ASSERT_EQ(mirror.size(), flow.alerts().size());
  for (std::size_t i = 0; i < mirror.size(); ++i) {
    const AlertRow& a = flow.alerts()[i];
    const AlertRow& b = mirror[i];
    EXPECT_EQ(a.detector, b.detector);
    EXPECT_NE(a.side, b.side);
    EXPECT_EQ(a.score, b.score);
    EXPECT_EQ(a.sequence, b.sequence);
    EXPECT_EQ(a.first_sequence, b.first_sequence);
    EXPECT_EQ(a.shares, b.shares);
    EXPECT_EQ(a.other_shares, b.other_shares);
  }
}

TEST(Surveillance, ScalesWithTheSizesOfAllOrders) {
  const auto run = [](Shares scale) {
    Flow flow;
    Flow scaled;
    flow.make_usual();
    spoof(flow, {99'900, 99'800, 99'700}, 2'000);
    for (std::size_t i = 1; i < flow.events().size(); ++i) {
      Event event = flow.events()[i];
      event.order.shares *= scale;
      scaled.set_time(raw(event.time));
      scaled.apply(event);
    }
    return scaled.alerts().back();
  };
  // Means are kept in sixteenths of shares, and rounded.
  EXPECT_NEAR(run(1).score, run(16).score, 0.05 * run(1).score);
}

TEST(Surveillance, StartsOverWhenABookIsPutInPlace) {
  Flow flow;
  flow.make_usual();
  const std::uint64_t ref = flow.add('B', 9'000, 99'900);
  flow.execute(flow.ask(), 200);
  Event event = book::make_event(EventKind::system, locate);
  const book::Bbo bbo = flow.books().bbo(locate);
  flow.on_bbo(event, bbo, bbo, Quality::good);
  flow.remove(ref);
  EXPECT_TRUE(flow.alerts().empty());
}

TEST(Surveillance, MarksAnAlertWhoseWindowSpansAGap) {
  Flow flow;
  flow.make_usual();
  const std::uint64_t ref = flow.add('B', 9'000, 99'900);
  flow.books().mark(locate, Quality::gapped);
  flow.execute(flow.ask(), 200);
  flow.books().unmark(locate, Quality::gapped);
  flow.remove(ref);
  ASSERT_EQ(flow.alerts().size(), 1u);
  EXPECT_EQ(flow.alerts()[0].quality, Quality::gapped);
}

// At every cut of a flow with alerts of every kind: saved, loaded into another instance, and gone on with.
TEST(Surveillance, GoesOnWhereItsStateWasSaved) {
  Flow flow;
  flow.make_usual();
  const std::size_t usual = flow.events().size();
  spoof(flow, {99'900, 99'800, 99'700}, 2'000);
  flow.wait(3'000 * ms);
  spoof(flow, {99'900}, 8'000);
  for (int i = 0; i < 60; ++i) flow.remove(flow.add('B', 100, 99'800));
  for (int i = 0; i < 4; ++i) flow.execute(flow.add('B', 700, 100'100), 700);
  ignite(flow, 20, true);
  ASSERT_GE(flow.alerts().size(), 5u);
  for (std::size_t cut = usual; cut < flow.events().size(); cut += 7) {
    Flow before;
    for (std::size_t i = 1; i < cut; ++i) {
      before.set_time(raw(flow.events()[i].time));
      before.apply(flow.events()[i]);
    }
    stream::StateWriter saved;
    before.books().save_book(locate, saved);
    before.detectors().save_key(locate, saved);
    // Another instance of the operators over another book.
    struct Rest : book::NullBookHandler {
      std::unique_ptr<book::OrderBooks> books = std::make_unique<book::OrderBooks>(small_books);
      Surveillance detectors{test_parameters()};
      std::vector<AlertRow> alerts;
      void emit(const AlertRow& row) { alerts.push_back(row); }
      static stream::Context context(const Event& event) {
        return {event.locate, event.sequence, event.time, event.captured, Quality::good};
      }
      void on_order(const Event& event, const book::OrderChange& change) {
        detectors.on_order(context(event), event.kind, change, *books, *this);
      }
      void on_bbo(const Event& event, const book::Bbo& b, const book::Bbo& a, Quality) {
        detectors.on_bbo(context(event), b, a, *books, *this);
      }
      void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo& bbo, Quality) {
        detectors.on_trade(context(event), trade, bbo, *books, *this);
      }
    };
    const auto rest = std::make_unique<Rest>();
    stream::StateReader reader(saved.bytes());
    ASSERT_TRUE(rest->books->load_book(locate, reader));
    rest->detectors.load_key(locate, reader);
    ASSERT_TRUE(reader.complete());
    for (std::size_t i = cut; i < flow.events().size(); ++i)
      rest->books->apply({&flow.events()[i], 1}, *rest);
    std::vector<AlertRow> expected;
    for (const AlertRow& row : flow.alerts())
      if (row.sequence > cut) expected.push_back(row);
    ASSERT_EQ(rest->alerts.size(), expected.size()) << "cut " << cut;
    EXPECT_EQ(std::memcmp(rest->alerts.data(), expected.data(), expected.size() * sizeof(AlertRow)), 0)
        << "cut " << cut;
  }
}

}  // namespace
}  // namespace tapeline::surveillance
