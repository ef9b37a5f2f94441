#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "capture/pcap/frame.h"

namespace tapeline::capture {

// Puts the segments of TCP connections in order, each direction by itself. A hole is waited for until
// max_pending_bytes lie behind it or the connection ends, then counted as missing and passed over. Pure.
class TcpReassembly {
 public:
  static constexpr std::size_t max_pending_bytes = 256 * 1024;  // Per direction.
  static constexpr std::size_t max_streams = 1024;  // Beyond, the longest silent one is forgotten.

  // Bytes in order. Either they point into the segment that was added last, or `owned` holds them.
  struct Run {
    std::span<const std::byte> bytes;  // Followed by decode_padding readable bytes.
    std::vector<std::byte> owned;
    std::uint64_t missing_before = 0;
    std::uint32_t stream = 0;
    Endpoint source;
    Endpoint destination;
  };

  // Adds a segment, whose content is `tcp`. Appends what is now in order to `runs`.
  void add(const Frame& segment, std::deque<Run>& runs);

  // At the end of the capture: gives up on every hole.
  void finish(std::deque<Run>& runs);

  [[nodiscard]] std::uint64_t retransmitted_bytes() const { return retransmitted_bytes_; }
  [[nodiscard]] std::uint64_t missing_bytes() const { return missing_bytes_; }

 private:
  struct Direction {
    Endpoint source;
    Endpoint destination;
    friend auto operator<=>(const Direction&, const Direction&) = default;
  };
  struct Stream {
    std::uint32_t number = 0;
    bool started = false;
    std::uint32_t next_sequence = 0;
    std::uint64_t delivered = 0;  // Position of next_sequence, counted without wrapping.
    std::uint64_t last_used = 0;
    std::size_t pending_bytes = 0;
    std::map<std::uint64_t, std::vector<std::byte>> pending;  // By position.
  };

  Stream& stream_of(const Direction& direction, std::deque<Run>& runs);
  void keep(Stream& stream, std::uint64_t position, std::span<const std::byte> bytes);
  void deliver_pending(const Direction& direction, Stream& stream, bool over_holes, std::deque<Run>& runs);

  std::map<Direction, Stream> streams_;
  std::uint32_t stream_count_ = 0;
  std::uint64_t clock_ = 0;  // Counts segments.
  std::uint64_t retransmitted_bytes_ = 0;
  std::uint64_t missing_bytes_ = 0;
};

}  // namespace tapeline::capture
