#include "exchange/feed_service.h"

#include "base/bytes.h"
#include "exchange/generated_source.h"
#include "feed/soupbintcp/feed_client.h"

namespace tapeline::exchange {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr simulator::Config day = {.messages = 50'000, .symbols = 50, .spoofing = 0};

PublisherConfig at_once(std::size_t kept_bytes = std::size_t{1} << 30) {
  PublisherConfig config;
  config.pacing.mode = PacingMode::unpaced;
  config.linger_ns = 100 * second_ns;
  config.kept_bytes = kept_bytes;
  return config;
}

Result<std::unique_ptr<feed::MessageSource>> open_day(std::uint64_t) {
  return std::make_unique<GeneratedSource>(day);
}

// What a client is told.
class Heard final : public feed::FeedConsumer {
 public:
  void on_session_started(const feed::SessionStarted& item) override { sessions.push_back(item.session); }
  void on_messages(const feed::MessageBlock& block) override {
    EXPECT_EQ(block.first_sequence, next);
    next = block.first_sequence + block.message_count;
    bytes.insert(bytes.end(), block.bytes.begin(), block.bytes.end());
  }
  void on_gap_declared(const feed::GapDeclared& item) override {
    gaps.emplace_back(item.from, item.to);
    next = item.to;
  }
  void on_recovery_started(const feed::RecoveryStarted&) override {}
  void on_snapshot_messages(const feed::MessageBlock&) override {}
  void on_snapshot_complete(const feed::SnapshotComplete&) override {}
  void on_end_of_session(const feed::SessionEnded& item) override { ended = item.next_sequence; }

  std::vector<feed::SessionName> sessions;
  std::vector<std::byte> bytes;
  std::uint64_t next = 1;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
  std::optional<std::uint64_t> ended;
};

class FeedServiceTest : public testing::Test {
 protected:
  // Publishes until so many messages are out, or the session is.
  void publish(std::uint64_t messages) {
    DatagramBatch batch;
    while (publisher_.published_up_to() <= messages && !publisher_.last_session_ended_ns()) {
      batch.clear();
      ++now_ns_;
      ASSERT_TRUE(publisher_.advance({now_ns_, now_ns_}, batch).has_value());
    }
  }
  // Moves bytes between the two ends, some at a time, until nothing moves any more.
  void exchange_bytes(ByteSession& server, soupbintcp::FeedClient& client,
                      std::size_t at_once_bytes = 7'001) {
    for (bool moved = true; moved;) {
      const auto output = client.session().output();
      const std::vector<std::byte> up(output.begin(), output.end());
      client.session().consume_output(up.size());
      if (!up.empty()) server.feed(up, now_ns_);
      server.pump(now_ns_);
      const auto some = server.output().first(std::min(at_once_bytes, server.output().size()));
      const std::vector<std::byte> down(some.begin(), some.end());
      server.consume_output(down.size());
      if (!down.empty()) client.on_bytes(down, CaptureTime{0}, now_ns_);
      moved = !up.empty() || !down.empty();
    }
  }
  [[nodiscard]] std::vector<std::byte> published(std::uint64_t from) const {
    std::vector<std::byte> bytes;
    while (from < publisher_.published_up_to()) {
      const PublishedMessages::Run run =
          publisher_.messages().find(from, publisher_.published_up_to() - from, 64 * 1024);
      bytes.insert(bytes.end(), run.frames.begin(), run.frames.end());
      from += run.count;
    }
    return bytes;
  }
  soupbintcp::FeedClient client(Heard& heard, const feed::FeedPosition& position = {}) {
    soupbintcp::FeedClient made({}, FixedText<6>("me"), FixedText<10>(""), heard, position);
    made.connect(now_ns_);
    return made;
  }

  std::mutex mutex_;
  std::uint64_t now_ns_ = second_ns;
  Publisher publisher_{at_once(), open_day};
  FeedService service_{publisher_, mutex_};
};

TEST_F(FeedServiceTest, TellsAllFromTheFirstMessageToTheEndOfTheSession) {
  publish(day.messages / 3);
  const std::unique_ptr<ByteSession> session = service_.make_session(now_ns_);
  Heard heard;
  soupbintcp::FeedClient one = client(heard);
  exchange_bytes(*session, one);
  EXPECT_EQ(heard.next, publisher_.published_up_to());
  publish(day.messages + 1);
  exchange_bytes(*session, one);
  EXPECT_EQ(heard.bytes, published(1));
  EXPECT_EQ(heard.ended, publisher_.published_up_to());
  EXPECT_THAT(heard.sessions, testing::ElementsAre(publisher_.session()));
  EXPECT_THAT(heard.gaps, testing::IsEmpty());
  EXPECT_TRUE(session->is_over());
}

TEST_F(FeedServiceTest, GoesOnWhereAClientLeft) {
  publish(day.messages / 2);
  Heard heard;
  const std::uint64_t from = day.messages / 4;
  heard.next = from;
  const std::unique_ptr<ByteSession> session = service_.make_session(now_ns_);
  soupbintcp::FeedClient one =
      client(heard, {.session = publisher_.session(), .next_sequence = from, .in_session = true});
  exchange_bytes(*session, one);
  EXPECT_EQ(heard.bytes, published(from));
  EXPECT_THAT(heard.sessions, testing::IsEmpty());
}

TEST_F(FeedServiceTest, KnowsNoOtherSession) {
  publish(100);
  Heard heard;
  const std::unique_ptr<ByteSession> session = service_.make_session(now_ns_);
  soupbintcp::FeedClient one =
      client(heard, {.session = feed::SessionName("YESTERDAY"), .next_sequence = 5, .in_session = true});
  exchange_bytes(*session, one);
  EXPECT_EQ(one.session().reject_reason(), soupbintcp::RejectReason::no_such_session);
  // It asks for the one that there is.
  heard.next = 1;
  const std::unique_ptr<ByteSession> again = service_.make_session(now_ns_);
  one.connect(now_ns_);
  exchange_bytes(*again, one);
  EXPECT_THAT(heard.sessions, testing::ElementsAre(publisher_.session()));
  EXPECT_EQ(heard.bytes, published(1));
}

TEST_F(FeedServiceTest, LetsAClientGoThatNeverLogsIn) {
  const std::unique_ptr<ByteSession> session = service_.make_session(now_ns_);
  session->on_timer(now_ns_ + 14 * second_ns);
  EXPECT_FALSE(session->is_over());
  session->on_timer(now_ns_ + 15 * second_ns);
  EXPECT_TRUE(session->is_over());
}

TEST_F(FeedServiceTest, HoldsNoMoreForASlowClientThanItsOutput) {
  publish(day.messages + 1);
  Heard heard;
  const std::unique_ptr<ByteSession> session = service_.make_session(now_ns_);
  soupbintcp::FeedClient one = client(heard);
  const std::vector<std::byte> login(one.session().output().begin(), one.session().output().end());
  session->feed(login, now_ns_);
  for (int i = 0; i < 100; ++i) session->pump(now_ns_);
  EXPECT_LE(session->output().size(), std::size_t{1} << 20);
  EXPECT_FALSE(session->is_over());  // There is much to say, which is not the client's fault.
  one.session().consume_output(login.size());
  exchange_bytes(*session, one);
  EXPECT_EQ(heard.bytes, published(1));
}

TEST(FeedService, TellsOfTheGapWhereMessagesAreForgotten) {
  // It keeps the newest two segments of a megabyte, and the day has more.
  constexpr simulator::Config long_day = {.messages = 120'000, .symbols = 50, .spoofing = 0};
  std::mutex mutex;
  Publisher publisher(at_once(2 * PublishedMessages::segment_bytes), [&](std::uint64_t) {
    return Result<std::unique_ptr<feed::MessageSource>>(std::make_unique<GeneratedSource>(long_day));
  });
  FeedService service(publisher, mutex);
  std::uint64_t now_ns = second_ns;
  DatagramBatch batch;
  while (!publisher.last_session_ended_ns()) {
    batch.clear();
    ++now_ns;
    ASSERT_TRUE(publisher.advance({now_ns, now_ns}, batch).has_value());
  }
  const std::uint64_t first = publisher.messages().first_kept();
  ASSERT_GT(first, 1u);
  const std::unique_ptr<ByteSession> session = service.make_session(now_ns);
  Heard heard;
  soupbintcp::FeedClient one({}, FixedText<6>("me"), FixedText<10>(""), heard, {});
  one.connect(now_ns);
  const std::vector<std::byte> login(one.session().output().begin(), one.session().output().end());
  one.session().consume_output(login.size());
  session->feed(login, now_ns);
  for (session->pump(now_ns); !session->output().empty(); session->pump(now_ns)) {
    const std::vector<std::byte> down(session->output().begin(), session->output().end());
    session->consume_output(down.size());
    one.on_bytes(down, CaptureTime{0}, now_ns);
  }
  EXPECT_THAT(heard.gaps, testing::ElementsAre(std::pair<std::uint64_t, std::uint64_t>(1, first)));
  EXPECT_EQ(heard.next, publisher.published_up_to());
  EXPECT_EQ(heard.ended, publisher.published_up_to());
}

}  // namespace
}  // namespace tapeline::exchange
