#include "capture/pcap/frame.h"

#include "capture/pcap/testing/capture_writer.h"

namespace tapeline::capture {
namespace {

using testing::append;
using testing::Bytes;
using testing::bytes_of;

Frame parse(const Bytes& bytes, LinkType link = LinkType::ethernet, std::uint32_t more_on_the_wire = 0) {
  return parse_frame(link, bytes, static_cast<std::uint32_t>(bytes.size()) + more_on_the_wire);
}

void expect_payload(const Frame& frame, const Bytes& payload) {
  EXPECT_EQ(frame.content, FrameContent::udp);
  EXPECT_EQ(Bytes(frame.payload.begin(), frame.payload.end()), payload);
  EXPECT_EQ(frame.source.port, 1000);
  EXPECT_EQ(frame.destination.port, 26477);
}

const Bytes payload = bytes_of({1, 2, 3});
const Bytes ip = testing::ipv4_packet(17, testing::udp_datagram(payload));

TEST(Frame, EveryLinkType) {
  expect_payload(parse(testing::ethernet_frame(ip)), payload);
  EXPECT_EQ(parse(testing::ethernet_frame(ip)).destination.address, IpAddress::v4(233, 54, 12, 111));
  expect_payload(parse(testing::ethernet_frame(ip, {0x81, 0, 0, 5, 8, 0})), payload);
  expect_payload(parse(testing::ethernet_frame(ip, {0x88, 0xa8, 0, 7, 0x81, 0, 0, 5, 8, 0})), payload);
  expect_payload(parse(ip, LinkType::raw_ip), payload);
  expect_payload(parse(ip, LinkType::ipv4), payload);
  Bytes loopback = bytes_of({2, 0, 0, 0});
  append(loopback, ip);
  expect_payload(parse(loopback, LinkType::bsd_loopback), payload);
  Bytes sll(14, std::byte{0});
  append(sll, bytes_of({8, 0}));
  append(sll, ip);
  expect_payload(parse(sll, LinkType::linux_sll), payload);
  Bytes sll2 = bytes_of({8, 0});
  sll2.resize(20);
  append(sll2, ip);
  expect_payload(parse(sll2, LinkType::linux_sll2), payload);
  EXPECT_EQ(parse(ip, LinkType{147}).content, FrameContent::other);
}

TEST(Frame, EthernetPaddingIsNoPayload) {
  Bytes padded = testing::ethernet_frame(ip);
  padded.resize(60, std::byte{0xaa});
  expect_payload(parse(padded), payload);
}

TEST(Frame, Ipv4OptionsAndFragments) {
  Bytes with_options = bytes_of(
      {0x46, 0, 0, 24 + 8 + 3, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 233, 54, 12, 111, 1, 1, 1, 1});
  append(with_options, testing::udp_datagram(payload));
  expect_payload(parse(with_options, LinkType::raw_ip), payload);
  Bytes fragment = ip;
  fragment[6] = std::byte{0x20};  // More fragments.
  EXPECT_EQ(parse(fragment, LinkType::raw_ip).content, FrameContent::fragment);
  fragment[6] = std::byte{0};
  fragment[7] = std::byte{1};  // An offset.
  EXPECT_EQ(parse(fragment, LinkType::raw_ip).content, FrameContent::fragment);
}

Bytes ipv6_packet(int next_header, const Bytes& content) {
  Bytes bytes = bytes_of({0x60, 0, 0, 0, 0, static_cast<int>(content.size()), next_header, 64});
  bytes.resize(40, std::byte{0x20});
  append(bytes, content);
  return bytes;
}

TEST(Frame, Ipv6WithExtensionHeaders) {
  expect_payload(parse(ipv6_packet(17, testing::udp_datagram(payload)), LinkType::raw_ip), payload);
  Bytes extended = bytes_of({17, 0, 0, 0, 0, 0, 0, 0});
  append(extended, testing::udp_datagram(payload));
  expect_payload(parse(ipv6_packet(0, extended), LinkType::ipv6), payload);
  EXPECT_EQ(parse(ipv6_packet(44, extended), LinkType::ipv6).content, FrameContent::fragment);
  extended[1] = std::byte{200};
  EXPECT_EQ(parse(ipv6_packet(0, extended), LinkType::ipv6).content, FrameContent::malformed);
}

TEST(Frame, OtherProtocols) {
  EXPECT_EQ(parse(testing::ethernet_frame(ip, {8, 6})).content, FrameContent::other);  // ARP.
  EXPECT_EQ(parse(testing::ipv4_packet(1, payload), LinkType::raw_ip).content, FrameContent::other);
}

TEST(Frame, CutShortAnywhereItIsCutOffOrMalformed) {
  const Bytes whole = testing::ethernet_frame(ip, {0x81, 0, 0, 5, 8, 0});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto missing = static_cast<std::uint32_t>(whole.size() - size);
    EXPECT_EQ(parse(part, LinkType::ethernet, missing).content, FrameContent::cut_off) << size;
    EXPECT_EQ(parse(part).content, FrameContent::malformed) << size;
  }
}

TEST(Frame, LengthsThatContradictEachOtherAreMalformed) {
  Bytes long_udp = ip;
  long_udp[25] = std::byte{200};
  EXPECT_EQ(parse(long_udp, LinkType::raw_ip).content, FrameContent::malformed);
  Bytes short_header = ip;
  short_header[0] = std::byte{0x44};
  EXPECT_EQ(parse(short_header, LinkType::raw_ip).content, FrameContent::malformed);
}

}  // namespace
}  // namespace tapeline::capture
