#include "feed/binary_file/frame_cutter.h"

#include "base/testing/shared_data.h"

namespace tapeline::binary_file {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(FrameCutter, CutsWholeFramesAndLeavesTheRest) {
  FrameCutter cutter;
  const auto bytes = bytes_of({0, 3, 'f', 'o', 'o', 0, 1, 'x', 0, 2, 'y'});
  const Cut cut = cutter.cut(bytes);
  EXPECT_EQ(cut.size, 8);
  EXPECT_EQ(cut.message_count, 2);
  EXPECT_EQ(cut.first_sequence, 1);
  EXPECT_EQ(cutter.offset(), 8);
  EXPECT_EQ(cutter.finish(std::span(bytes).subspan(8)).value(),
            "the input ends inside a message: the frame at byte offset 8 is 2 bytes long, but only 1 follow");
  const Cut rest = cutter.cut(bytes_of({0, 2, 'y', 'z'}));
  EXPECT_EQ(rest.first_sequence, 3);
  EXPECT_FALSE(cutter.finish({}).has_value());
}

TEST(FrameCutter, LengthZeroEndsTheFileAndTheRestIsTrailing) {
  FrameCutter cutter;
  const Cut cut = cutter.cut(bytes_of({0, 1, 'x', 0, 0, 9, 9, 9}));
  EXPECT_EQ(cut.size, 3);
  EXPECT_TRUE(cutter.ended());
  EXPECT_EQ(cutter.trailing_bytes(), 3);
  EXPECT_EQ(cutter.cut(bytes_of({0, 1, 'x'})).message_count, 0);
  EXPECT_EQ(cutter.trailing_bytes(), 6);
}

TEST(FrameCutter, EndInsideALengthIsNamed) {
  FrameCutter cutter;
  EXPECT_EQ(cutter.cut(bytes_of({1})).size, 0);
  EXPECT_EQ(cutter.finish(bytes_of({1})).value(),
            "the input ends inside the length of a message at byte offset 0");
}

TEST(FrameCutter, FramesOfTheGreatestLength) {
  std::vector<std::byte> bytes(max_frame_size, std::byte{0xff});
  FrameCutter cutter;
  EXPECT_EQ(cutter.cut(std::span(bytes).first(max_frame_size - 1)).message_count, 0);
  EXPECT_EQ(cutter.cut(bytes).size, max_frame_size);
}

TEST(FrameCutter, ReadsTheSampleWithTheEndMarker) {
  SKIP_WITHOUT_SHARED_DATA("itch/end-of-session-marker.itch");
  const auto bytes = testing::read_file(testing::shared_data("itch/end-of-session-marker.itch"));
  FrameCutter cutter;
  const Cut cut = cutter.cut(bytes);
  EXPECT_EQ(cut.message_count, 4);  // foo, bar, baz, quux.
  EXPECT_EQ(cut.size, 21);
  EXPECT_TRUE(cutter.ended());
  EXPECT_EQ(cutter.trailing_bytes(), 0);
}

}  // namespace
}  // namespace tapeline::binary_file
