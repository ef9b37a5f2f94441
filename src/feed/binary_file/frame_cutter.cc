#include "feed/binary_file/frame_cutter.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace tapeline::binary_file {

Cut FrameCutter::cut(std::span<const std::byte> bytes) {
  if (ended_) {
    trailing_bytes_ += bytes.size();
    return {0, next_sequence_, 0};
  }
  std::size_t at = 0;
  std::uint32_t count = 0;
  while (bytes.size() - at >= length_size) {
    const std::size_t length = load_be<std::uint16_t>(bytes.data() + at);
    if (length == 0) {
      ended_ = true;
      trailing_bytes_ = bytes.size() - at - length_size;
      break;
    }
    if (bytes.size() - at - length_size < length) break;
    at += length_size + length;
    ++count;
  }
  const Cut cut = {at, next_sequence_, count};
  offset_ += at;
  next_sequence_ += count;
  return cut;
}

std::optional<std::string> FrameCutter::finish(std::span<const std::byte> left_over) const {
  if (ended_ || left_over.empty()) return std::nullopt;
  if (left_over.size() < length_size)
    return fmt::format("the input ends inside the length of a message at byte offset {}", offset_);
  return fmt::format(
      "the input ends inside a message: the frame at byte offset {} is {} bytes long, but only {} follow",
      offset_, load_be<std::uint16_t>(left_over.data()), left_over.size() - length_size);
}

}  // namespace tapeline::binary_file
