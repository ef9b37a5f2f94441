#include "feed/ouch50/codec.h"

#include "base/testing/shared_data.h"

namespace tapeline::ouch50 {
namespace {

using namespace std::string_view_literals;

using Bytes = std::vector<std::byte>;

// Hexadecimal digits, blanks between them as one likes; 'text' stands for its characters.
Bytes wire(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text[i] == '\'') {
      while (text[++i] != '\'') bytes.push_back(static_cast<std::byte>(text[i]));
      continue;
    }
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    ++i;
  }
  return bytes;
}

template <class M, class Any>
void expect_both_ways(const M& message, const Bytes& bytes,
                      Defect (*decode)(std::span<const std::byte>, Any&)) {
  SCOPED_TRACE(M::name);
  Bytes encoded;
  encode(message, encoded);
  EXPECT_EQ(encoded, bytes);
  Any any;
  ASSERT_EQ(decode(bytes, any), Defect::none);
  ASSERT_TRUE(std::holds_alternative<M>(any));
  EXPECT_EQ(std::get<M>(any), message);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Defect defect = decode(std::span(bytes).first(size), any);
    EXPECT_EQ(defect, size == 0 ? Defect::empty : Defect::wrong_length) << size;
  }
  Bytes longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_EQ(decode(longer, any), Defect::wrong_length);
}

const Bytes options = wire("05 02 'LIME' 05 03 00000064");
constexpr std::string_view options_wire = "000c 05 02 'LIME' 05 03 00000064";

TEST(Ouch50, InboundAgainstBytesOfTheTables) {
  expect_both_ways(
      EnterOrder{
          UserRefNum{7}, 'B', 225, "CVLT"sv, {630200}, '0', 'Y', 'A', 'N', 'N', "H8FUB8IV"sv, {options}},
      wire("'O' 00000007 'B' 000000e1 'CVLT    ' 0000000000099db8 '0YANNH8FUB8IV      '" +
           std::string(options_wire)),
      decode_inbound);
  expect_both_ways(ReplaceOrder{UserRefNum{7}, UserRefNum{8}, 100, {10000}, '0', 'Y', 'N', "ID"sv, {}},
                   wire("'U' 00000007 00000008 00000064 0000000000002710 '0YNID            ' 0000"),
                   decode_inbound);
  expect_both_ways(CancelOrder{UserRefNum{0x01020304}, 50}, wire("'X' 01020304 00000032"), decode_inbound);
  expect_both_ways(ModifyOrder{UserRefNum{1}, 'S', 2}, wire("'M' 00000001 'S' 00000002"), decode_inbound);
  expect_both_ways(AccountQuery{}, wire("'Q'"), decode_inbound);
}

TEST(Ouch50, OutboundAgainstBytesOfTheTables) {
  constexpr EventTime time{0x0000289b4d64af87};
  constexpr std::string_view t = "0000289b4d64af87";
  const auto at = [t](std::string_view before, std::string_view after) {
    return wire(std::string(before) + std::string(t) + std::string(after));
  };
  constexpr UserRefNum seven{7};
  expect_both_ways(SystemEvent{time, 'S'}, at("'S'", "'S'"), decode_outbound);
  expect_both_ways(
      Accepted{time,
               seven,
               'B',
               40,
               "ADBE"sv,
               {4778824},
               '5',
               'Y',
               OrderRef{0x0f56b4f5},
               'A',
               'N',
               'N',
               'L',
               "768"sv,
               {options}},
      at("'A'",
         "00000007 'B' 00000028 'ADBE    ' 000000000048eb48 '5Y' 000000000f56b4f5 'ANNL768           '" +
             std::string(options_wire)),
      decode_outbound);
  expect_both_ways(Replaced{time,
                            seven,
                            UserRefNum{8},
                            'B',
                            40,
                            "ADBE"sv,
                            {1},
                            '5',
                            'Y',
                            OrderRef{2},
                            'A',
                            'N',
                            'N',
                            'L',
                            "768"sv,
                            {}},
                   at("'U'",
                      "00000007 00000008 'B' 00000028 'ADBE    ' 0000000000000001 '5Y' 0000000000000002 "
                      "'ANNL768           ' 0000"),
                   decode_outbound);
  expect_both_ways(Canceled{time, seven, 40, 'U'}, at("'C'", "00000007 00000028 'U'"), decode_outbound);
  expect_both_ways(AiqCanceled{time, seven, 1, 'Q', 2, {3}, 'A'},
                   at("'D'", "00000007 00000001 'Q' 00000002 0000000000000003 'A'"), decode_outbound);
  expect_both_ways(
      Executed{time, seven, 1, {2}, 'R', MatchNumber{3}, {options}},
      at("'E'", "00000007 00000001 0000000000000002 'R' 0000000000000003" + std::string(options_wire)),
      decode_outbound);
  expect_both_ways(BrokenTrade{time, seven, MatchNumber{3}, 'E', "ID"sv},
                   at("'B'", "00000007 0000000000000003 'EID            '"), decode_outbound);
  expect_both_ways(TradeCorrection{time, seven, 1, {2}, 'R', MatchNumber{3}, 'E', "ID"sv},
                   at("'F'", "00000007 00000001 0000000000000002 'R' 0000000000000003 'EID            '"),
                   decode_outbound);
  expect_both_ways(Rejected{time, seven, 0x0102, "ID"sv}, at("'J'", "00000007 0102 'ID            '"),
                   decode_outbound);
  expect_both_ways(CancelPending{time, seven}, at("'P'", "00000007"), decode_outbound);
  expect_both_ways(CancelRejected{time, seven}, at("'I'", "00000007"), decode_outbound);
  expect_both_ways(PriorityUpdate{time, seven, {2}, 'Y', OrderRef{3}},
                   at("'T'", "00000007 0000000000000002 'Y' 0000000000000003"), decode_outbound);
  expect_both_ways(Modified{time, seven, 'S', 9}, at("'M'", "00000007 'S' 00000009"), decode_outbound);
  expect_both_ways(Restated{time, seven, 'R', {}}, at("'R'", "00000007 'R' 0000"), decode_outbound);
  expect_both_ways(AccountQueryResponse{time, seven}, at("'Q'", "00000007"), decode_outbound);
}

TEST(Ouch50, UnknownTypesAndBrokenOptions) {
  Inbound inbound;
  Outbound outbound;
  EXPECT_EQ(decode_inbound(wire("'Z'"), inbound), Defect::unknown_type);
  EXPECT_EQ(decode_outbound(wire("'O'"), outbound), Defect::unknown_type);
  const auto restated = [&](std::string_view appendage) {
    return decode_outbound(wire("'R' 0000000000000001 00000007 'R' " + std::string(appendage)), outbound);
  };
  EXPECT_EQ(restated("0003 02 04 'R'"), Defect::none);
  EXPECT_EQ(restated("0003 03 04 'R'"), Defect::wrong_appendage);  // Passes the end.
  EXPECT_EQ(restated("0003 00 04 'R'"), Defect::wrong_appendage);  // No room for its tag.
  EXPECT_EQ(restated("0001 01"), Defect::wrong_appendage);
  EXPECT_EQ(restated("0002 01 63"), Defect::none);  // An unknown tag without a value is well-formed.
}

TEST(Ouch50, Printing) {
  Bytes appended;
  append_option(appended, 2, Mpid("LIME"));
  append_option(appended, 7, PriceOffset{-12345});
  append_option(appended, 15, std::uint32_t{60});
  appended.insert(appended.end(), {std::byte{2}, std::byte{99}, std::byte{0xab}});
  EXPECT_EQ(
      to_string(Outbound(Restated{EventTime{5}, UserRefNum{7}, 'R', {appended}})),
      "Restated timestamp=5 user_ref_num=7 reason=R appendage=[firm=LIME peg_offset=-1.2345 expire_time=60 "
      "option_99=ab]");
  EXPECT_EQ(to_string(Inbound(CancelOrder{UserRefNum{1}, 2})), "CancelOrder user_ref_num=1 quantity=2");
  EXPECT_EQ(to_string(Inbound()), "nothing");
}

// The payload of the SoupBinTCP packet in a capture, by its place in the file.
std::span<const std::byte> slice(const Bytes& file, std::size_t at, std::size_t size) {
  return std::span(file).subspan(at, size);
}

TEST(Ouch50, RealEnterOrder) {
  SKIP_WITHOUT_SHARED_DATA("nasdaq-ouch/EnterOrderMessage.pcap");
  const Bytes file = testing::read_file(testing::shared_data("nasdaq-ouch/EnterOrderMessage.pcap"));
  Inbound any;
  ASSERT_EQ(decode_inbound(slice(file, 0x65, 53), any), Defect::none);
  EXPECT_EQ(
      to_string(any),
      "EnterOrder user_ref_num=113 side=T quantity=225 symbol=CVLT price=63.0200 time_in_force=0 display=Y "
      "capacity=A sweep_eligibility=N cross_type=N client_order_id=H8FUB8IV appendage=[firm=LIME]");
}

TEST(Ouch50, RealCancelAcceptedAndCanceled) {
  SKIP_WITHOUT_SHARED_DATA("nasdaq-ouch/OrderAcceptedMessage.pcap");
  Inbound inbound;
  const Bytes cancel = testing::read_file(testing::shared_data("nasdaq-ouch/CancelOrderMessage.pcap"));
  ASSERT_EQ(decode_inbound(slice(cancel, 0x61, 9), inbound), Defect::none);
  EXPECT_EQ(to_string(inbound), "CancelOrder user_ref_num=7679601 quantity=0");
  Outbound outbound;
  const Bytes accepted = testing::read_file(testing::shared_data("nasdaq-ouch/OrderAcceptedMessage.pcap"));
  ASSERT_EQ(decode_outbound(slice(accepted, 0x61, 73), outbound), Defect::none);
  EXPECT_EQ(
      to_string(outbound),
      "Accepted timestamp=44647483486087 user_ref_num=7682701 side=B quantity=40 symbol=ADBE price=477.7800 "
      "time_in_force=5 display=Y order_ref=257340661 capacity=A sweep_eligibility=N cross_type=N "
      "order_state=L "
      "client_order_id=7682701 appendage=[firm=MLRO bbo_weight=0]");
  const Bytes canceled = testing::read_file(testing::shared_data("nasdaq-ouch/CanceledMessage.pcap"));
  ASSERT_EQ(decode_outbound(slice(canceled, 0x61, 18), outbound), Defect::none);
  EXPECT_EQ(to_string(outbound),
            "Canceled timestamp=44647483708183 user_ref_num=7682701 quantity=40 reason=U");
}

}  // namespace
}  // namespace tapeline::ouch50
