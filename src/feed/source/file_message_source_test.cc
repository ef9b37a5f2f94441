#include "feed/source/file_message_source.h"

#include <random>

#include "base/bytes.h"
#include "base/testing/shared_data.h"
#include "feed/itch50/diagnosis.h"

namespace tapeline::feed {
namespace {

using ::testing::HasSubstr;

// Hands out prepared bytes in pieces of given sizes.
class PieceStream final : public capture::ByteStream {
 public:
  PieceStream(std::vector<std::byte> bytes, std::function<std::size_t()> piece)
      : bytes_(std::move(bytes)), piece_(std::move(piece)) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t size = std::min({into.size(), bytes_.size() - at_, std::max<std::size_t>(1, piece_())});
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), size, into.begin());
    at_ += size;
    return size;
  }
  [[nodiscard]] capture::InputProgress progress() const override { return {at_, bytes_.size()}; }
  void interrupt() noexcept override {}

 private:
  std::vector<std::byte> bytes_;
  std::function<std::size_t()> piece_;
  std::size_t at_ = 0;
};

struct ReadResult {
  std::vector<std::byte> bytes;
  std::uint64_t messages = 0;
  std::optional<Error> error;
  SourceCounters counters;
};

ReadResult read_all(MessageSource& source) {
  ReadResult result;
  for (;;) {
    const Result<std::optional<MessageBlock>> block = source.next();
    if (!block) result.error = block.error();
    if (!block || !*block) break;
    EXPECT_EQ((*block)->first_sequence, result.messages + 1);
    result.messages += (*block)->message_count;
    std::size_t walked = 0;
    for (std::uint32_t i = 0; i < (*block)->message_count; ++i)
      walked += 2 + load_be<std::uint16_t>((*block)->bytes.data() + walked);
    EXPECT_EQ(walked, (*block)->bytes.size());
    result.bytes.insert(result.bytes.end(), (*block)->bytes.begin(), (*block)->bytes.end());
  }
  result.counters = source.counters();
  return result;
}

ReadResult read_pieces(const std::vector<std::byte>& bytes, std::function<std::size_t()> piece,
                       std::size_t buffer_bytes = 4096, Diagnosis diagnosis = {}) {
  FileMessageSource source(
      std::make_unique<PieceStream>(bytes, std::move(piece)), "test",
      {.read_ahead = {.buffers = 3, .buffer_bytes = buffer_bytes}, .diagnosis = diagnosis});
  return read_all(source);
}

std::vector<std::byte> random_frames(std::mt19937& random, int count) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < count; ++i) {
    const std::size_t length = random() % 50 == 0 ? 1 + random() % 65535 : 1 + random() % 60;
    bytes.push_back(static_cast<std::byte>(length >> 8));
    bytes.push_back(static_cast<std::byte>(length));
    for (std::size_t k = 0; k < length; ++k) bytes.push_back(static_cast<std::byte>(random()));
  }
  return bytes;
}

TEST(FileMessageSource, BlocksConcatenateToTheInputWhateverThePieces) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 40; ++round) {
    const auto bytes = random_frames(random, 200);
    const std::size_t most = std::size_t{1} << (random() % 17);
    auto pieces = std::make_shared<std::mt19937>(random());
    const ReadResult read = read_pieces(bytes, [=] { return (*pieces)() % most; }, 1 + random() % 5000);
    EXPECT_FALSE(read.error.has_value());
    EXPECT_EQ(read.messages, 200);
    ASSERT_TRUE(read.bytes == bytes) << round;
  }
}

TEST(FileMessageSource, SplitAtEveryByte) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes;
  for (const std::size_t length : {3, 1, 12, 36}) {
    bytes.push_back(std::byte{0});
    bytes.push_back(static_cast<std::byte>(length));
    bytes.insert(bytes.end(), length, std::byte{'x'});
  }
  for (std::size_t split = 1; split < bytes.size(); ++split) {
    int reads = 0;
    EXPECT_TRUE(read_pieces(bytes, [&] { return reads++ == 0 ? split : bytes.size(); }).bytes == bytes)
        << split;
  }
}

TEST(FileMessageSource, TruncatedAtEveryByteNamesTheFrame) {
  std::mt19937 random(2);
  const auto bytes = random_frames(random, 5);
  std::vector<std::size_t> starts;
  for (std::size_t at = 0; at < bytes.size(); at += 2 + load_be<std::uint16_t>(bytes.data() + at))
    starts.push_back(at);
  for (std::size_t size = 0; size < bytes.size(); size += size < 300 ? 1 : 997) {
    const std::vector<std::byte> torn(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const ReadResult read = read_pieces(torn, [] { return std::size_t{7}; });
    const auto after = std::upper_bound(starts.begin(), starts.end(), size);
    const std::size_t whole = *(after - 1);
    EXPECT_EQ(read.bytes.size(), whole);
    EXPECT_EQ(read.error.has_value(), whole != size) << size;
    if (whole == size) continue;
    EXPECT_EQ(read.error->code, ErrorCode::corrupt);
    EXPECT_THAT(read.error->message, HasSubstr("byte offset " + std::to_string(whole)));
  }
}

TEST(FileMessageSource, CountsWhatFollowsTheEndMarker) {
  std::mt19937 random(3);
  auto bytes = random_frames(random, 3);
  const std::size_t good = bytes.size();
  bytes.insert(bytes.end(), 2, std::byte{0});
  for (const std::size_t trailing : {0, 1, 100'000}) {
    auto longer = bytes;
    longer.insert(longer.end(), trailing, std::byte{9});
    for (const std::size_t piece : {1, 5, 1'000'000}) {
      const ReadResult read = read_pieces(longer, [=] { return piece; });
      EXPECT_FALSE(read.error.has_value());
      EXPECT_EQ(read.messages, 3);
      EXPECT_EQ(read.bytes.size(), good);
      EXPECT_EQ(read.counters.trailing_bytes, trailing);
    }
  }
}

TEST(FileMessageSource, EmptyInputIsACleanEnd) {
  const ReadResult read = read_pieces({}, [] { return std::size_t{1}; }, 4096, itch50::explain_not_itch);
  EXPECT_FALSE(read.error.has_value());
  EXPECT_EQ(read.messages, 0);
}

ReadResult read_sample(const std::string& name, Diagnosis diagnosis) {
  auto stream = capture::open_byte_stream(testing::shared_data(name));
  EXPECT_TRUE(stream.has_value());
  FileMessageSource source(std::move(*stream), name, {.read_ahead = {}, .diagnosis = std::move(diagnosis)});
  return read_all(source);
}

TEST(FileMessageSource, ReadsTheSamples) {
  SKIP_WITHOUT_SHARED_DATA("itch");
  const ReadResult head = read_sample("itch/directory-head.itch", itch50::explain_not_itch);
  EXPECT_FALSE(head.error.has_value());
  EXPECT_EQ(head.messages, 1000);
  EXPECT_EQ(head.bytes.size(), 40874);
  const ReadResult marker = read_sample("itch/end-of-session-marker.itch", {});
  EXPECT_FALSE(marker.error.has_value());
  EXPECT_EQ(marker.messages, 4);
}

TEST(FileMessageSource, RefusesWhatIsNotItch) {
  SKIP_WITHOUT_SHARED_DATA("malformed");
  for (const char* name :
       {"zero-length-prefix.itch", "eight-byte-timestamps.itch", "no-length-prefix.itch"}) {
    const ReadResult read = read_sample(std::string("malformed/") + name, itch50::explain_not_itch);
    EXPECT_EQ(read.messages, 0);
    ASSERT_TRUE(read.error.has_value()) << name;
    EXPECT_EQ(read.error->code, ErrorCode::corrupt);
    EXPECT_THAT(read.error->message, HasSubstr("not a file of ITCH 5.0 messages"));
  }
}

}  // namespace
}  // namespace tapeline::feed
