#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/check.h"

namespace tapeline::exchange {

// The two copies of a feed.
enum class Feed : std::uint8_t { a, b };
inline constexpr std::size_t feed_count = 2;

// Datagrams on their way out, in order. Its memory is allocated once; a datagram for both feeds is stored
// once.
class DatagramBatch {
 public:
  struct Entry {
    Feed feed;
    std::span<const std::byte> payload;
  };

  static constexpr std::size_t max_datagram_bytes = 65'507;

  explicit DatagramBatch(std::size_t max_entries = 256)
      : bytes_(std::max(max_entries * 1500, 4 * max_datagram_bytes)), max_entries_(max_entries) {
    entries_.reserve(max_entries);
  }

  // Whether so many more entries, each with a datagram of its own of at most this size, are sure to fit.
  [[nodiscard]] bool has_room(std::size_t entries, std::size_t datagram_bytes) const {
    return entries_.size() + entries <= max_entries_ && used_ + entries * datagram_bytes <= bytes_.size();
  }

  // Memory for a datagram; stays in place until clear().
  std::span<std::byte> store(std::size_t size) {
    CHECK(used_ + size <= bytes_.size());
    used_ += size;
    return std::span(bytes_).subspan(used_ - size, size);
  }
  std::span<std::byte> store(std::span<const std::byte> payload) {
    const std::span<std::byte> copy = store(payload.size());
    if (!payload.empty()) std::memcpy(copy.data(), payload.data(), payload.size());
    return copy;
  }

  // `payload` is stored here, or lives as long.
  void add(Feed feed, std::span<const std::byte> payload) {
    CHECK(entries_.size() < max_entries_);
    entries_.push_back({feed, payload});
  }

  [[nodiscard]] std::span<const Entry> entries() const { return entries_; }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  void clear() {
    entries_.clear();
    used_ = 0;
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t used_ = 0;
  std::size_t max_entries_;
  std::vector<Entry> entries_;
};

}  // namespace tapeline::exchange
