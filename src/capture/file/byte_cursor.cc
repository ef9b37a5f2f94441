#include "capture/file/byte_cursor.h"

#include "base/bytes.h"

namespace tapeline::capture {

Result<bool> ByteCursor::refill() {
  const Result<std::span<const std::byte>> chunk = source_.next();
  if (!chunk) return std::unexpected(chunk.error());
  chunk_ = *chunk;
  return !chunk_.empty();
}

Result<std::span<const std::byte>> ByteCursor::take(std::size_t size) {
  if (chunk_.empty() && size > 0)
    if (const Result<bool> more = refill(); !more) return std::unexpected(more.error());
  if (chunk_.size() >= size) {
    const std::span<const std::byte> run = chunk_.first(size);
    chunk_ = chunk_.subspan(size);
    offset_ += size;
    return run;
  }
  // Grows with the bytes that are there, not with the size asked for, which may be a lie in the input.
  joined_.clear();
  while (joined_.size() < size) {
    if (chunk_.empty()) {
      const Result<bool> more = refill();
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
    }
    const std::size_t part = std::min(size - joined_.size(), chunk_.size());
    joined_.insert(joined_.end(), chunk_.begin(), chunk_.begin() + static_cast<std::ptrdiff_t>(part));
    chunk_ = chunk_.subspan(part);
  }
  const std::size_t got = joined_.size();
  joined_.resize(got + decode_padding);
  offset_ += got;
  return std::span<const std::byte>(joined_).first(got);
}

Result<std::uint64_t> ByteCursor::skip(std::uint64_t size) {
  std::uint64_t skipped = 0;
  while (skipped < size) {
    if (chunk_.empty()) {
      const Result<bool> more = refill();
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
    }
    const std::uint64_t part = std::min<std::uint64_t>(size - skipped, chunk_.size());
    chunk_ = chunk_.subspan(static_cast<std::size_t>(part));
    skipped += part;
  }
  offset_ += skipped;
  return skipped;
}

}  // namespace tapeline::capture
