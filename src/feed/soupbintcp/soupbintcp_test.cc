#include <random>

#include "base/testing/shared_data.h"
#include "feed/soupbintcp/frame_parser.h"
#include "feed/soupbintcp/packets.h"

namespace tapeline::soupbintcp {
namespace {

using namespace std::string_view_literals;

using Bytes = std::vector<std::byte>;

Bytes text(std::string_view characters) {
  const auto bytes = std::as_bytes(std::span(characters));
  return {bytes.begin(), bytes.end()};
}

Bytes framed(char length, std::string_view characters) {
  Bytes bytes = {std::byte{0}, static_cast<std::byte>(length)};
  const Bytes rest = text(characters);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

Bytes encoded(PacketType type, std::string_view payload) {
  Bytes bytes;
  encode(type, text(payload), bytes);
  return bytes;
}

TEST(SoupBinTcp, EveryPacketTypeAgainstItsBytes) {
  EXPECT_EQ(encoded(PacketType::debug, "hi"), framed(3, "+hi"));
  EXPECT_EQ(encoded(PacketType::sequenced_data, "abc"), framed(4, "Sabc"));
  EXPECT_EQ(encoded(PacketType::unsequenced_data, ""), framed(1, "U"));
  EXPECT_EQ(encoded(PacketType::server_heartbeat, ""), framed(1, "H"));
  EXPECT_EQ(encoded(PacketType::client_heartbeat, ""), framed(1, "R"));
  EXPECT_EQ(encoded(PacketType::end_of_session, ""), framed(1, "Z"));
  EXPECT_EQ(encoded(PacketType::logout_request, ""), framed(1, "O"));
  for (const char type : std::string_view("+AJSHZLURO")) EXPECT_TRUE(is_known(PacketType{type}));
  EXPECT_FALSE(is_known(PacketType{'x'}));
}

TEST(SoupBinTcp, LoginPacketsBothWays) {
  Bytes bytes;
  const LoginRequest request = {"user"sv, "secret"sv, ""sv, 12};
  encode(request, bytes);
  EXPECT_EQ(bytes, framed(47, "Luser  secret                                12"));
  EXPECT_EQ(parse_login_request(std::span(bytes).subspan(3)), request);

  bytes.clear();
  const LoginAccepted accepted = {"SESSION"sv, ~std::uint64_t{0}};
  encode(accepted, bytes);
  EXPECT_EQ(bytes, framed(31, "A   SESSION18446744073709551615"));
  EXPECT_EQ(parse_login_accepted(std::span(bytes).subspan(3)), accepted);
  EXPECT_EQ(parse_login_accepted(text("SESSION   18446744073709551615")), accepted);
  EXPECT_EQ(parse_login_accepted(text("SESSION   00000000000000000007"))->sequence, 7);

  bytes.clear();
  encode(LoginRejected{RejectReason::no_such_session}, bytes);
  EXPECT_EQ(bytes, framed(2, "JS"));
  EXPECT_EQ(parse_login_rejected(text("A"))->reason, RejectReason::not_authorised);
}

TEST(SoupBinTcp, LoginPacketsOfWrongSizeOrNumberAreNothing) {
  EXPECT_FALSE(parse_login_accepted(text("SESSION   ")).has_value());
  EXPECT_FALSE(parse_login_accepted(text("SESSION                       ")).has_value());
  EXPECT_FALSE(parse_login_accepted(text("SESSION   -                  1")).has_value());
  EXPECT_FALSE(parse_login_accepted(text("SESSION   99999999999999999999")).has_value());
  EXPECT_FALSE(parse_login_request(text("user")).has_value());
  EXPECT_FALSE(parse_login_rejected(text("")).has_value());
}

std::string read_all(FrameParser& parser, std::span<const std::byte> bytes) {
  std::string out;
  parser.feed(bytes);
  while (const std::optional<Packet> packet = parser.next()) {
    out += static_cast<char>(packet->type);
    out.append(reinterpret_cast<const char*>(packet->payload.data()), packet->payload.size());
    out += '|';
  }
  return out;
}

TEST(SoupBinTcp, FramesSplitAndMergedAnyhow) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  Bytes bytes;
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    const std::string payload(random() % 70, static_cast<char>('a' + i % 26));
    encode(PacketType::sequenced_data, text(payload), bytes);
    expected += "S" + payload + "|";
  }
  for (int round = 0; round < 100; ++round) {
    FrameParser parser;
    std::string out;
    const std::size_t most = 1 + random() % 200;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::min(1 + random() % most, bytes.size() - at);
      // A copy, so that a packet that reaches back into bytes gone shows up under a sanitizer.
      const Bytes piece(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                        bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
      out += read_all(parser, piece);
      at += size;
    }
    ASSERT_EQ(out, expected);
    EXPECT_EQ(parser.partial_bytes(), 0);
  }
}

TEST(SoupBinTcp, HostileLengths) {
  FrameParser zero;
  EXPECT_EQ(read_all(zero, framed(0, "S")), "");
  EXPECT_EQ(zero.defect(), FrameDefect::zero_length);
  EXPECT_EQ(read_all(zero, framed(1, "H")), "");
  zero.reset();
  EXPECT_EQ(read_all(zero, framed(1, "H")), "H|");

  FrameParser bounded(64);
  EXPECT_EQ(read_all(bounded, framed(63, "S")), "");
  EXPECT_EQ(bounded.defect(), FrameDefect::too_long);
}

TEST(SoupBinTcp, APacketCutOffShows) {
  FrameParser parser;
  EXPECT_EQ(read_all(parser, framed(9, "Sab")), "");
  EXPECT_EQ(parser.partial_bytes(), 5);
}

TEST(SoupBinTcp, RealHeartbeats) {
  SKIP_WITHOUT_SHARED_DATA("nasdaq-ouch");
  const std::size_t tcp_payload = 24 + 16 + 14 + 20 + 20;
  const auto client = testing::read_file(testing::shared_data("nasdaq-ouch/ClientHeartbeatPacket.pcap"));
  const auto server = testing::read_file(testing::shared_data("nasdaq-ouch/ServerHeartbeatPacket.pcap"));
  FrameParser parser;
  EXPECT_EQ(read_all(parser, std::span(client).subspan(tcp_payload, 3)), "R|");
  EXPECT_EQ(read_all(parser, std::span(server).subspan(tcp_payload, 3)), "H|");
}

}  // namespace
}  // namespace tapeline::soupbintcp
