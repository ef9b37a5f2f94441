#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/testing/shared_data.h"
#include "feed/itch50/decoder.h"
#include "feed/itch50/encoder.h"
#include "feed/itch50/printer.h"

// Messages that NASDAQ sent. What each must say was read from its bytes by the specification's tables, field
// by field, and not from what this decoder made of them.

namespace tapeline::itch50 {
namespace {

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

// One message as text. It is copied so that nothing but padding stands behind it, and must encode to itself.
std::string text_of(std::span<const std::byte> wire) {
  std::vector<std::byte> padded(wire.begin(), wire.end());
  padded.resize(wire.size() + decode_padding);
  Message message;
  if (decode(padded.data(), wire.size(), message) != DecodeStatus::ok) return "not decoded";
  std::array<std::byte, 64> again{};
  visit(message, [&](const auto& m) { encode(m, again.data()); });
  if (std::memcmp(again.data(), wire.data(), wire.size()) != 0) return "encodes to other bytes";
  return to_text(message);
}

// The messages of a run of u16-length frames.
std::vector<std::string> texts_of(std::span<const std::byte> frames) {
  std::vector<std::string> texts;
  while (frames.size() >= 2) {
    const std::size_t length = load_be<std::uint16_t>(frames.data());
    if (frames.size() < 2 + length) break;
    texts.push_back(text_of(frames.subspan(2, length)));
    frames = frames.subspan(2 + length);
  }
  if (!frames.empty()) texts.push_back("bytes are left");
  return texts;
}

// The messages of every packet of a classic little-endian pcap file: Ethernet with one VLAN tag, IPv4 without
// options, UDP, MoldUDP64.
std::vector<std::string> texts_of_pcap(const std::filesystem::path& path) {
  constexpr std::size_t file_header = 24, record_header = 16, ethernet = 14, vlan_tag = 4, ip_and_udp = 28,
                        mold = 20;
  const std::vector<std::byte> file = read_file(path);
  std::vector<std::string> texts;
  for (std::size_t at = file_header; at + record_header < file.size();) {
    std::uint32_t captured = 0;
    std::memcpy(&captured, file.data() + at + 8, sizeof captured);
    const auto packet = std::span(file).subspan(at + record_header, captured);
    const bool tagged = load_be<std::uint16_t>(packet.data() + 12) == 0x8100;
    const auto payload = packet.subspan(ethernet + (tagged ? vlan_tag : 0) + ip_and_udp);
    const std::size_t count = load_be<std::uint16_t>(payload.data() + 18);
    const std::vector<std::string> found = texts_of(payload.subspan(mold));
    if (found.size() != count) texts.push_back("the header counts otherwise");
    texts.insert(texts.end(), found.begin(), found.end());
    at += record_header + captured;
  }
  return texts;
}

class Samples : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::find_shared_data("nasdaq-moldudp64"))
      GTEST_SKIP() << "the samples are not there: set TAPELINE_SHARED_DATA to their folder";
  }

  static std::vector<std::string> packet(std::string_view name) {
    const auto path = testing::find_shared_data("nasdaq-moldudp64/" + std::string(name) + ".pcap");
    return path ? texts_of_pcap(*path) : std::vector<std::string>{"no such file"};
  }
};

using Texts = std::vector<std::string>;

TEST_F(Samples, SinglePacketsDecodeFieldByField) {
  EXPECT_EQ(packet("AddOrderNoMpidAttributionMessage"),
            Texts{"AddOrder locate=5528 tracking=0 time=09:29:59.999894278 order_ref=23508286 side=B "
                  "shares=1600 stock=IVOO price=87.3900"});
  EXPECT_EQ(packet("MarketParticipantPositionMessage"),
            Texts{"ParticipantPosition locate=3731 tracking=0 time=09:30:24.494802989 mpid=MAXM stock=FGMC "
                  "primary_market_maker=Y mode=N state=A"});
  EXPECT_EQ(packet("NetOrderImbalanceIndicatorMessage"),
            Texts{"Noii locate=6462 tracking=0 time=09:30:00.000268978 paired_shares=1 imbalance_shares=0 "
                  "imbalance_direction=N stock=MDC far_price=46.4400 near_price=46.4400 "
                  "reference_price=46.4400 cross_type=O price_variation=L"});
  EXPECT_EQ(packet("OrderDeleteMessage"),
            Texts{"OrderDelete locate=3517 tracking=0 time=09:29:59.999896280 order_ref=23497686"});
  EXPECT_EQ(packet("OrderExecutedMessage"),
            Texts{"OrderExecuted locate=2345 tracking=2 time=09:29:59.999934561 order_ref=23499418 shares=25 "
                  "match_number=255547"});
  EXPECT_EQ(packet("OrderReplaceMessage"),
            Texts{"OrderReplace locate=7603 tracking=0 time=09:29:59.999836649 order_ref=15108479 "
                  "new_order_ref=21361351 shares=100 price=106.2600"});
  EXPECT_EQ(packet("StockTradingActionMessage"),
            Texts{"TradingAction locate=464 tracking=0 time=09:39:23.322465824 stock=AMC trading_state=T "
                  "reserved=\\x20 reason="});
}

TEST_F(Samples, APacketOfManyMessagesDecodesFieldByField) {
  // All of one stock and one moment; without what is common to them.
  static constexpr std::array<std::string_view, 38> expected{
      "AddOrder order_ref=7942047 side=B shares=1 price=80.5200",
      "AddOrder order_ref=7028607 side=S shares=100 price=357.3300",
      "AddOrder order_ref=70575 side=B shares=2 price=80.5000",
      "AddOrder order_ref=4005963 side=S shares=1 price=357.3700",
      "AddOrder order_ref=4027047 side=B shares=28 price=80.2900",
      "AddOrder order_ref=5897695 side=S shares=1 price=357.4200",
      "AddOrder order_ref=7939467 side=B shares=1 price=80.2600",
      "AddOrder order_ref=7159039 side=S shares=14 price=357.5000",
      "AddOrderAttributed order_ref=9752743 side=B shares=5 price=80.1100 attribution=UBSS",
      "AddOrder order_ref=7158931 side=S shares=25 price=357.5500",
      "AddOrder order_ref=8473975 side=B shares=2 price=80.0700",
      "AddOrder order_ref=7147571 side=S shares=2 price=357.7200",
      "AddOrder order_ref=3796399 side=B shares=1 price=80.0500",
      "AddOrderAttributed order_ref=10250271 side=S shares=112 price=357.8900 attribution=UBSS",
      "AddOrder order_ref=111827 side=B shares=8 price=80.0000",
      "AddOrder order_ref=4847171 side=S shares=5 price=357.9900",
      "AddOrder order_ref=3868291 side=B shares=10 price=80.0000",
      "AddOrder order_ref=8323 side=S shares=1 price=358.0000",
      "AddOrder order_ref=3869091 side=B shares=2 price=80.0000",
      "AddOrder order_ref=128123 side=S shares=30 price=358.0000",
      "AddOrder order_ref=3896727 side=B shares=350 price=80.0000",
      "AddOrder order_ref=143603 side=S shares=1 price=358.0000",
      "AddOrder order_ref=3905767 side=B shares=30 price=80.0000",
      "AddOrder order_ref=3942295 side=S shares=5 price=358.0000",
      "AddOrder order_ref=3916495 side=B shares=38 price=80.0000",
      "AddOrder order_ref=3997991 side=S shares=139 price=358.0000",
      "AddOrder order_ref=3958143 side=B shares=1 price=80.0000",
      "AddOrder order_ref=4041119 side=S shares=25 price=358.0000",
      "AddOrder order_ref=4022619 side=B shares=62 price=80.0000",
      "AddOrder order_ref=4152427 side=S shares=4 price=358.0000",
      "AddOrder order_ref=4029023 side=B shares=5 price=80.0000",
      "AddOrder order_ref=4355847 side=S shares=3 price=358.0000",
      "AddOrder order_ref=4037463 side=B shares=10 price=80.0000",
      "AddOrder order_ref=4830355 side=S shares=5 price=358.0000",
      "AddOrder order_ref=4040631 side=B shares=1 price=80.0000",
      "AddOrder order_ref=5325315 side=S shares=25 price=358.0000",
      "AddOrder order_ref=4093267 side=B shares=5 price=80.0000",
      "AddOrder order_ref=5325319 side=S shares=1 price=358.0000",
  };
  const Texts texts = packet("Multiple.Packets");
  ASSERT_EQ(texts.size(), 1 + expected.size());
  EXPECT_EQ(texts[0], "OrderDelete locate=2737 tracking=0 time=09:30:00.007495351 order_ref=23485802");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::string_view line = expected[i];
    const std::size_t name = line.find(' ');
    const std::size_t price = line.find(" price=");
    const std::string whole =
        std::string(line.substr(0, name)) + " locate=6514 tracking=0 time=09:30:38.952381153" +
        std::string(line.substr(name, price - name)) + " stock=META" + std::string(line.substr(price));
    EXPECT_EQ(texts[i + 1], whole) << i;
  }
}

TEST_F(Samples, TheHeadOfADayHasADirectory) {
  const auto path = testing::find_shared_data("itch/directory-head.itch");
  if (!path) GTEST_SKIP() << "itch/directory-head.itch is not there";
  const Texts texts = texts_of(read_file(*path));
  ASSERT_EQ(texts.size(), 1'000u);
  std::map<std::string, unsigned> counts;
  for (const std::string& text : texts) ++counts[text.substr(0, text.find(' '))];
  const std::map<std::string, unsigned> expected{
      {"SystemEvent", 1}, {"StockDirectory", 993}, {"TradingAction", 3}, {"RegSho", 3}};
  EXPECT_EQ(counts, expected);
  EXPECT_EQ(texts.front(), "SystemEvent locate=0 tracking=0 time=03:04:32.057543747 event_code=O");
  EXPECT_EQ(texts[1],
            "StockDirectory locate=1 tracking=0 time=03:09:14.325413976 stock=A market_category=N "
            "financial_status=\\x20 round_lot_size=100 round_lots_only=N issue_classification=C "
            "issue_sub_type=Z authenticity=P short_sale_threshold=N ipo_flag=\\x20 luld_reference_tier=1 "
            "etp_flag=N etp_leverage=0 inverse_indicator=N");
  EXPECT_EQ(texts.back(),
            "StockDirectory locate=993 tracking=0 time=03:09:14.360581176 stock=BPFH market_category=Q "
            "financial_status=N round_lot_size=100 round_lots_only=N issue_classification=C issue_sub_type=Z "
            "authenticity=P short_sale_threshold=N ipo_flag=N luld_reference_tier=2 etp_flag=N "
            "etp_leverage=0 inverse_indicator=N");
}

}  // namespace
}  // namespace tapeline::itch50
