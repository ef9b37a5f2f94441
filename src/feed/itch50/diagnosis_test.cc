#include "feed/itch50/diagnosis.h"

#include "base/bytes.h"
#include "base/testing/shared_data.h"
#include "feed/itch50/encoder.h"

namespace tapeline::itch50 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<std::byte> good_file(int messages) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(messages) * 40);
  std::byte* at = bytes.data();
  for (int i = 0; i < messages; ++i) {
    AddOrder add = {};
    at = encode_framed(add, at);
  }
  bytes.resize(static_cast<std::size_t>(at - bytes.data()));
  return bytes;
}

std::string explain(std::span<const std::byte> bytes) {
  const std::size_t size = std::min(bytes.size(), diagnosis_head_size);
  return explain_not_itch(bytes.first(size), bytes.size()).value_or("");
}

TEST(Diagnosis, AcceptsItch) {
  EXPECT_EQ(explain(good_file(1)), "");
  EXPECT_EQ(explain(good_file(500)), "");
  EXPECT_EQ(explain({}), "");
}

TEST(Diagnosis, AcceptsAnEndMarkerAlone) {
  const std::array<std::byte, 2> marker = {};
  EXPECT_EQ(explain(marker), "");
}

TEST(Diagnosis, AcceptsBadMessagesAmongGoodOnes) {
  auto bytes = good_file(10);
  bytes[2] = std::byte{'~'};           // An unknown type in front.
  bytes[38 * 4 + 2] = std::byte{'S'};  // A length that is wrong for its type.
  EXPECT_EQ(explain(bytes), "");
}

TEST(Diagnosis, RecognisesLittleEndianLengths) {
  auto bytes = good_file(10);
  for (std::size_t at = 0; at < bytes.size(); at += 38) std::swap(bytes[at], bytes[at + 1]);
  EXPECT_THAT(explain(bytes), HasSubstr("little-endian"));
}

TEST(Diagnosis, RecognisesLengthsThatCountThemselves) {
  auto bytes = good_file(10);
  for (std::size_t at = 0; at < bytes.size(); at += 38) bytes[at + 1] = std::byte{38};
  EXPECT_THAT(explain(bytes), HasSubstr("counts its own two bytes"));
}

TEST(Diagnosis, RecognisesText) {
  const std::string text = "34200.004241176,1,16113575,18,5853300,1\n34200.0042,1,16113584,18,5853200,1\n";
  EXPECT_THAT(explain(std::as_bytes(std::span(text))), HasSubstr("this is text"));
}

TEST(Diagnosis, NamesTheFirstMessageOfAnythingElse) {
  const std::array bytes = {std::byte{0}, std::byte{3}, std::byte{'f'}, std::byte{200}, std::byte{200}};
  EXPECT_EQ(explain(bytes), "the first message has type 'f', which ITCH 5.0 does not know, and length 3");
}

TEST(Diagnosis, ExplainsTheMalformedSamples) {
  SKIP_WITHOUT_SHARED_DATA("malformed");
  EXPECT_EQ(explain(testing::read_file(testing::shared_data("malformed/zero-length-prefix.itch"))),
            "the first frame has length 0, which marks the end, but 465046 bytes follow: each message is "
            "prefixed by "
            "00 00 instead of its length; write the length there");
  EXPECT_EQ(
      explain(testing::read_file(testing::shared_data("malformed/eight-byte-timestamps.itch"))),
      "every message is 2 bytes longer than ITCH 5.0 says: it seems to have 8-byte timestamps where ITCH 5.0 "
      "has 6");
  EXPECT_THAT(
      explain(testing::read_file(testing::shared_data("malformed/no-length-prefix.itch"))),
      AllOf(HasSubstr("starts with the message type 'S' where a length should be"), HasSubstr("no length")));
  EXPECT_EQ(explain(testing::read_file(testing::shared_data("itch/directory-head.itch"))), "");
}

}  // namespace
}  // namespace tapeline::itch50
