#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tapeline::event_log {

// What the batches of a compacted topic hold: records of a key and its value, or the key's removal (a
// tombstone). docs/formats/journal.md has the layout.
struct KeyValue {
  std::span<const std::byte> key;
  std::optional<std::span<const std::byte>> value;  // None: a tombstone.
};

inline constexpr std::size_t max_key_bytes = 64 << 10;

// Appends one record to a batch's payload.
void encode_key_value(const KeyValue& record, std::vector<std::byte>& to);

// Walks the records of a payload. What it returns points into the payload.
class KeyValueCursor {
 public:
  explicit KeyValueCursor(std::span<const std::byte> payload) : rest_(payload) {}

  // Nothing at the end, and from the first record on that does not fit; malformed() tells them apart.
  std::optional<KeyValue> next();
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  std::span<const std::byte> rest_;
  bool malformed_ = false;
};

}  // namespace tapeline::event_log
