#include "feed/moldudp64/packet.h"

namespace tapeline::moldudp64 {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

// Session "000010059B", sequence 0x0102030405060708.
Bytes header(int count_high, int count_low) {
  return bytes_of(
      {'0', '0', '0', '0', '1', '0', '0', '5', '9', 'B', 1, 2, 3, 4, 5, 6, 7, 8, count_high, count_low});
}

Bytes with(Bytes bytes, std::initializer_list<int> more) {
  for (const int value : more) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(MoldUdp64Packet, Messages) {
  const Bytes datagram = with(header(0, 3), {0, 2, 'a', 'b', 0, 0, 0, 1, 'c'});
  const Packet packet = parse_packet(datagram);
  EXPECT_EQ(packet.defect, Defect::none);
  EXPECT_EQ(packet.kind, PacketKind::messages);
  EXPECT_EQ(packet.header.session.view(), "000010059B");
  EXPECT_EQ(packet.header.sequence, 0x0102030405060708);
  EXPECT_EQ(packet.header.count, 3);
  EXPECT_EQ(packet.blocks.size(), 9);
  EXPECT_EQ(packet.trailing_bytes, 0);
  EXPECT_EQ(size_of_messages(packet.blocks, 0), 0);
  EXPECT_EQ(size_of_messages(packet.blocks, 2), 6);
}

TEST(MoldUdp64Packet, HeartbeatAndEndOfSession) {
  EXPECT_EQ(parse_packet(header(0, 0)).kind, PacketKind::heartbeat);
  EXPECT_EQ(parse_packet(header(0xff, 0xff)).kind, PacketKind::end_of_session);
  EXPECT_EQ(parse_packet(with(header(0, 0), {1, 2})).trailing_bytes, 2);
}

TEST(MoldUdp64Packet, EveryTruncationIsADefect) {
  const Bytes whole = with(header(0, 2), {0, 2, 'a', 'b', 0, 1, 'c'});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Packet packet = parse_packet(std::span(whole).first(size));
    const Defect expected = size < 20                 ? Defect::header_cut_off
                            : size < 22 || size == 24 ? Defect::length_cut_off
                            : size < 24               ? Defect::message_cut_off
                            : size < 26               ? Defect::length_cut_off
                                                      : Defect::message_cut_off;
    EXPECT_EQ(packet.defect, expected) << size;
    EXPECT_TRUE(packet.blocks.empty());
  }
}

TEST(MoldUdp64Packet, TrailingBytesAreCounted) {
  const Bytes datagram = with(header(0, 1), {0, 1, 'a', 9, 9, 9});
  const Packet packet = parse_packet(datagram);
  EXPECT_EQ(packet.blocks.size(), 3);
  EXPECT_EQ(packet.trailing_bytes, 3);
}

TEST(MoldUdp64Packet, SequenceThatOverflowsIsADefect) {
  Bytes datagram = with(header(0, 1), {0, 1, 'a'});
  for (std::size_t i = 10; i < 18; ++i) datagram[i] = std::byte{0xff};
  EXPECT_EQ(parse_packet(datagram).defect, Defect::sequence_overflow);
}

TEST(MoldUdp64Packet, RequestIsAHeader) {
  std::array<std::byte, header_size> bytes;
  encode_request({Session("000010059B"), 0x0102030405060708, 0x0a0b}, bytes);
  EXPECT_EQ(Bytes(bytes.begin(), bytes.end()), header(0x0a, 0x0b));
  const auto request = parse_request(bytes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->session, Session("000010059B"));
  EXPECT_EQ(request->sequence, 0x0102030405060708);
  EXPECT_EQ(request->count, 0x0a0b);
  EXPECT_FALSE(parse_request(std::span(bytes).first(19)).has_value());
  EXPECT_FALSE(parse_request(with(header(0, 1), {0})).has_value());
}

TEST(MoldUdp64Packet, BuilderWritesWhatTheTableSays) {
  PacketBuilder builder(27);
  builder.start(Session("000010059B"), 0x0102030405060708);
  EXPECT_EQ(Bytes(builder.bytes().begin(), builder.bytes().end()), header(0, 0));
  EXPECT_TRUE(builder.append(bytes_of({'a', 'b'})));
  EXPECT_FALSE(builder.append(bytes_of({'c', 'd'})));
  EXPECT_TRUE(builder.append(bytes_of({'e'})));
  EXPECT_EQ(Bytes(builder.bytes().begin(), builder.bytes().end()),
            with(header(0, 2), {0, 2, 'a', 'b', 0, 1, 'e'}));
  builder.start(Session("000010059B"), 0x0102030405060708);
  builder.make_end_of_session();
  EXPECT_EQ(Bytes(builder.bytes().begin(), builder.bytes().end()), header(0xff, 0xff));
}

}  // namespace
}  // namespace tapeline::moldudp64
