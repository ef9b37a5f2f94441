#include "pipeline/feed_run.h"

#include <vector>

#include <gtest/gtest.h>

#include "feed/itch50/encoder.h"
#include "pipeline/market_analytics.h"

namespace tapeline::pipeline {
namespace {

struct Piece {
  std::string_view session;
  std::uint64_t first_sequence;
  std::vector<std::byte> frames;
  std::uint32_t count;
};

// Messages from memory, as a capture of several sessions would give them.
class PiecesSource final : public feed::MessageSource {
 public:
  explicit PiecesSource(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
    for (Piece& piece : pieces_) piece.frames.resize(piece.frames.size() + decode_padding);
  }
  Result<std::optional<feed::MessageBlock>> next() override {
    if (next_ == pieces_.size()) return std::nullopt;
    const Piece& piece = pieces_[next_++];
    session_ = feed::SessionName(piece.session);
    return feed::MessageBlock{std::span(piece.frames).first(piece.frames.size() - decode_padding),
                              piece.first_sequence, piece.count, CaptureTime{0}};
  }
  [[nodiscard]] feed::SessionName session() const override { return session_; }
  [[nodiscard]] feed::SourceProgress progress() const override { return {}; }
  [[nodiscard]] const feed::SourceCounters& counters() const override { return counters_; }
  [[nodiscard]] std::span<const feed::SequenceGap> gaps() const override { return {}; }

 private:
  std::vector<Piece> pieces_;
  std::size_t next_ = 0;
  feed::SessionName session_{""};
  feed::SourceCounters counters_;
};

template <class M>
void put(std::vector<std::byte>& frames, const M& message) {
  std::array<std::byte, 64> bytes;
  frames.insert(frames.end(), bytes.data(), itch50::encode_framed(message, bytes.data()));
}

// A hidden trade and an order, at a moment of the day.
std::vector<std::byte> trade_and_order(EventTime time, std::uint64_t ref) {
  std::vector<std::byte> frames;
  itch50::Trade trade{};
  trade.header = {'P', Locate{1}, 0, time};
  trade.side = 'B';
  trade.shares = 100;
  trade.stock = Symbol("AAPL");
  trade.price = Price{1'000'000};
  put(frames, trade);
  itch50::AddOrder add{};
  add.header = {'A', Locate{1}, 0, time};
  add.order_ref = OrderRef{ref};
  add.side = 'B';
  add.shares = 10;
  add.stock = Symbol("AAPL");
  add.price = Price{990'000};
  put(frames, add);
  return frames;
}

struct BarCollector {
  std::vector<analytics::BarRow> bars;
  void emit(const analytics::BarRow& row) { bars.push_back(row); }
  template <class Row>
  void emit(const Row&) {}
};

constexpr Locate here{1};

TEST(FeedRun, MarksNothingWhereNothingIsMissing) {
  PiecesSource source(
      {{"S1", 1, trade_and_order(EventTime{5}, 7), 2}, {"S1", 3, trade_and_order(EventTime{6}, 8), 2}});
  book::OrderBooks books;
  book::NullBookHandler quiet;
  FeedRunSummary summary;
  ASSERT_TRUE(run_feed(source, books, quiet, {}, summary));
  EXPECT_EQ(summary.messages, 4u);
  EXPECT_EQ(books.quality(here), Quality::good);
  EXPECT_EQ(books.live_orders(), 2u);
}

TEST(FeedRun, MarksBooksGappedWhenTheFirstMessagesAreMissing) {
  PiecesSource source({{"S1", 1000, trade_and_order(EventTime{5}, 7), 2}});
  book::OrderBooks books;
  book::NullBookHandler quiet;
  FeedRunSummary summary;
  ASSERT_TRUE(run_feed(source, books, quiet, {}, summary));
  EXPECT_EQ(books.quality(here), Quality::gapped);
}

TEST(FeedRun, MarksBooksGappedWhenMessagesInBetweenAreMissing) {
  PiecesSource source(
      {{"S1", 1, trade_and_order(EventTime{5}, 7), 2}, {"S1", 4, trade_and_order(EventTime{6}, 8), 2}});
  book::OrderBooks books;
  book::NullBookHandler quiet;
  FeedRunSummary summary;
  ASSERT_TRUE(run_feed(source, books, quiet, {}, summary));
  EXPECT_EQ(books.quality(here), Quality::gapped);
}

// The second session begins earlier in its day than the first one ended; its windows are its own.
TEST(FeedRun, StartsBooksAndWindowsAnewWithASession) {
  const EventTime late{15 * 3600 * nanoseconds_per_second};
  const EventTime early{10 * 3600 * nanoseconds_per_second};
  PiecesSource source({{"S1", 5, trade_and_order(late, 7), 2}, {"S2", 1, trade_and_order(early, 7), 2}});
  book::OrderBooks books;
  BarCollector rows;
  MarketAnalytics<BarCollector> analytics({}, books, rows);
  FeedRunSummary summary;
  ASSERT_TRUE(run_feed(source, books, analytics, {}, summary));
  analytics.finish();
  ASSERT_EQ(rows.bars.size(), 2u);
  EXPECT_EQ(rows.bars[0].start, late);
  EXPECT_EQ(rows.bars[0].quality, Quality::gapped);
  EXPECT_EQ(rows.bars[1].start, early);
  EXPECT_EQ(rows.bars[1].quality, Quality::good);
  EXPECT_EQ(books.live_orders(), 1u);
}

}  // namespace
}  // namespace tapeline::pipeline
