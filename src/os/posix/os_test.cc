#include <thread>

#include "base/bytes.h"
#include "os/cpu.h"
#include "os/poller.h"
#include "os/posix/system_clock.h"
#include "os/simulated/manual_clock.h"
#include "os/tcp_socket.h"
#include "os/udp_socket.h"

namespace tapeline::os {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr Endpoint any_port{loopback_address, 0};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Endpoint, TextRoundTrip) {
  EXPECT_EQ(to_text(*parse_endpoint("239.255.42.1:26400")), "239.255.42.1:26400");
  EXPECT_EQ(parse_endpoint("0.0.0.0:0")->address, any_address);
  EXPECT_TRUE(parse_address("224.0.0.0")->is_v4_multicast());
  EXPECT_FALSE(parse_address("240.0.0.0")->is_v4_multicast());
  IpAddress v6;
  v6.bytes[0] = 0xfe;
  v6.bytes[1] = 0x80;
  v6.bytes[15] = 1;
  EXPECT_EQ(to_text(Endpoint{v6, 7}), "[fe80:0:0:0:0:0:0:1]:7");
}

TEST(Endpoint, WhatIsNoneIsRefused) {
  for (const char* text : {"", "1.2.3.4", "1.2.3.4:", "1.2.3:5", "1.2.3.256:5", "1.2.3.4:65536", "1.2.3.4:5x",
                           "1.2.3.4.5:6", "localhost:5", "-1.2.3.4:5"})
    EXPECT_FALSE(parse_endpoint(text)) << text;
}

TEST(Clock, SystemTimeIsTodayAndMonotonicTimeNeverGoesBack) {
  const SystemClock clock;
  EXPECT_GT(clock.realtime_ns(), 1'600'000'000 * second_ns);
  const std::uint64_t before = clock.monotonic_ns();
  EXPECT_LE(before, clock.monotonic_ns());
}

TEST(Clock, ManualTimeMovesOnlyWhenTold) {
  ManualClock clock(1000, 10);
  EXPECT_EQ(clock.realtime_ns(), 1000);
  clock.advance(5);
  EXPECT_EQ(clock.realtime_ns(), 1005);
  EXPECT_EQ(clock.monotonic_ns(), 15);
  clock.step_realtime(900);
  EXPECT_EQ(clock.realtime_ns(), 900);
  EXPECT_EQ(clock.monotonic_ns(), 15);
}

TEST(Cpu, PinsAThreadToACoreItMayUse) {
  EXPECT_GE(usable_cores(), 1u);
  std::thread([] {
    name_this_thread("a name of more than fifteen characters");
    EXPECT_FALSE(pin_this_thread(100'000));
    bool pinned = false;
    for (unsigned core = 0; core < 1024 && !pinned; ++core) pinned = pin_this_thread(core).has_value();
    EXPECT_TRUE(pinned);
    EXPECT_EQ(usable_cores(), 1u);
  }).join();
}

// Waits until something has arrived, a few seconds at most.
std::vector<ReceivedDatagram> receive_some(UdpSocket& socket, ReceiveBatch& batch) {
  Poller poller = *Poller::open();
  EXPECT_TRUE(poller.add(socket.descriptor(), 7));
  const auto ready = poller.wait(5 * second_ns);
  EXPECT_TRUE(ready && ready->size() == 1 && ready->front().token == 7 && ready->front().readable);
  const auto got = socket.receive(batch);
  EXPECT_TRUE(got);
  return {got->begin(), got->end()};
}

TEST(UdpSocket, SendsAndReceivesBatches) {
  UdpSocket receiver = *UdpSocket::bind(any_port);
  UdpSocket sender = *UdpSocket::bind(any_port);
  ReceiveBatch batch(4, 16, decode_padding);
  EXPECT_EQ(batch.capacity(), 4);
  EXPECT_TRUE(receiver.receive(batch)->empty());

  const Endpoint to = *receiver.local_endpoint();
  const std::array<OutgoingDatagram, 5> datagrams = {{{bytes_of("one"), to},
                                                      {bytes_of(""), to},
                                                      {bytes_of("three"), to},
                                                      {bytes_of("longer than sixteen bytes"), to},
                                                      {bytes_of("five"), to}}};
  EXPECT_EQ(*sender.send(datagrams), 5);
  const auto first = receive_some(receiver, batch);
  ASSERT_EQ(first.size(), 4);
  EXPECT_EQ(text_of(first[0].payload), "one");
  EXPECT_EQ(first[0].source, *sender.local_endpoint());
  EXPECT_EQ(first[0].time_origin, TimestampOrigin::none);
  EXPECT_TRUE(first[1].payload.empty());
  EXPECT_FALSE(first[2].truncated);
  EXPECT_TRUE(first[3].truncated);
  EXPECT_EQ(text_of(first[3].payload), "longer than sixt");
  const auto second = receive_some(receiver, batch);
  ASSERT_EQ(second.size(), 1);
  EXPECT_EQ(text_of(second[0].payload), "five");
  EXPECT_FALSE(second[0].truncated);
}

TEST(UdpSocket, KernelSaysWhenADatagramArrived) {
  UdpSocket receiver = *UdpSocket::bind(any_port);
  UdpSocket sender = *UdpSocket::bind(any_port);
  // Loopback is no card: asking for its time gives the kernel's.
  ASSERT_EQ(*receiver.enable_timestamps(true, "lo"), TimestampOrigin::kernel);
  const SystemClock clock;
  const std::uint64_t before = clock.realtime_ns();
  const OutgoingDatagram datagram{bytes_of("x"), *receiver.local_endpoint()};
  ASSERT_EQ(*sender.send({&datagram, 1}), 1);
  ReceiveBatch batch(1, 16, 0);
  const auto got = receive_some(receiver, batch);
  ASSERT_EQ(got.size(), 1);
  EXPECT_EQ(got[0].time_origin, TimestampOrigin::kernel);
  EXPECT_GE(got[0].time_ns, before);
  EXPECT_LE(got[0].time_ns, clock.realtime_ns());
}

TEST(UdpSocket, DropsAreCounted) {
  UdpSocket receiver = *UdpSocket::bind(any_port);
  UdpSocket sender = *UdpSocket::bind(any_port);
  ASSERT_TRUE(receiver.enable_drop_counter());
  const Result<std::size_t> granted = receiver.set_receive_buffer(4096);
  ASSERT_TRUE(granted);
  EXPECT_GE(*granted, 1024);
  EXPECT_LE(*granted, 4096);
  const std::vector<std::byte> payload(1000);
  const std::vector<OutgoingDatagram> datagrams(50, {payload, *receiver.local_endpoint()});
  ASSERT_EQ(*sender.send(datagrams), 50);
  ReceiveBatch batch(64, 2048, 0);
  const auto kept = receive_some(receiver, batch);
  ASSERT_LT(kept.size(), 50);
  // What is told with a datagram is the count when it arrived.
  ASSERT_EQ(*sender.send(std::span(datagrams).first(1)), 1);
  const auto next = receive_some(receiver, batch);
  ASSERT_EQ(next.size(), 1);
  EXPECT_EQ(next[0].dropped, 50 - kept.size());
}

TEST(UdpSocket, MulticastReachesEveryMemberOnLoopback) {
  const IpAddress group = IpAddress::v4(239, 255, 42, 99);
  UdpSocket first = *UdpSocket::bind({group, 0});
  const Endpoint at = *first.local_endpoint();
  UdpSocket second = *UdpSocket::bind(at);
  for (UdpSocket* member : {&first, &second})
    if (const auto joined = member->join(group, "lo"); !joined) GTEST_SKIP() << joined.error().message;
  UdpSocket sender = *UdpSocket::bind(any_port);
  if (const auto set = sender.set_multicast_output({}); !set) GTEST_SKIP() << set.error().message;
  const OutgoingDatagram datagram{bytes_of("to all"), at};
  ASSERT_EQ(*sender.send({&datagram, 1}), 1);
  ReceiveBatch batch(2, 64, 0);
  for (UdpSocket* member : {&first, &second}) {
    const auto got = receive_some(*member, batch);
    ASSERT_EQ(got.size(), 1);
    EXPECT_EQ(text_of(got[0].payload), "to all");
  }
}

TEST(UdpSocket, MistakesAreToldInWords) {
  UdpSocket socket = *UdpSocket::bind(any_port);
  EXPECT_THAT(socket.join(loopback_address, "lo").error().message, testing::HasSubstr("not a multicast"));
  EXPECT_THAT(socket.join(IpAddress::v4(239, 1, 1, 1), "no-such-if").error().message,
              testing::HasSubstr("ip link"));
  EXPECT_EQ(socket.set_multicast_output({.interface = "no-such-if"}).error().code, ErrorCode::not_found);
  EXPECT_THAT(UdpSocket::bind(*socket.local_endpoint()).error().message, testing::HasSubstr("another port"));
  EXPECT_EQ(UdpSocket::bind({IpAddress{}, 0}).error().code, ErrorCode::unsupported);
}

TEST(Poller, TimesOut) {
  Poller poller = *Poller::open();
  const SystemClock clock;
  const std::uint64_t start = clock.monotonic_ns();
  EXPECT_TRUE(poller.wait(2'000'000)->empty());
  EXPECT_GE(clock.monotonic_ns() - start, 2'000'000u);
  EXPECT_TRUE(poller.wait(0)->empty());
}

// Waits until the descriptor can be read, or written.
void wait_for(int descriptor, PollInterest interest) {
  Poller poller = *Poller::open();
  ASSERT_TRUE(poller.add(descriptor, 0, interest));
  ASSERT_EQ(poller.wait(5 * second_ns)->size(), 1);
}

TEST(TcpSocket, ConnectsTalksAndNoticesTheEnd) {
  TcpListener listener = *TcpListener::listen(any_port);
  EXPECT_FALSE(listener.accept()->has_value());
  TcpConnection client = *TcpConnection::connect(*listener.local_endpoint());
  wait_for(listener.descriptor(), {});
  std::optional<TcpConnection> server = *listener.accept();
  ASSERT_TRUE(server.has_value());
  wait_for(client.descriptor(), {.reading = false, .writing = true});
  EXPECT_TRUE(*client.connected());
  EXPECT_EQ(*server->peer_endpoint(), *client.local_endpoint());

  std::array<std::byte, 16> buffer;
  EXPECT_EQ(server->read(buffer)->bytes, 0);
  EXPECT_FALSE(server->read(buffer)->closed);
  EXPECT_EQ(client.write(bytes_of("hello"))->bytes, 5);
  wait_for(server->descriptor(), {});
  const auto got = *server->read(buffer);
  EXPECT_EQ(text_of(std::span(buffer).first(got.bytes)), "hello");
  server.reset();
  wait_for(client.descriptor(), {});
  EXPECT_TRUE(client.read(buffer)->closed);
  // The first write after that is answered by a reset, the second finds it.
  bool closed = false;
  for (int i = 0; i < 100 && !closed; ++i) closed = client.write(bytes_of("anyone?"))->closed;
  EXPECT_TRUE(closed);
}

TEST(TcpSocket, NobodyThereIsAnError) {
  Endpoint nobody;
  {
    const TcpListener listener = *TcpListener::listen(any_port);
    nobody = *listener.local_endpoint();
  }
  Result<TcpConnection> client = TcpConnection::connect(nobody);
  if (!client) return;
  wait_for(client->descriptor(), {.reading = false, .writing = true});
  EXPECT_FALSE(client->connected());
}

}  // namespace
}  // namespace tapeline::os
