#include "capture/soupbintcp/soup_packet_source.h"

#include <string>

#include "base/bytes.h"
#include "feed/moldudp64/packet.h"
#include "feed/soupbintcp/server_session.h"
#include "os/posix/system_clock.h"

namespace tapeline::capture {
namespace {

constexpr std::uint64_t poll_ns = 20'000'000;

// The other end, driven by hand: accepts a connection and answers its login.
class Server {
 public:
  Server() : listener_(*os::TcpListener::listen({os::loopback_address, 0})) {}

  [[nodiscard]] Endpoint endpoint() const { return *listener_.local_endpoint(); }
  [[nodiscard]] const std::vector<soupbintcp::LoginRequest>& logins() const { return logins_; }

  void turn() {
    if (!connection_) {
      Result<std::optional<os::TcpConnection>> accepted = listener_.accept();
      ASSERT_TRUE(accepted.has_value());
      if (!*accepted) return;
      connection_ = std::move(**accepted);
      session_.emplace(soupbintcp::SessionLimits{}, counters_, clock_.monotonic_ns());
    }
    std::array<std::byte, 4096> buffer;
    const auto got = connection_->read(buffer);
    if (!got || got->closed) return hang_up();
    if (got->bytes > 0) session_->feed(std::span(buffer).first(got->bytes), clock_.monotonic_ns());
    while (const auto event = session_->next())
      if (event->kind == soupbintcp::ServerEvent::Kind::login) {
        logins_.push_back(event->login);
        session_->accept(FixedText<10>(session_name),
                         std::max<std::uint64_t>(event->login.sequence, first_kept), clock_.monotonic_ns());
      }
    flush();
  }
  void say(std::string_view message) {
    ASSERT_TRUE(session_ && session_->is_open());
    ASSERT_TRUE(session_->send(std::as_bytes(std::span(message)), clock_.monotonic_ns()));
    flush();
  }
  void end() {
    session_->end_session(clock_.monotonic_ns());
    flush();
  }
  void hang_up() {
    connection_.reset();
    session_.reset();
  }

  std::string session_name = "DAY1";
  std::uint64_t first_kept = 1;

 private:
  void flush() {
    while (!session_->output().empty()) {
      const auto sent = connection_->write(session_->output());
      ASSERT_TRUE(sent.has_value());
      session_->consume_output(sent->bytes);
    }
  }

  os::SystemClock clock_;
  os::TcpListener listener_;
  std::optional<os::TcpConnection> connection_;
  soupbintcp::ServerCounters counters_;
  std::optional<soupbintcp::ServerSession> session_;
  std::vector<soupbintcp::LoginRequest> logins_;
};

class SoupPacketSourceTest : public testing::Test {
 protected:
  void open(const feed::FeedPosition& position = {}) {
    auto opened = SoupPacketSource::open(
        {.server = server_.endpoint(), .user = FixedText<6>("me"), .least_wait_ns = 1'000'000}, position,
        clock_, [this](const std::string& what) { told_.push_back(what); });
    ASSERT_TRUE(opened.has_value());
    source_ = std::move(*opened);
  }
  // Polls until that is so, some seconds at most.
  template <class Condition>
  void poll_until(Condition&& condition) {
    const std::uint64_t give_up_ns = clock_.monotonic_ns() + 10'000'000'000;
    while (!condition() && clock_.monotonic_ns() < give_up_ns) {
      server_.turn();
      const auto packets = source_->poll(poll_ns);
      ASSERT_TRUE(packets.has_value());
      for (const Packet& packet : *packets) take(packet);
    }
    EXPECT_TRUE(condition());
  }
  void collect(std::size_t messages) {
    poll_until([&] { return messages_.size() >= messages; });
  }
  void log_in() {
    const std::size_t before = server_.logins().size();
    while (server_.logins().size() == before) {
      server_.turn();
      ASSERT_TRUE(source_->poll(poll_ns).has_value());
    }
  }
  void take(const Packet& packet) {
    EXPECT_EQ(packet.channel, 0);
    EXPECT_NE(raw(packet.capture_time), 0u);
    // The padding can be read: under the address sanitizer this is the test.
    volatile std::byte last = packet.payload.data()[packet.payload.size() + decode_padding - 1];
    (void)last;
    const moldudp64::Packet parsed = moldudp64::parse_packet(packet.payload);
    ASSERT_EQ(parsed.defect, moldudp64::Defect::none);
    sessions_.insert(std::string(parsed.header.session.view()));
    ended_ |= parsed.kind == moldudp64::PacketKind::end_of_session;
    std::span<const std::byte> left = parsed.blocks;
    for (std::uint64_t sequence = parsed.header.sequence; !left.empty(); ++sequence) {
      const std::size_t size = load_be<std::uint16_t>(left.data());
      messages_[sequence] = {reinterpret_cast<const char*>(left.data() + 2), size};
      left = left.subspan(2 + size);
    }
  }

  os::SystemClock clock_;
  Server server_;
  std::unique_ptr<SoupPacketSource> source_;
  std::vector<std::string> told_;
  std::map<std::uint64_t, std::string> messages_;
  std::set<std::string> sessions_;
  bool ended_ = false;
};

TEST_F(SoupPacketSourceTest, MakesPacketsOfMessages) {
  open();
  log_in();
  EXPECT_EQ(server_.logins().back().sequence, 1u);
  server_.say("one");
  server_.say("two");
  collect(2);
  server_.say("three");
  collect(3);
  EXPECT_THAT(messages_, testing::ElementsAre(testing::Pair(1, "one"), testing::Pair(2, "two"),
                                              testing::Pair(3, "three")));
  EXPECT_THAT(sessions_, testing::ElementsAre("DAY1"));
  server_.end();
  poll_until([&] { return ended_; });
  EXPECT_GT(source_->counters()[0].packets, 2u);
  EXPECT_THAT(told_.front(), testing::HasSubstr("session DAY1"));
}

TEST_F(SoupPacketSourceTest, GoesOnBehindTheLastMessageOfALostConnection) {
  open();
  log_in();
  server_.say("one");
  collect(1);
  server_.hang_up();
  log_in();
  EXPECT_EQ(server_.logins().back().sequence, 2u);
  EXPECT_EQ(server_.logins().back().session, FixedText<10>("DAY1"));
  server_.say("two");
  collect(2);
  EXPECT_EQ(messages_[2], "two");
  EXPECT_THAT(told_,
              testing::ElementsAre(testing::HasSubstr("comes from"), testing::HasSubstr("trying again"),
                                   testing::HasSubstr("comes from")));
}

TEST_F(SoupPacketSourceTest, GoesOnWhereTheLogEnds) {
  open({.session = feed::SessionName("DAY1"), .next_sequence = 41, .in_session = true});
  log_in();
  EXPECT_EQ(server_.logins().back().sequence, 41u);
  server_.say("forty-one");
  collect(1);
  EXPECT_EQ(messages_[41], "forty-one");
}

TEST_F(SoupPacketSourceTest, ShowsAsAGapWhatTheServerNoLongerHas) {
  server_.first_kept = 100;
  open({.session = feed::SessionName("DAY1"), .next_sequence = 41, .in_session = true});
  log_in();
  server_.say("a hundred");
  collect(1);
  EXPECT_THAT(messages_, testing::ElementsAre(testing::Pair(100, "a hundred")));
}

TEST_F(SoupPacketSourceTest, WaitsForAServerThatIsNotThere) {
  // Nobody listens there any more.
  const Endpoint nobody = [] {
    return *os::TcpListener::listen({os::loopback_address, 0})->local_endpoint();
  }();
  auto opened =
      SoupPacketSource::open({.server = nobody, .least_wait_ns = 1'000'000, .most_wait_ns = 8'000'000}, {},
                             clock_, [this](const std::string& what) { told_.push_back(what); });
  ASSERT_TRUE(opened.has_value());
  for (int i = 0; i < 10; ++i) {
    const auto packets = (*opened)->poll(2'000'000);
    ASSERT_TRUE(packets.has_value());
    EXPECT_TRUE(packets->empty());
  }
  EXPECT_THAT(told_, testing::ElementsAre(testing::HasSubstr("trying again")));
  EXPECT_FALSE((*opened)->send(0, nobody, {}).has_value());
}

}  // namespace
}  // namespace tapeline::capture
