#include "event_log/key_value.h"

#include <cstring>

#include "base/check.h"

namespace tapeline::event_log {

namespace {

// Little-endian on disk; the value follows the key without padding.
struct RecordHeader {
  std::uint32_t key_size;
  std::uint32_t value_size;
};
static_assert(sizeof(RecordHeader) == 8);

constexpr std::uint32_t tombstone_size = 0xffffffff;

}  // namespace

void encode_key_value(const KeyValue& record, std::vector<std::byte>& to) {
  CHECK(record.key.size() <= max_key_bytes);
  CHECK(!record.value || record.value->size() < tombstone_size);
  const RecordHeader header{static_cast<std::uint32_t>(record.key.size()),
                            record.value ? static_cast<std::uint32_t>(record.value->size()) : tombstone_size};
  const auto bytes = std::as_bytes(std::span(&header, 1));
  to.insert(to.end(), bytes.begin(), bytes.end());
  to.insert(to.end(), record.key.begin(), record.key.end());
  if (record.value) to.insert(to.end(), record.value->begin(), record.value->end());
}

std::optional<KeyValue> KeyValueCursor::next() {
  if (rest_.empty() || malformed_) return std::nullopt;
  RecordHeader header;
  malformed_ = true;
  if (rest_.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, rest_.data(), sizeof header);
  const std::uint64_t value_size = header.value_size == tombstone_size ? 0 : header.value_size;
  if (header.key_size > max_key_bytes || header.key_size + value_size > rest_.size() - sizeof header)
    return std::nullopt;
  malformed_ = false;
  KeyValue record{rest_.subspan(sizeof header, header.key_size), std::nullopt};
  if (header.value_size != tombstone_size)
    record.value = rest_.subspan(sizeof header + header.key_size, value_size);
  rest_ = rest_.subspan(sizeof header + header.key_size + value_size);
  return record;
}

}  // namespace tapeline::event_log
