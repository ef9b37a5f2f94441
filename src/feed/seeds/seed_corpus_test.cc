#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "base/testing/shared_data.h"
#include "capture/pcap/testing/capture_writer.h"
#include "feed/feed_log/feed_log.h"
#include "feed/glimpse/end_of_snapshot.h"
#include "feed/itch50/encoder.h"
#include "feed/moldudp64/packet.h"
#include "feed/ouch50/codec.h"
#include "feed/soupbintcp/packets.h"

// The fuzzers' seeds are what the encoders write. After a change of those, write them anew with
//   TAPELINE_WRITE_SEEDS=1 ctest -R feed/seeds

namespace tapeline {
namespace {

using capture::testing::append;
using capture::testing::Bytes;
using Seeds = std::map<std::string, Bytes>;

Bytes itch_frames() {
  Bytes file;
  itch50::for_each_message_type([&]<class M>() {
    Bytes frame(2 + M::wire_size);
    itch50::encode_framed(M{}, frame.data());
    append(file, frame);
  });
  return file;
}

Bytes mold_packet(std::uint64_t sequence, int messages) {
  moldudp64::PacketBuilder builder;
  builder.start(moldudp64::Session("SESSION"), sequence);
  Bytes message(itch50::OrderDelete::wire_size);
  itch50::encode(itch50::OrderDelete{}, message.data());
  for (int i = 0; i < messages; ++i) EXPECT_TRUE(builder.append(message));
  return {builder.bytes().begin(), builder.bytes().end()};
}

Bytes behind(std::size_t first, const Bytes& rest) {
  Bytes bytes = {static_cast<std::byte>(first)};
  append(bytes, rest);
  return bytes;
}

void add_captures(Seeds& seeds) {
  using namespace capture::testing;
  const Bytes udp = udp_frame(mold_packet(1, 2));
  Bytes pcap = pcap_header();
  append_pcap_record(pcap, udp);
  for (const std::uint32_t sequence : {10U, 14U, 12U}) {
    const Bytes segment = tcp_segment(sequence, 0x10, bytes_of({'a', 'b'}));
    append_pcap_record(pcap, ethernet_frame(ipv4_packet(6, segment), {0x81, 0, 0, 5, 8, 0}));
  }
  seeds["pcap_packet_source_fuzz/pcap"] = pcap;
  Bytes pcapng = section_header();
  append_block(pcapng, 1, bytes_of({1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0}));
  append_block(pcapng, 6, enhanced_packet(0, 12345, udp));
  seeds["pcap_packet_source_fuzz/pcapng"] = pcapng;
}

void add_ouch(Seeds& seeds) {
  Bytes options;
  ouch50::append_option(options, 2, Mpid("FIRM"));
  ouch50::append_option(options, 7, ouch50::PriceOffset{-5});
#define OUCH50_SEED(Name, code, wire_length, FIELDS)                               \
  {                                                                                \
    ouch50::Name message;                                                          \
    message.for_each_field([&]<class T>(std::string_view, T& field) {              \
      if constexpr (std::is_same_v<T, ouch50::Appendage>) field.options = options; \
    });                                                                            \
    ouch50::encode(message, seeds["ouch50_fuzz/" #Name]);                          \
  }
  OUCH50_INBOUND(OUCH50_SEED)
  OUCH50_OUTBOUND(OUCH50_SEED)
#undef OUCH50_SEED
}

void add_live_feed(Seeds& seeds) {
  // See sequencer_fuzz.cc: two bytes stand for a packet. A gap, a reply, then a gap that takes a snapshot.
  using capture::testing::bytes_of;
  seeds["sequencer_fuzz/gaps"] =
      bytes_of({9, 0, 2, 1, 3, 1, 2, 6, 1, 3, 1, 3, 2, 2, 4, 2,  0,    2, 9, 1, 4, 0, 4, 0, 4, 0,
                4, 0, 4, 0, 4, 0, 4, 0, 5, 0, 6, 1, 9, 1, 2, 10, 0xff, 0, 2, 1, 8, 1, 2, 3, 9});
  Bytes whole = mold_packet(1, 2);
  Bytes packets = bytes_of({1, 0});
  packets.push_back(static_cast<std::byte>(whole.size()));
  append(packets, whole);
  seeds["sequencer_fuzz/packet"] = packets;

  Bytes batch;
  feed::FeedLogEncoder encoder;
  encoder.start_batch(batch);
  const Bytes block = bytes_of({0, 1, 'a', 0, 0, 0, 2, 'b', 'c'});
  encoder.on_session_started({feed::SessionName("S"), 1, CaptureTime{1}});
  encoder.on_messages({block, 1, 3, CaptureTime{2}});
  encoder.on_gap_declared({4, 6, CaptureTime{3}});
  encoder.on_recovery_started({6, CaptureTime{4}});
  encoder.on_snapshot_messages({block, 1, 3, CaptureTime{5}});
  encoder.on_snapshot_complete({9, CaptureTime{6}});
  encoder.on_end_of_session({9, CaptureTime{7}});
  seeds["feed_log_fuzz/every_kind"] = batch;

  Bytes frames;
  soupbintcp::encode(soupbintcp::PacketType::sequenced_data, itch_frames(), frames);
  soupbintcp::encode(soupbintcp::PacketType::server_heartbeat, {}, frames);
  soupbintcp::encode(soupbintcp::PacketType::sequenced_data, glimpse::encode_end_of_snapshot(7), frames);
  seeds["glimpse_fuzz/snapshot"] = behind(10, frames);

  Bytes pieces;
  Bytes login;
  soupbintcp::encode(
      soupbintcp::LoginRequest{std::string_view("user"), std::string_view("pass"), std::string_view(""), 1},
      login);
  Bytes accepted;
  soupbintcp::encode(soupbintcp::LoginAccepted{std::string_view("S"), 1}, accepted);
  for (const Bytes& piece : {login, accepted, bytes_of({0, 2, 'S', 'x', 0, 1, 'H', 0, 1, 'Z'}),
                             bytes_of({0, 3, 'U', 'y', 'z', 0, 1, 'R'}), bytes_of({0, 1, 'O'})})
    append(pieces, behind(piece.size(), piece));
  seeds["session_fuzz/both_ends"] = pieces;
}

Seeds make_seeds() {
  Seeds seeds;
  const Bytes frames = itch_frames();
  seeds["diagnosis_fuzz/itch"] = frames;
  seeds["frame_cutter_fuzz/whole"] = behind(255, frames);
  Bytes ended = behind(7, Bytes(frames.begin(), frames.begin() + 55));
  append(ended, capture::testing::bytes_of({0, 0, 1, 2, 3}));
  seeds["frame_cutter_fuzz/ended"] = ended;
  Bytes packets;
  for (const Bytes& packet : {mold_packet(1, 2), mold_packet(2, 3), mold_packet(9, 1), mold_packet(12, 0)})
    append(packets, behind(packet.size(), packet));
  seeds["moldudp64_fuzz/session"] = packets;
  Bytes soup;
  soupbintcp::encode(
      soupbintcp::LoginRequest{std::string_view("user"), std::string_view("pass"), std::string_view(""), 1},
      soup);
  soupbintcp::encode(soupbintcp::LoginAccepted{std::string_view("SESSION"), 1}, soup);
  soupbintcp::encode(soupbintcp::LoginRejected{soupbintcp::RejectReason::not_authorised}, soup);
  soupbintcp::encode(soupbintcp::PacketType::sequenced_data,
                     frames.size() > 20 ? std::span(frames).first(20) : frames, soup);
  seeds["soupbintcp_fuzz/session"] = behind(4, soup);
  add_captures(seeds);
  add_ouch(seeds);
  add_live_feed(seeds);
  return seeds;
}

TEST(SeedCorpus, IsWhatTheEncodersWrite) {
  const char* source = std::getenv("TAPELINE_SOURCE_DIR");
  if (source == nullptr) GTEST_SKIP() << "TAPELINE_SOURCE_DIR is not set; run this through ctest";
  for (const auto& [name, bytes] : make_seeds()) {
    const std::filesystem::path path = std::filesystem::path(source) / "fuzz" / "corpus" / name;
    if (std::getenv("TAPELINE_WRITE_SEEDS") != nullptr) {
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    EXPECT_EQ(testing::read_file(path), bytes)
        << path << " is out of date: write it with TAPELINE_WRITE_SEEDS=1";
  }
}

}  // namespace
}  // namespace tapeline
