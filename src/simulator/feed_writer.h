#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "feed/itch50/encoder.h"

namespace tapeline::simulator {

// Encodes messages one behind the other into a block, and counts them.
class FeedWriter {
 public:
  static constexpr std::size_t block_bytes = 1 << 20;

  FeedWriter() : block_(block_bytes + slack), end_(block_.data()) {}

  FeedWriter(const FeedWriter&) = delete;
  FeedWriter& operator=(const FeedWriter&) = delete;

  void start_block() { end_ = block_.data(); }
  // Whoever puts messages between two looks at full() may put a few hundred.
  [[nodiscard]] bool full() const { return end_ >= block_.data() + block_bytes; }
  [[nodiscard]] std::span<const std::byte> block() const { return {block_.data(), end_}; }

  // Fills in the header. The locate is 0 where a message concerns no single security.
  template <class M>
  void put(M& message, Locate locate, std::uint64_t time_ns) {
    message.header = {M::type_code, locate, 0, EventTime{time_ns}};
    end_ = itch50::encode_framed(message, end_);
    ++count_;
    ++counts_[static_cast<unsigned char>(M::type_code)];
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] const std::array<std::uint64_t, 256>& counts() const { return counts_; }

 private:
  static constexpr std::size_t slack = 1 << 16;

  std::vector<std::byte> block_;
  std::byte* end_;
  std::uint64_t count_ = 0;
  std::array<std::uint64_t, 256> counts_{};
};

}  // namespace tapeline::simulator
