#include "exchange/server.h"

#include <map>
#include <thread>

#include "base/bytes.h"
#include "capture/udp/udp_packet_source.h"
#include "exchange/generated_source.h"
#include "feed/moldudp64/sequence_tracker.h"
#include "os/posix/system_clock.h"

namespace tapeline::exchange {
namespace {

constexpr simulator::Config day = {.messages = 20'000, .symbols = 100, .spoofing = 0};

Result<std::unique_ptr<feed::MessageSource>> open_day(std::uint64_t) {
  return std::make_unique<GeneratedSource>(day);
}

// The messages of the day, by number.
std::map<std::uint64_t, std::vector<std::byte>> expected_messages() {
  std::map<std::uint64_t, std::vector<std::byte>> messages;
  GeneratedSource source(day);
  for (auto block = source.next(); block && *block; block = source.next())
    for (std::span<const std::byte> rest = (*block)->bytes; !rest.empty();) {
      const std::size_t size = 2 + load_be<std::uint16_t>(rest.data());
      messages[messages.size() + 1] = {rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size)};
      rest = rest.subspan(size);
    }
  return messages;
}

// A plain receiver: keeps every message by its number, asks for what is missing, until it has all of them.
class Receiver {
 public:
  Receiver(capture::UdpPacketSource& source, const os::Endpoint& server) : source_(source), server_(server) {}

  void run(std::uint64_t wanted) {
    for (int idle = 0; messages.size() < wanted && idle < 500;) {
      const auto received = source_.poll(10'000'000);
      ASSERT_TRUE(received.has_value());
      idle = received->empty() ? idle + 1 : 0;
      for (const capture::Packet& packet : *received) take(packet);
      if (received->empty() || ended_) ask(wanted);
    }
  }

  std::map<std::uint64_t, std::vector<std::byte>> messages;
  std::array<std::uint64_t, 3> packets{};  // By channel.
  std::uint64_t damaged = 0;

 private:
  void take(const capture::Packet& received) {
    ++packets[received.channel];
    const moldudp64::Packet packet = moldudp64::parse_packet(received.payload);
    if (packet.defect != moldudp64::Defect::none) {
      ++damaged;
      return;
    }
    if (packet.header.session != feed::SessionName("TAPE000001")) return;
    ended_ |= packet.kind == moldudp64::PacketKind::end_of_session;
    std::span<const std::byte> rest = packet.blocks;
    for (std::uint64_t number = packet.header.sequence; !rest.empty(); ++number) {
      const std::size_t size = moldudp64::size_of_messages(rest, 1);
      messages[number] = {rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size)};
      rest = rest.subspan(size);
    }
  }

  // For the first hole, as far as it goes.
  void ask(std::uint64_t wanted) {
    std::uint64_t next = 1;
    for (const auto& [number, bytes] : messages) {
      if (number != next) break;
      ++next;
    }
    if (next > wanted) return;
    const auto after = messages.upper_bound(next);
    const std::uint64_t end = after == messages.end() ? wanted + 1 : after->first;
    std::array<std::byte, moldudp64::header_size> request;
    moldudp64::encode_request({feed::SessionName("TAPE000001"), next,
                               static_cast<std::uint16_t>(std::min<std::uint64_t>(end - next, 1000))},
                              request);
    ASSERT_TRUE(source_.send(2, server_, request).has_value());
  }

  capture::UdpPacketSource& source_;
  os::Endpoint server_;
  bool ended_ = false;
};

TEST(Server, EveryMessageArrivesOverSocketsInSpiteOfFaults) {
  const os::SystemClock clock;
  PublisherConfig config;
  config.pacing.messages_per_second = 100'000;
  config.linger_ns = 20'000'000'000;  // Time to ask for what is missing; the test stops it earlier.
  config.faults = *parse_faults("loss=0.2,duplicate=0.1,reorder=0.1,delay=0.1,delay-ms=1,corrupt=0.1");
  Publisher publisher(config, open_day);
  Result<Server> server = Server::open({}, publisher, clock);
  if (!server) GTEST_SKIP() << "no multicast on lo: " << server.error().message;
  capture::UdpCaptureConfig capture_config;
  capture_config.channels = {
      {"A", server->feed(Feed::a)}, {"B", server->feed(Feed::b)}, {"replies", {os::loopback_address, 0}}};
  capture_config.receive_buffer_bytes = 1 << 20;
  capture::UdpPacketSource source = *capture::UdpPacketSource::open(capture_config, clock);
  std::atomic<bool> stop = false;
  Result<void> served;
  std::jthread exchange([&] { served = server->run([&] { return stop.load(); }); });

  const auto expected = expected_messages();
  Receiver receiver(source, server->requests());
  receiver.run(expected.size());
  // A request of a kind that gets no answer does no harm.
  ASSERT_TRUE(source.send(2, server->requests(), std::vector<std::byte>(1400)));
  stop = true;
  exchange.join();
  EXPECT_TRUE(served.has_value());

  EXPECT_EQ(receiver.messages, expected);
  EXPECT_EQ(publisher.counters().messages, expected.size());
  for (const Feed feed : {Feed::a, Feed::b}) {
    const FaultCounters& faults = publisher.faults(feed);
    const auto channel = static_cast<std::size_t>(feed);
    EXPECT_GT(faults.lost, 0);
    EXPECT_GT(faults.corrupted, 0);
    EXPECT_GE(server->counters().packets[channel], receiver.packets[channel]);
    EXPECT_GT(receiver.packets[channel], 100);
  }
  EXPECT_GT(receiver.damaged, 0);
  EXPECT_GT(publisher.counters().requests_served, 0);
}

TEST(Server, StopsInOrderWhenTold) {
  const os::SystemClock clock;
  PublisherConfig config;
  config.pacing.messages_per_second = 10'000;
  config.linger_ns = 10'000'000;
  Publisher publisher(config, open_day);
  Result<Server> server = Server::open({}, publisher, clock);
  if (!server) GTEST_SKIP() << "no multicast on lo: " << server.error().message;
  EXPECT_TRUE(server->run([&] { return publisher.counters().messages > 100; }));
  EXPECT_TRUE(publisher.is_over());
  EXPECT_LT(publisher.counters().messages, day.messages);
}

TEST(Server, FeedsGetPortsThatAreFree) {
  const os::SystemClock clock;
  Publisher publisher({}, open_day);
  Result<Server> server = Server::open({}, publisher, clock);
  if (!server) GTEST_SKIP() << "no multicast on lo: " << server.error().message;
  EXPECT_NE(server->feed(Feed::a).port, 0);
  EXPECT_NE(server->feed(Feed::b).port, 0);
  EXPECT_NE(server->requests().port, 0);
  ServerConfig other;
  other.output.interface = "no-such-if";
  EXPECT_EQ(Server::open(other, publisher, clock).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace tapeline::exchange
