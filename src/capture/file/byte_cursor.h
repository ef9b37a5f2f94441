#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "capture/file/byte_source.h"

namespace tapeline::capture {

// Reads a ByteSource in runs of given sizes. A run is contiguous: it lies in the source's buffer, or where it
// spans two of them in a copy.
class ByteCursor {
 public:
  explicit ByteCursor(ByteSource& source) : source_(source) {}

  // The next `size` bytes; fewer only where the input ends. Valid until the next call of take or skip, and
  // followed by decode_padding readable bytes. Fails as the source fails, once no whole run is left before
  // the failure.
  Result<std::span<const std::byte>> take(std::size_t size);

  // Passes over `size` bytes; returns how many there were.
  Result<std::uint64_t> skip(std::uint64_t size);

  // Position in the (decompressed) input, for messages.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

 private:
  Result<bool> refill();

  ByteSource& source_;
  std::span<const std::byte> chunk_;  // What is left of the source's last chunk.
  std::vector<std::byte> joined_;
  std::uint64_t offset_ = 0;
};

}  // namespace tapeline::capture
