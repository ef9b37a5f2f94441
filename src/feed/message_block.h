#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "market/types.h"

namespace tapeline::feed {

// A run of whole messages, each behind its big-endian u16 length: what a chunk of a BinaryFILE and the
// payload of a MoldUDP64 packet have in common. The unit between every input and the decoder.
struct MessageBlock {
  // Whole frames only; followed by decode_padding readable bytes (base/bytes.h). A frame may have length 0:
  // MoldUDP64 allows it, and such a message takes a sequence number.
  std::span<const std::byte> bytes;
  std::uint64_t first_sequence;  // Of the first message; files count from 1.
  std::uint32_t message_count;
  CaptureTime capture_time;  // 0 where unknown.
};

}  // namespace tapeline::feed
