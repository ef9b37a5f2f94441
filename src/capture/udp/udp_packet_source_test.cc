#include "capture/udp/udp_packet_source.h"

#include "base/bytes.h"
#include "os/posix/system_clock.h"

namespace tapeline::capture {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr Endpoint any_port{os::loopback_address, 0};
constexpr IpAddress group_a = IpAddress::v4(239, 255, 42, 101);
constexpr IpAddress group_b = IpAddress::v4(239, 255, 42, 102);

struct Seen {
  std::string text;
  std::uint16_t channel;
  Endpoint source;
  Endpoint destination;
  std::uint64_t time_ns;
};

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Polls until so many packets have come, a few seconds at most.
std::vector<Seen> collect(UdpPacketSource& source, std::size_t count) {
  std::vector<Seen> seen;
  while (seen.size() < count) {
    const auto packets = source.poll(5 * second_ns);
    EXPECT_TRUE(packets && !packets->empty());
    if (!packets || packets->empty()) break;
    for (const Packet& packet : *packets) {
      // The padding can be read: under the address sanitizer this is the test.
      volatile std::byte last = packet.payload.data()[packet.payload.size() + decode_padding - 1];
      (void)last;
      seen.push_back({text_of(packet.payload), packet.channel, packet.source, packet.destination,
                      raw(packet.capture_time)});
    }
  }
  return seen;
}

void send(os::UdpSocket& socket, const Endpoint& to, std::string_view text) {
  const os::OutgoingDatagram datagram{std::as_bytes(std::span(text)), to};
  ASSERT_EQ(*socket.send({&datagram, 1}), 1);
}

class UdpPacketSourceTest : public testing::TestWithParam<UdpWait> {
 protected:
  UdpCaptureConfig config(std::vector<UdpChannel> channels) {
    UdpCaptureConfig config;
    config.channels = std::move(channels);
    config.wait = GetParam();
    config.receive_buffer_bytes = 1 << 16;  // What any user may have.
    return config;
  }

  os::SystemClock clock_;
};

TEST_P(UdpPacketSourceTest, TwoGroupsAndRepliesByTheirChannels) {
  const UdpCaptureConfig wanted = config({{"A", {group_a, 0}}, {"B", {group_b, 0}}, {"replies", any_port}});
  Result<UdpPacketSource> source = UdpPacketSource::open(wanted, clock_);
  if (!source) GTEST_SKIP() << source.error().message;
  EXPECT_THAT(source->notes(), testing::IsEmpty());
  os::UdpSocket exchange = *os::UdpSocket::bind(any_port);
  ASSERT_TRUE(exchange.set_multicast_output({}));
  const std::uint64_t before = clock_.realtime_ns();
  send(exchange, source->status()[0].at, "first of A");
  send(exchange, source->status()[0].at, "second of A");
  send(exchange, source->status()[1].at, "of B");
  std::vector<Seen> seen = collect(*source, 3);
  std::ranges::stable_sort(seen, {}, &Seen::channel);
  ASSERT_EQ(seen.size(), 3);
  EXPECT_EQ(seen[0].text, "first of A");
  EXPECT_EQ(seen[1].text, "second of A");
  EXPECT_EQ(seen[2].text, "of B");
  EXPECT_EQ(seen[2].channel, 1);
  EXPECT_EQ(seen[2].destination, source->status()[1].at);
  EXPECT_EQ(seen[2].source.port, exchange.local_endpoint()->port);
  EXPECT_GE(seen[0].time_ns, before);
  EXPECT_LE(seen[0].time_ns, clock_.realtime_ns());
  EXPECT_EQ(source->counters()[0].stamped_late, 0);

  // A request goes out by its channel; the reply to its source comes back there.
  const std::string_view request = "again";
  ASSERT_TRUE(source->send(2, *exchange.local_endpoint(), std::as_bytes(std::span(request))));
  os::Poller poller = *os::Poller::open();
  ASSERT_TRUE(poller.add(exchange.descriptor(), 0));
  ASSERT_EQ(poller.wait(5 * second_ns)->size(), 1);
  os::ReceiveBatch batch(1, 64, 0);
  const auto got = exchange.receive(batch);
  ASSERT_EQ(got->size(), 1);
  send(exchange, got->front().source, "reply");
  seen = collect(*source, 1);
  EXPECT_EQ(seen[0].text, "reply");
  EXPECT_EQ(seen[0].channel, 2);
}

TEST_P(UdpPacketSourceTest, NothingComesAndPollReturns) {
  UdpPacketSource source = *UdpPacketSource::open(config({{"A", any_port}}), clock_);
  EXPECT_TRUE(source.poll(0)->empty());
  const std::uint64_t start = clock_.monotonic_ns();
  EXPECT_TRUE(source.poll(1'000'000)->empty());
  EXPECT_GE(clock_.monotonic_ns() - start, 1'000'000u);
}

TEST_P(UdpPacketSourceTest, CountsBatchesCutOffAndDropped) {
  UdpCaptureConfig small = config({{"A", any_port}});
  small.receive_buffer_bytes = 8192;
  small.batch_packets = 2;
  small.datagram_bytes = 64;
  UdpPacketSource source = *UdpPacketSource::open(small, clock_);
  EXPECT_LE(source.status()[0].receive_buffer_bytes, 8192);
  os::UdpSocket exchange = *os::UdpSocket::bind(any_port);
  const Endpoint to = source.status()[0].at;
  send(exchange, to, std::string(100, 'x'));
  EXPECT_EQ(collect(source, 1)[0].text, std::string(64, 'x'));
  EXPECT_EQ(source.counters()[0].truncated, 1);
  for (int i = 0; i < 200; ++i) send(exchange, to, "y");
  std::uint64_t kept = 0;
  for (auto packets = source.poll(0); !packets->empty(); packets = source.poll(0)) {
    EXPECT_LE(packets->size(), 2);
    kept += packets->size();
  }
  ASSERT_LT(kept, 200);
  send(exchange, to, "z");
  collect(source, 1);
  const ChannelCounters& counters = source.counters()[0];
  EXPECT_EQ(counters.packets, kept + 2);
  EXPECT_EQ(counters.dropped, 200 - kept);
  EXPECT_EQ(counters.largest_batch, 2);
}

TEST_P(UdpPacketSourceTest, BufferSmallerThanAskedForIsNoted) {
  UdpCaptureConfig greedy = config({{"A", any_port}});
  greedy.receive_buffer_bytes = std::size_t{3} << 30;  // More than the kernel grants anyone.
  const UdpPacketSource source = *UdpPacketSource::open(greedy, clock_);
  EXPECT_LT(source.status()[0].receive_buffer_bytes, greedy.receive_buffer_bytes);
  EXPECT_THAT(source.notes(), testing::ElementsAre(testing::HasSubstr("sysctl -w net.core.rmem_max=")));
}

TEST_P(UdpPacketSourceTest, WhatCannotBeOpenedIsTold) {
  EXPECT_FALSE(UdpPacketSource::open(config({}), clock_));
  const auto other = UdpPacketSource::open(config({{"A", {group_a, 0}, "no-such-if"}}), clock_);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::not_found);
  EXPECT_THAT(other.error().message, testing::StartsWith("channel A: "));
}

INSTANTIATE_TEST_SUITE_P(Waits, UdpPacketSourceTest, testing::Values(UdpWait::block, UdpWait::spin),
                         [](const auto& wait) { return wait.param == UdpWait::block ? "block" : "spin"; });

}  // namespace
}  // namespace tapeline::capture
