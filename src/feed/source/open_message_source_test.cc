#include "feed/source/open_message_source.h"

#include <filesystem>
#include <fstream>

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/testing/shared_data.h"
#include "capture/pcap/testing/capture_writer.h"
#include "feed/itch50/encoder.h"
#include "feed/moldudp64/packet.h"

namespace tapeline::feed {
namespace {

using capture::testing::append;
using capture::testing::Bytes;
using ::testing::HasSubstr;

class OpenMessageSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(::testing::TempDir()) / ("open_message_source_" + std::to_string(getpid()));
  }
  void TearDown() override { std::filesystem::remove(path_); }

  struct ReadResult {
    Bytes bytes;
    std::uint64_t messages = 0;
    std::optional<Error> error;
    SourceCounters counters;
    std::vector<SequenceGap> gaps;
    std::string session;
    std::vector<std::uint64_t> first_sequences;
    std::vector<std::uint64_t> times;
  };

  static ReadResult read_path(const std::string& path, const OpenOptions& options = {}) {
    ReadResult result;
    Result<std::unique_ptr<MessageSource>> source = open_message_source(path, options);
    if (!source) {
      result.error = source.error();
      return result;
    }
    for (;;) {
      const Result<std::optional<MessageBlock>> block = (*source)->next();
      if (!block) result.error = block.error();
      if (!block || !*block) break;
      result.messages += (*block)->message_count;
      result.first_sequences.push_back((*block)->first_sequence);
      result.times.push_back(raw((*block)->capture_time));
      append(result.bytes, (*block)->bytes);
    }
    result.counters = (*source)->counters();
    result.gaps.assign((*source)->gaps().begin(), (*source)->gaps().end());
    result.session = (*source)->session().view();
    EXPECT_LE((*source)->progress().consumed, (*source)->progress().total.value_or(~std::uint64_t{0}));
    return result;
  }

  ReadResult read(const Bytes& bytes, const OpenOptions& options = {}) {
    std::ofstream file(path_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.close();
    return read_path(path_, options);
  }

  static Bytes gzip(const Bytes& bytes) {
    z_stream zlib = {};
    EXPECT_EQ(deflateInit2(&zlib, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    Bytes out(deflateBound(&zlib, bytes.size()) + 64);
    Bytes in = bytes;
    zlib.next_in = reinterpret_cast<Bytef*>(in.data());
    zlib.avail_in = static_cast<uInt>(in.size());
    zlib.next_out = reinterpret_cast<Bytef*>(out.data());
    zlib.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    out.resize(zlib.total_out);
    deflateEnd(&zlib);
    return out;
  }
  static Bytes zstd(const Bytes& bytes) {
    Bytes out(ZSTD_compressBound(bytes.size()));
    out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
    return out;
  }

  static Bytes frames(int count) {
    Bytes bytes(static_cast<std::size_t>(count) * 38);
    for (int i = 0; i < count; ++i) {
      itch50::AddOrder add = {};
      add.order_ref = OrderRef{static_cast<std::uint64_t>(i)};
      itch50::encode_framed(add, bytes.data() + 38 * i);
    }
    return bytes;
  }

  static Bytes packet(std::uint64_t first, int count) {
    moldudp64::PacketBuilder builder;
    builder.start(SessionName("SESSION"), first);
    const Bytes content = frames(count);
    for (int i = 0; i < count; ++i)
      EXPECT_TRUE(builder.append(std::span(content).subspan(static_cast<std::size_t>(i) * 38 + 2, 36)));
    return {builder.bytes().begin(), builder.bytes().end()};
  }

  std::filesystem::path path_;
};

TEST_F(OpenMessageSourceTest, RecognisesEveryKindByContent) {
  const Bytes file = frames(1000);
  Bytes pcap = capture::testing::pcap_header();
  capture::testing::append_pcap_record(pcap, capture::testing::udp_frame(packet(1, 20)), 9, 1);
  capture::testing::append_pcap_record(pcap, capture::testing::udp_frame(packet(24, 10)), 9, 2);
  for (const auto& packed : {file, gzip(file), zstd(file)}) {
    const ReadResult result = read(packed);
    EXPECT_FALSE(result.error.has_value());
    EXPECT_EQ(result.bytes, file);
    EXPECT_EQ(result.messages, 1000);
  }
  for (const auto& packed : {pcap, gzip(pcap), zstd(pcap)}) {
    const ReadResult result = read(packed);
    EXPECT_FALSE(result.error.has_value());
    EXPECT_EQ(result.messages, 30);
    EXPECT_THAT(result.first_sequences, ::testing::ElementsAre(1, 24));
    EXPECT_THAT(result.times, ::testing::ElementsAre(9'000'000'001, 9'000'000'002));
    ASSERT_EQ(result.gaps.size(), 1);
    EXPECT_EQ(result.gaps[0].first, 21);
    EXPECT_EQ(result.gaps[0].count, 3);
    EXPECT_EQ(result.session, "SESSION");
  }
}

TEST_F(OpenMessageSourceTest, TornGzipDeliversWhatCameBefore) {
  Bytes file = frames(20'000);
  Bytes packed = gzip(file);
  packed.resize(packed.size() / 2);
  const ReadResult result = read(packed);
  ASSERT_TRUE(result.error.has_value());
  EXPECT_THAT(result.error->message, HasSubstr("truncated"));
  EXPECT_GT(result.messages, 5'000);
  EXPECT_TRUE(std::equal(result.bytes.begin(), result.bytes.end(), file.begin()));
}

TEST_F(OpenMessageSourceTest, ACaptureOfSomethingElseIsRefused) {
  Bytes pcap = capture::testing::pcap_header();
  capture::testing::append_pcap_record(pcap, capture::testing::ethernet_frame({}, {8, 6}));
  EXPECT_THAT(read(pcap).error.value().message, HasSubstr("none of its 1 frames is a MoldUDP64 packet"));
}

TEST_F(OpenMessageSourceTest, OnlyTheDestinationAskedFor) {
  Bytes pcap = capture::testing::pcap_header();
  capture::testing::append_pcap_record(pcap, capture::testing::udp_frame(packet(1, 1)));
  OpenOptions options;
  options.moldudp64.destination_port = 26477;
  EXPECT_EQ(read(pcap, options).messages, 1);
  options.moldudp64.destination_port = 26478;
  EXPECT_TRUE(read(pcap, options).error.has_value());
}

TEST_F(OpenMessageSourceTest, RealMoldUdp64Captures) {
  SKIP_WITHOUT_SHARED_DATA("nasdaq-moldudp64");
  const auto sample = [](const std::string& name) {
    return read_path(testing::shared_data("nasdaq-moldudp64/" + name + ".pcap"));
  };
  const ReadResult several = sample("Multiple.Packets");
  EXPECT_FALSE(several.error.has_value());
  EXPECT_EQ(several.session, "000010059B");
  EXPECT_EQ(several.messages, 39);
  EXPECT_THAT(several.first_sequences, ::testing::ElementsAre(0xe149d0, 0x01220e5d));
  EXPECT_THAT(several.times, ::testing::ElementsAre(1'692'711'000'007'661'955, 1'692'711'038'952'561'782));
  ASSERT_EQ(several.gaps.size(), 1);
  EXPECT_EQ(several.gaps[0].first, 0xe149d1);
  EXPECT_EQ(several.gaps[0].count, 0x01220e5d - 0xe149d1);
  // A delete, then 36 plain and 2 attributed adds, each behind its length.
  EXPECT_EQ(several.bytes.size(), 21 + 36 * 38 + 2 * 42);

  const ReadResult add = sample("AddOrderNoMpidAttributionMessage");
  ASSERT_EQ(add.bytes.size(), 38);
  const std::byte* message = add.bytes.data() + 2;
  EXPECT_EQ(message[0], std::byte{'A'});
  EXPECT_EQ(load_be<std::uint16_t>(message + itch50::header_wire_size - 10), 0x1598);  // Locate.
  EXPECT_EQ(load_be48(message + 5), 0x1f1aced85306);                                   // Timestamp.
  EXPECT_EQ(load_be<std::uint64_t>(message + itch50::wire_offset<itch50::AddOrder>("order_ref")), 0x166b53e);
  EXPECT_EQ(load_be<std::uint32_t>(message + itch50::wire_offset<itch50::AddOrder>("shares")), 1600);
  EXPECT_EQ(load_be<std::uint32_t>(message + itch50::wire_offset<itch50::AddOrder>("price")),
            873900);  // $87.39.
  for (const auto& [name, size] :
       std::initializer_list<std::pair<const char*, std::size_t>>{{"MarketParticipantPositionMessage", 26},
                                                                  {"NetOrderImbalanceIndicatorMessage", 50},
                                                                  {"OrderDeleteMessage", 19},
                                                                  {"OrderExecutedMessage", 31},
                                                                  {"OrderReplaceMessage", 35},
                                                                  {"StockTradingActionMessage", 25}}) {
    const ReadResult one = sample(name);
    EXPECT_FALSE(one.error.has_value()) << name;
    EXPECT_EQ(one.messages, 1) << name;
    EXPECT_EQ(one.bytes.size(), 2 + size) << name;
    EXPECT_EQ(itch50::wire_sizes[std::to_integer<std::size_t>(one.bytes[2])], size) << name;
  }
}

}  // namespace
}  // namespace tapeline::feed
