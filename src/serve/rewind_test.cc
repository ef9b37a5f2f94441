#include "serve/rewind.h"

#include <gtest/gtest.h>

#include "os/posix/system_clock.h"
#include "serve/test_feed.h"

namespace tapeline::serve {
namespace {

// A day with everything that a log can hold: a gap, a recovery by snapshot, another gap.
void make_day(TestFeed& feed) {
  feed.start_session("DAY");
  for (int part = 0; part < 60; ++part) {
    feed.send_random(20 + feed.random()() % 60);
    if (part == 20 || part == 45) feed.declare_gap(9);
    if (part == 30) feed.recover();
    feed.flush();
  }
}

class RewindTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  void load(TestFeed& feed, std::size_t keyframe_bytes) {
    index_ = std::make_unique<FeedIndex>(keyframe_bytes, 100);
    auto reader = feed.log().open_reader(pipeline::feed_topic, 0);
    ASSERT_TRUE(reader);
    follow(**reader, view_, [&] { index_->note(view_); });
  }
  Result<RewindAnswer> ask(TestFeed& feed, Locate locate, EventTime until, std::uint64_t sequence) {
    RewindRequest request;
    request.locate = locate;
    request.symbol = view_.books().symbol(locate);
    request.until = until;
    request.last_sequence = sequence;
    request.levels = 100;
    const auto start = index_->find(locate, until, sequence);
    EXPECT_TRUE(start);
    request.start = *start;
    return rewind(feed.log(), clock_, 10'000'000'000, cancelled_, request);
  }
  // The book by a replay of everything, without any help.
  terminal::BookSnapshot plain(TestFeed& feed, Locate locate, EventTime until, std::uint64_t sequence) {
    FeedBooks<MarketView> books({.expected_orders = 1 << 12, .max_blocks = 1 << 16}, quiet_);
    books.set_limits({until, sequence});
    auto reader = feed.log().open_reader(pipeline::feed_topic, 0);
    EXPECT_TRUE(reader);
    follow(**reader, books, [] {});
    last_sequence_ = books.sequence();
    return terminal::take_snapshot(books.books(), locate, until, 100);
  }

  MarketView view_;
  MarketView quiet_;
  std::unique_ptr<FeedIndex> index_;
  os::SystemClock clock_;
  std::atomic<bool> cancelled_{false};
  std::uint64_t last_sequence_ = 0;
};

TEST_P(RewindTest, FindsTheBookOfAnyMoment) {
  TestFeed feed(GetParam() + 3);
  make_day(feed);
  ASSERT_NO_FATAL_FAILURE(load(feed, GetParam()));
  EXPECT_EQ(index_->keyframes() > 0, GetParam() > 0);
  EXPECT_LE(index_->bytes(), GetParam());
  for (int i = 0; i < 40; ++i) {
    const Locate locate{static_cast<std::uint16_t>(1 + feed.random()() % TestFeed::symbols)};
    const bool by_time = i % 2 == 0;
    const EventTime until{by_time
                              ? 34'200'000'000'000 + feed.random()() % (raw(feed.time()) - 34'200'000'000'000)
                              : UINT64_MAX};
    const std::uint64_t sequence = by_time ? UINT64_MAX : 1 + feed.random()() % (feed.next_sequence() - 1);
    const auto answer = ask(feed, locate, until, sequence);
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->frames.size(), 1u);
    const terminal::BookSnapshot& book = answer->frames[0].book;
    const terminal::BookSnapshot wanted = plain(feed, locate, until, sequence);
    SCOPED_TRACE(testing::Message() << "locate " << raw(locate) << " until " << raw(until) << " sequence "
                                    << sequence);
    EXPECT_EQ(book.bid.levels, wanted.bid.levels);
    EXPECT_EQ(book.ask.levels, wanted.ask.levels);
    EXPECT_EQ(book.quality, wanted.quality);
    EXPECT_EQ(book.state.trading, wanted.state.trading);
    EXPECT_EQ(answer->frames[0].sequence, last_sequence_);
    EXPECT_EQ(answer->session, "DAY");
  }
}

// Without keyframes, with so few that most are thrown away again, and with all.
INSTANTIATE_TEST_SUITE_P(Keyframes, RewindTest, ::testing::Values(0, 40'000, 100'000'000));

TEST_F(RewindTest, TakesFramesThatAreEvenlyApart) {
  TestFeed feed(5);
  make_day(feed);
  ASSERT_NO_FATAL_FAILURE(load(feed, 100'000'000));
  RewindRequest request;
  request.locate = Locate{2};
  request.levels = 100;
  request.from = EventTime{34'200'300'000'000};
  request.until = EventTime{34'200'900'000'000};
  request.step_ns = 50'000'000;
  request.start = *index_->find(request.locate, request.from, UINT64_MAX);
  const auto answer = rewind(feed.log(), clock_, 10'000'000'000, cancelled_, request);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->frames.size(), 13u);
  for (std::size_t i = 0; i < answer->frames.size(); ++i) {
    const RewindFrame& frame = answer->frames[i];
    EXPECT_EQ(raw(frame.time), raw(request.from) + i * request.step_ns);
    const terminal::BookSnapshot wanted = plain(feed, request.locate, frame.time, UINT64_MAX);
    EXPECT_EQ(frame.book.bid.levels, wanted.bid.levels);
    EXPECT_EQ(frame.book.ask.levels, wanted.ask.levels);
    EXPECT_EQ(frame.sequence, last_sequence_);
  }
  for (std::uint64_t i = answer->trades.oldest(); i < answer->trades.total(); ++i) {
    EXPECT_GE(answer->trades[i].time, request.from);
    EXPECT_LE(answer->trades[i].time, request.until);
  }
  EXPECT_GT(answer->trades.total(), 0u);
}

TEST_F(RewindTest, GivesUpInTime) {
  TestFeed feed(6);
  make_day(feed);
  ASSERT_NO_FATAL_FAILURE(load(feed, 0));
  cancelled_ = true;
  const auto answer = ask(feed, Locate{1}, EventTime{UINT64_MAX}, feed.next_sequence() - 1);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::interrupted);
}

TEST_F(RewindTest, KnowsOnlyTheSessionAtHand) {
  TestFeed feed(7);
  feed.start_session("FIRST");
  feed.send_random(500);
  feed.flush();
  feed.end_session();
  feed.start_session("SECOND");
  feed.send_random(500);
  feed.flush();
  ASSERT_NO_FATAL_FAILURE(load(feed, 100'000'000));
  const auto answer = ask(feed, Locate{1}, EventTime{UINT64_MAX}, 200);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->session, "SECOND");
  EXPECT_EQ(answer->frames[0].sequence, 200u);
}

}  // namespace
}  // namespace tapeline::serve
