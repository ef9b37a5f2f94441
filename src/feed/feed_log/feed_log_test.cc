#include "feed/feed_log/feed_log.h"

#include <random>

#include "base/bytes.h"

namespace tapeline::feed {
namespace {

using Bytes = std::vector<std::byte>;

Bytes frames(std::initializer_list<std::string_view> messages) {
  Bytes bytes;
  for (const std::string_view message : messages) {
    bytes.push_back(std::byte{0});
    bytes.push_back(static_cast<std::byte>(message.size()));
    for (const char c : message) bytes.push_back(static_cast<std::byte>(c));
  }
  return bytes;
}

// A session with everything in it.
void play(FeedConsumer& consumer) {
  const Bytes two = frames({"first", ""});
  const Bytes one = frames({"x"});
  consumer.on_session_started({SessionName("MONDAY"), 1, CaptureTime{10}});
  consumer.on_messages({two, 1, 2, CaptureTime{11}});
  consumer.on_gap_declared({3, 7, CaptureTime{12}});
  consumer.on_messages({one, 7, 1, CaptureTime{13}});
  consumer.on_recovery_started({8, CaptureTime{14}});
  consumer.on_snapshot_messages({two, 1, 2, CaptureTime{15}});
  consumer.on_snapshot_complete({20, CaptureTime{16}});
  consumer.on_messages({one, 20, 1, CaptureTime{17}});
  consumer.on_end_of_session({21, CaptureTime{18}});
}

Bytes whole_session() {
  Bytes payload;
  FeedLogEncoder encoder;
  encoder.start_batch(payload);
  play(encoder);
  EXPECT_EQ(encoder.record_count(), 11);
  return payload;
}

// Every record of a batch, into an encoder that goes on where the batch begins.
Bytes copy_of(std::span<const std::byte> payload) {
  Bytes copy;
  auto cursor = FeedLogCursor::open(payload);
  EXPECT_TRUE(cursor.has_value());
  FeedLogEncoder encoder(cursor->position());
  encoder.start_batch(copy);
  for (;;) {
    const auto record = cursor->next();
    EXPECT_TRUE(record.has_value()) << record.error().message;
    if (!record || !*record) break;
    replay(**record, encoder);
  }
  EXPECT_EQ(encoder.position(), cursor->position());
  EXPECT_EQ(encoder.record_count(), cursor->record_count());
  return copy;
}

std::string failure_of(std::span<const std::byte> payload) {
  auto cursor = FeedLogCursor::open(payload);
  if (!cursor) return cursor.error().message;
  for (;;) {
    const auto record = cursor->next();
    if (!record) {
      EXPECT_EQ(cursor->next().error().message, record.error().message) << "repeats";
      return record.error().message;
    }
    if (!*record) return "";
  }
}

TEST(FeedLog, TheBytesAreThoseOfTheFormatPage) {
  Bytes payload;
  FeedLogEncoder encoder;
  encoder.start_batch(payload);
  encoder.on_session_started({SessionName("S"), 1, CaptureTime{0x0102}});
  const Bytes block = frames({"ab"});
  encoder.on_messages({block, 1, 1, CaptureTime{0x0304}});
  const std::string_view expected(
      "\x01\x00\x00\x00\x00\x00          \x01\x00\x00\x00\x00\x00\x00\x00"
      "\x03\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00"
      "\x01\x00\x00\x00\x00\x00\x00\x00\x02\x01\x00\x00\x00\x00\x00\x00"
      "S         \x00\x00\x00\x00\x00\x00"
      "\x01\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"
      "\x01\x00\x00\x00\x00\x00\x00\x00\x04\x03\x00\x00\x00\x00\x00\x00"
      "\x00\x02"
      "ab\x00\x00\x00\x00",
      24 + 48 + 40);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(payload.data()), payload.size()), expected);
}

TEST(FeedLog, EveryKindComesBack) {
  const Bytes payload = whole_session();
  EXPECT_EQ(copy_of(payload), payload);
  EXPECT_EQ(feed_record_count(payload), 11);
  EXPECT_EQ(feed_position_behind(payload), (FeedPosition{SessionName("MONDAY"), 21, true, false, true}));
}

TEST(FeedLog, ABatchSaysWhereItBegins) {
  Bytes first, second;
  FeedLogEncoder encoder;
  encoder.start_batch(first);
  encoder.on_session_started({SessionName("S"), 1, CaptureTime{0}});
  encoder.on_messages({frames({"a", "b"}), 1, 2, CaptureTime{0}});
  encoder.on_recovery_started({3, CaptureTime{0}});
  encoder.start_batch(second);
  EXPECT_EQ(encoder.record_count(), 0);
  encoder.on_snapshot_messages({frames({"a"}), 1, 1, CaptureTime{0}});
  const FeedPosition between = {SessionName("S"), 3, true, true, false};
  EXPECT_EQ(feed_position_behind(first), between);
  EXPECT_EQ(FeedLogCursor::open(second)->position(), between);
  EXPECT_EQ(copy_of(second), second);
}

TEST(FeedLog, EveryTruncationIsNoticed) {
  const Bytes payload = whole_session();
  std::size_t boundaries = 0;
  for (std::size_t size = 0; size < payload.size(); ++size) {
    const Bytes cut(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size));
    const bool whole = failure_of(cut).empty();
    EXPECT_EQ(feed_record_count(cut).has_value(), whole) << size;
    if (whole) ++boundaries;
  }
  EXPECT_EQ(boundaries, 9) << "behind the header and each record but the last";
}

TEST(FeedLog, RecordsThatContradictOneAnother) {
  const auto failure = [](const FeedPosition& position, auto&& write) {
    Bytes payload;
    FeedLogEncoder encoder(position);
    encoder.start_batch(payload);
    write(encoder);
    return failure_of(payload);
  };
  using ::testing::HasSubstr;
  const FeedPosition open = {SessionName("S"), 5, true, false, false};
  FeedPosition recovering = open;
  recovering.in_recovery = true;
  FeedPosition ended = open;
  ended.ended = true;
  const Bytes block = frames({"a"});
  const auto messages = [&](FeedConsumer& c) { c.on_messages({block, 6, 1, CaptureTime{0}}); };
  EXPECT_THAT(failure(open, messages), HasSubstr("does not go on"));
  EXPECT_THAT(failure(recovering, messages), HasSubstr("inside a recovery"));
  EXPECT_THAT(failure(ended, messages), HasSubstr("outside a session"));
  EXPECT_THAT(failure({}, messages), HasSubstr("outside a session"));
  EXPECT_THAT(failure(open, [](FeedConsumer& c) { c.on_gap_declared({5, 5, CaptureTime{0}}); }),
              HasSubstr("empty gap"));
  EXPECT_EQ(failure(recovering, [](FeedConsumer& c) { c.on_gap_declared({5, 5, CaptureTime{0}}); }), "");
  EXPECT_THAT(failure(open, [](FeedConsumer& c) { c.on_gap_declared({5, 4, CaptureTime{0}}); }),
              HasSubstr("does not begin at the end"));
  EXPECT_THAT(failure(open, [](FeedConsumer& c) { c.on_recovery_started({4, CaptureTime{0}}); }),
              HasSubstr("elsewhere"));
  EXPECT_THAT(failure(open, [&](FeedConsumer& c) { c.on_snapshot_messages({block, 1, 1, CaptureTime{0}}); }),
              HasSubstr("outside a recovery"));
  EXPECT_THAT(failure(open, [](FeedConsumer& c) { c.on_snapshot_complete({9, CaptureTime{0}}); }),
              HasSubstr("outside a recovery"));
  EXPECT_THAT(failure(recovering, [](FeedConsumer& c) { c.on_snapshot_complete({4, CaptureTime{0}}); }),
              HasSubstr("goes back"));
  EXPECT_THAT(failure(open, [](FeedConsumer& c) { c.on_end_of_session({6, CaptureTime{0}}); }),
              HasSubstr("elsewhere"));
}

TEST(FeedLog, DamagedSizesAreNoticed) {
  const Bytes payload = whole_session();
  const std::size_t session = sizeof(FeedBatchHeader);
  const std::size_t messages = session + sizeof(FeedRecordHeader) + 16;
  const auto damaged = [&](std::size_t at, int value) {
    Bytes copy = payload;
    copy[at] = static_cast<std::byte>(value);
    return failure_of(copy);
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(damaged(0, 2), HasSubstr("version 2"));
  EXPECT_THAT(damaged(session, 0), HasSubstr("no known kind"));
  EXPECT_THAT(damaged(session, 8), HasSubstr("no known kind"));
  EXPECT_THAT(damaged(session + 8, 11), HasSubstr("another size"));
  EXPECT_THAT(damaged(session + 11, 0xff), HasSubstr("cut off inside its body"));
  EXPECT_THAT(damaged(messages + 4, 0), HasSubstr("holds no message"));
  EXPECT_THAT(damaged(messages + 4, 1), HasSubstr("other lengths"));
  EXPECT_THAT(damaged(messages + 4, 3), HasSubstr("other lengths"));
  EXPECT_THAT(damaged(messages + sizeof(FeedRecordHeader) + 1, 200), HasSubstr("other lengths"));
}

}  // namespace
}  // namespace tapeline::feed
