#include "event_log/key_value.h"

namespace tapeline::event_log {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> sample() {
  std::vector<std::byte> payload;
  const auto key = bytes_of("key");
  const auto value = bytes_of("value");
  encode_key_value({key, value}, payload);
  encode_key_value({key, std::nullopt}, payload);
  encode_key_value({{}, std::span<const std::byte>()}, payload);
  return payload;
}

TEST(KeyValue, RoundTrip) {
  const std::vector<std::byte> payload = sample();
  KeyValueCursor cursor(payload);
  const auto first = cursor.next();
  ASSERT_TRUE(first && first->value);
  EXPECT_EQ(text_of(first->key), "key");
  EXPECT_EQ(text_of(*first->value), "value");
  const auto second = cursor.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(text_of(second->key), "key");
  EXPECT_FALSE(second->value.has_value());
  const auto third = cursor.next();
  ASSERT_TRUE(third);
  EXPECT_TRUE(third->key.empty());
  EXPECT_TRUE(third->value && third->value->empty()) << "an empty value is no tombstone";
  EXPECT_FALSE(cursor.next().has_value());
  EXPECT_FALSE(cursor.malformed());
}

TEST(KeyValue, EveryTruncationInsideARecordIsMalformed) {
  const std::vector<std::byte> payload = sample();
  const std::vector<std::size_t> ends = {0, 16, 27, 35};
  ASSERT_EQ(payload.size(), ends.back());
  for (std::size_t size = 0; size <= payload.size(); ++size) {
    KeyValueCursor cursor{std::span(payload).first(size)};
    while (cursor.next()) {
    }
    EXPECT_EQ(cursor.malformed(), std::ranges::count(ends, size) == 0) << size;
  }
}

}  // namespace
}  // namespace tapeline::event_log
