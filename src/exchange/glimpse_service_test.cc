#include "exchange/glimpse_service.h"

#include "base/bytes.h"
#include "exchange/generated_source.h"
#include "exchange/glimpse_server.h"
#include "feed/glimpse/snapshot_client.h"
#include "os/posix/system_clock.h"

namespace tapeline::exchange {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr simulator::Config day = {.messages = 30'000, .symbols = 100, .spoofing = 0};

PublisherConfig at_once() {
  PublisherConfig config;
  config.pacing.mode = PacingMode::unpaced;
  config.linger_ns = 100 * second_ns;
  return config;
}

Result<std::unique_ptr<feed::MessageSource>> open_day(std::uint64_t) {
  return std::make_unique<GeneratedSource>(day);
}

// A late joiner: the snapshot, and then the messages published from its position on.
class LateJoiner final : public glimpse::SnapshotSink {
 public:
  void on_snapshot_messages(const feed::MessageBlock& block) override {
    apply(block.bytes, block.message_count);
  }
  void on_snapshot_complete(std::uint64_t next_sequence) override { complete = next_sequence; }
  void on_snapshot_failed(std::string_view reason) override { failed = reason; }

  // What is missing of the session after the snapshot.
  void catch_up(const Publisher& publisher) {
    for (std::uint64_t next = *complete; next < publisher.published_up_to();) {
      const PublishedMessages::Run run =
          publisher.messages().find(next, publisher.published_up_to() - next, 64 * 1024);
      apply(run.frames, run.count);
      next += run.count;
    }
  }

  MarketState state;
  std::optional<std::uint64_t> complete;
  std::string failed;

 private:
  void apply(std::span<const std::byte> frames, std::uint32_t count) {
    std::vector<std::byte> bytes(frames.begin(), frames.end());
    bytes.resize(bytes.size() + decode_padding);
    state.apply({std::span(bytes).first(frames.size()), state.next_sequence(), count, CaptureTime{0}});
  }
};

// Moves bytes between the two ends until the client has what it wants, or nothing moves any more.
void exchange_bytes(ByteSession& server, glimpse::SnapshotClient& client, std::uint64_t now_ns) {
  for (bool moved = true; moved && !client.is_over();) {
    const std::vector<std::byte> up(client.output().begin(), client.output().end());
    client.consume_output(up.size());
    if (!up.empty()) server.feed(up, now_ns);
    server.pump(now_ns);
    const std::vector<std::byte> down(server.output().begin(), server.output().end());
    server.consume_output(down.size());
    if (!down.empty()) client.on_bytes(down, CaptureTime{0}, now_ns);
    moved = !up.empty() || !down.empty();
  }
}

// Publishes until so many messages are out.
void publish(Publisher& publisher, std::uint64_t messages, std::uint64_t& now_ns) {
  DatagramBatch batch;
  while (publisher.published_up_to() <= messages && !publisher.last_session_ended_ns()) {
    batch.clear();
    ASSERT_TRUE(publisher.advance({++now_ns, now_ns}, batch).has_value());
  }
}

std::vector<std::tuple<Locate, OrderRef, Side, std::uint32_t, Shares>> orders_of(const MarketState& state) {
  std::vector<std::tuple<Locate, OrderRef, Side, std::uint32_t, Shares>> orders;
  state.for_each_order([&](Locate locate, const Symbol&, const book::OrderView& order) {
    orders.emplace_back(locate, order.ref, order.side, order.price.ticks, order.shares);
  });
  return orders;
}

TEST(GlimpseService, SnapshotInTheMiddleAndTheRestGiveTheSameBooks) {
  std::mutex mutex;
  Publisher publisher(at_once(), open_day);
  GlimpseService service(publisher, mutex);
  std::uint64_t now_ns = second_ns;
  publish(publisher, day.messages / 2, now_ns);
  const std::uint64_t published = publisher.published_up_to();
  const std::unique_ptr<ByteSession> session = service.make_session(now_ns);
  LateJoiner joiner;
  glimpse::SnapshotClient client({}, FixedText<6>("me"), FixedText<10>(""), joiner);
  client.connect(now_ns);
  // The books are not there yet: the login waits rather than get less than was published before it.
  exchange_bytes(*session, client, now_ns);
  EXPECT_FALSE(joiner.complete.has_value());
  while (service.follow()) {
  }
  exchange_bytes(*session, client, now_ns);
  ASSERT_EQ(joiner.failed, "");
  ASSERT_EQ(joiner.complete, published);
  EXPECT_EQ(service.counters().sent, 1);

  publish(publisher, day.messages, now_ns);
  joiner.catch_up(publisher);
  while (service.follow()) {
  }
  MarketState whole;
  LateJoiner from_the_start;
  from_the_start.complete = 1;
  from_the_start.catch_up(publisher);
  EXPECT_FALSE(orders_of(from_the_start.state).empty());
  EXPECT_EQ(orders_of(joiner.state), orders_of(from_the_start.state));
}

TEST(GlimpseService, ClientsThatWaitShareASnapshotAndThereIsOneAtATime) {
  std::mutex mutex;
  Publisher publisher(at_once(), open_day);
  GlimpseService service(publisher, mutex, {.snapshot_every_ns = second_ns});
  std::uint64_t now_ns = second_ns;
  publish(publisher, day.messages / 2, now_ns);
  while (service.follow()) {
  }
  const auto join = [&](LateJoiner& joiner) {
    const std::unique_ptr<ByteSession> session = service.make_session(now_ns);
    glimpse::SnapshotClient client({}, FixedText<6>("me"), FixedText<10>(""), joiner);
    client.connect(now_ns);
    exchange_bytes(*session, client, now_ns);
    return joiner.complete.has_value();
  };
  std::array<LateJoiner, 4> joiners;
  EXPECT_TRUE(join(joiners[0]));
  EXPECT_TRUE(join(joiners[1]));
  EXPECT_EQ(service.counters().taken, 1);
  publish(publisher, publisher.published_up_to(), now_ns);
  while (service.follow()) {
  }
  EXPECT_FALSE(join(joiners[2]));
  now_ns += second_ns;
  EXPECT_TRUE(join(joiners[3]));
  EXPECT_EQ(service.counters().taken, 2);
}

TEST(GlimpseService, ClientThatNeverLogsInOrNeverLeavesIsDropped) {
  std::mutex mutex;
  Publisher publisher(at_once(), open_day);
  GlimpseService service(publisher, mutex, {.login_ns = 3 * second_ns, .leave_ns = 2 * second_ns});
  std::uint64_t now_ns = second_ns;
  publish(publisher, 1000, now_ns);
  while (service.follow()) {
  }
  const std::unique_ptr<ByteSession> mute = service.make_session(now_ns);
  mute->on_timer(now_ns + 2 * second_ns);
  EXPECT_FALSE(mute->is_over());
  mute->on_timer(now_ns + 3 * second_ns);
  EXPECT_TRUE(mute->is_over());

  const std::unique_ptr<ByteSession> clinging = service.make_session(now_ns);
  std::vector<std::byte> login;
  soupbintcp::encode(soupbintcp::LoginRequest{FixedText<6>("me"), FixedText<10>(""), FixedText<10>(""), 1},
                     login);
  clinging->feed(login, now_ns);
  for (clinging->pump(now_ns); !clinging->output().empty(); clinging->pump(now_ns))
    clinging->consume_output(clinging->output().size());
  EXPECT_EQ(service.counters().sent, 1);
  clinging->on_timer(now_ns + second_ns);
  EXPECT_FALSE(clinging->is_over());
  clinging->on_timer(now_ns + 2 * second_ns);
  EXPECT_TRUE(clinging->is_over());

  const std::unique_ptr<ByteSession> noise = service.make_session(now_ns);
  noise->feed(std::vector<std::byte>(500, std::byte{0xff}), now_ns);
  EXPECT_TRUE(noise->is_over());
}

TEST(GlimpseService, ForgottenMessagesMeanNoSnapshotUntilTheNextSession) {
  std::mutex mutex;
  PublisherConfig config = at_once();
  config.kept_bytes = 1;  // The least there is: two segments.
  Publisher publisher(config, [](std::uint64_t) {
    return std::make_unique<GeneratedSource>(
        simulator::Config{.messages = 100'000, .symbols = 100, .spoofing = 0});
  });
  GlimpseService service(publisher, mutex);
  std::uint64_t now_ns = second_ns;
  publish(publisher, 100'000, now_ns);
  ASSERT_GT(publisher.messages().first_kept(), 1);
  EXPECT_FALSE(service.follow());
  const std::unique_ptr<ByteSession> session = service.make_session(now_ns);
  LateJoiner joiner;
  glimpse::SnapshotClient client({}, FixedText<6>("me"), FixedText<10>(""), joiner);
  client.connect(now_ns);
  exchange_bytes(*session, client, now_ns);
  EXPECT_NE(joiner.failed, "");
  EXPECT_EQ(service.counters().unavailable, 1);
}

TEST(GlimpseServer, ServesOverTcpFromAThreadOfItsOwn) {
  const os::SystemClock clock;
  std::mutex mutex;
  Publisher publisher(at_once(), open_day);
  auto server = GlimpseServer::start({os::loopback_address, 0}, publisher, mutex, clock);
  ASSERT_TRUE(server.has_value());
  os::TcpConnection connection = *os::TcpConnection::connect((*server)->endpoint());
  LateJoiner joiner;
  glimpse::SnapshotClient client({}, FixedText<6>("me"), FixedText<10>(""), joiner);
  client.connect(clock.monotonic_ns());
  DatagramBatch batch;
  os::Poller poller = *os::Poller::open();
  ASSERT_TRUE(poller.add(connection.descriptor(), 0));
  std::array<std::byte, 65'536> bytes;
  const std::uint64_t start_ns = clock.monotonic_ns();
  while (!client.is_over() && clock.monotonic_ns() - start_ns < 20 * second_ns) {
    {
      const std::scoped_lock lock(mutex);
      batch.clear();
      ASSERT_TRUE(publisher.advance({clock.monotonic_ns(), 0}, batch).has_value());
    }
    if (!client.output().empty()) client.consume_output(connection.write(client.output())->bytes);
    ASSERT_TRUE(poller.wait(1'000'000).has_value());
    const auto got = *connection.read(bytes);
    if (got.bytes > 0)
      client.on_bytes(std::span(bytes).first(got.bytes), CaptureTime{0}, clock.monotonic_ns());
    ASSERT_FALSE(got.closed && got.bytes == 0);
  }
  EXPECT_TRUE((*server)->stop());
  EXPECT_EQ(joiner.failed, "");
  ASSERT_TRUE(joiner.complete.has_value());
  EXPECT_EQ((*server)->counters().sent, 1);
  EXPECT_EQ((*server)->connections().accepted, 1);
}

}  // namespace
}  // namespace tapeline::exchange
