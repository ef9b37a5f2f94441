#include "capture/pcap/pcap_packet_source.h"

#include "base/testing/shared_data.h"
#include "capture/pcap/testing/capture_writer.h"

namespace tapeline::capture {
namespace {

using testing::Bytes;
using testing::bytes_of;

std::string text_of(const Packet& packet) {
  return {reinterpret_cast<const char*>(packet.payload.data()), packet.payload.size()};
}

Bytes text_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(PcapPacketSource, DeliversUdpAndOrderedTcpAndCountsTheRest) {
  constexpr int ack = 0x10;
  Bytes file = testing::pcap_header();
  const auto tcp = [&](std::uint32_t sequence, std::string_view text) {
    const Bytes segment = testing::tcp_segment(sequence, ack, text_bytes(text));
    testing::append_pcap_record(file, testing::ethernet_frame(testing::ipv4_packet(6, segment)));
  };
  testing::append_pcap_record(file, testing::udp_frame(text_bytes("one")));
  testing::append_pcap_record(file, testing::ethernet_frame(bytes_of({1}), {8, 6}));
  tcp(10, "ab");
  tcp(14, "ef");
  tcp(12, "cd");
  tcp(20, "xy");
  PcapPacketSource source(std::make_unique<testing::MemoryStream>(file), "test");
  std::vector<std::string> texts;
  std::uint64_t missing = 0;
  for (auto packet = source.next(); packet && *packet; packet = source.next()) {
    texts.push_back(text_of(**packet));
    missing += (*packet)->bytes_missing_before;
  }
  EXPECT_THAT(texts, ::testing::ElementsAre("one", "ab", "cd", "ef", "xy"));
  EXPECT_EQ(missing, 4);
  EXPECT_EQ(source.counters().frames, 6);
  EXPECT_EQ(source.counters().packets, 5);
  EXPECT_EQ(source.counters().other_protocols, 1);
  EXPECT_EQ(source.counters().tcp_missing, 4);
}

std::vector<Bytes> payloads_of(const std::string& name, std::vector<Packet>* packets = nullptr) {
  auto stream = open_byte_stream(tapeline::testing::shared_data(name));
  EXPECT_TRUE(stream.has_value());
  PcapPacketSource source(std::move(*stream), name);
  std::vector<Bytes> payloads;
  for (auto packet = source.next(); packet && *packet; packet = source.next()) {
    payloads.emplace_back((*packet)->payload.begin(), (*packet)->payload.end());
    if (packets != nullptr) packets->push_back(**packet);
  }
  return payloads;
}

// Behind the IP packets of most of these captures stand 16 bytes: the original frame check and a capture
// device's
TEST(PcapPacketSource, RealOuchCaptures) {
  SKIP_WITHOUT_SHARED_DATA("nasdaq-ouch");
  std::vector<Packet> packets;
  const auto cancel = payloads_of("nasdaq-ouch/CancelOrderMessage.pcap", &packets);
  ASSERT_EQ(cancel.size(), 1);
  EXPECT_EQ(cancel[0], bytes_of({0, 10, 'U', 'X', 0, 0x75, 0x2e, 0x71, 0, 0, 0, 0}));
  EXPECT_EQ(packets[0].transport, Transport::tcp);
  EXPECT_EQ(packets[0].source, (Endpoint{IpAddress::v4(10, 49, 247, 1), 42277}));
  EXPECT_EQ(packets[0].destination, (Endpoint{IpAddress::v4(206, 200, 121, 231), 8003}));
  EXPECT_EQ(raw(packets[0].capture_time), 1'714'407'847'483'428'074);
  EXPECT_EQ(payloads_of("nasdaq-ouch/ClientHeartbeatPacket.pcap").at(0), bytes_of({0, 1, 'R'}));
  // A VLAN tag, and timestamps in microseconds.
  packets.clear();
  const auto enter = payloads_of("nasdaq-ouch/EnterOrderMessage.pcap", &packets);
  ASSERT_EQ(enter.size(), 1);
  EXPECT_EQ(enter[0].size(), 56);
  EXPECT_EQ(raw(packets[0].capture_time), 1'683'811'800'011'074'000);
}

}  // namespace
}  // namespace tapeline::capture
