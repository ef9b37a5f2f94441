#include "feed/soupbintcp/frame_parser.h"

#include <algorithm>

#include "base/bytes.h"

namespace tapeline::soupbintcp {

namespace {

Packet packet_in(std::span<const std::byte> bytes) {
  return {static_cast<PacketType>(bytes[length_size]), bytes.subspan(length_size + 1)};
}

}  // namespace

void FrameParser::reset() {
  input_ = {};
  partial_.clear();
  taken_ = 0;
  defect_ = FrameDefect::none;
}

// With its length; 0 sets a defect.
std::size_t FrameParser::packet_size(std::span<const std::byte> front) {
  const std::size_t length = load_be<std::uint16_t>(front.data());
  if (length == 0) defect_ = FrameDefect::zero_length;
  if (length_size + length > limit_) defect_ = FrameDefect::too_long;
  return defect_ == FrameDefect::none ? length_size + length : 0;
}

// Moves input into partial_ until that has `size` bytes.
bool FrameParser::complete(std::size_t size) {
  const std::size_t part = std::min(size - std::min(size, partial_.size()), input_.size());
  partial_.insert(partial_.end(), input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(part));
  input_ = input_.subspan(part);
  return partial_.size() >= size;
}

std::optional<Packet> FrameParser::next() {
  if (taken_ > 0) {
    partial_.clear();
    taken_ = 0;
  }
  if (defect_ != FrameDefect::none) return std::nullopt;
  if (partial_.empty() && input_.size() >= length_size) {
    const std::size_t size = packet_size(input_);
    if (size == 0) return std::nullopt;
    if (size <= input_.size()) {
      const Packet packet = packet_in(input_.first(size));
      input_ = input_.subspan(size);
      return packet;
    }
  }
  if (!complete(length_size)) return std::nullopt;
  const std::size_t size = packet_size(partial_);
  if (size == 0 || !complete(size)) return std::nullopt;
  taken_ = size;
  return packet_in(partial_);
}

}  // namespace tapeline::soupbintcp
