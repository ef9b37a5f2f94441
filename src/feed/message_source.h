#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "feed/message_block.h"
#include "market/types.h"

namespace tapeline::feed {

using SessionName = FixedText<10>;

// Messages `first` to `first + count - 1` of the session never arrived in time.
struct SequenceGap {
  SessionName session;
  std::uint64_t first;
  std::uint64_t count;
  CaptureTime noticed;
};

struct SourceProgress {
  std::uint64_t consumed = 0;  // Bytes of the input as it lies on disk.
  std::optional<std::uint64_t> total;
};

// What a source saw beyond the messages that it delivered. All counts are since the start.
struct SourceCounters {
  std::uint64_t blocks = 0;
  std::uint64_t messages = 0;  // Delivered.
  std::uint64_t packets = 0;   // Of the feed's protocol, well-formed or not.
  std::uint64_t heartbeats = 0;
  std::uint64_t gaps = 0;
  std::uint64_t missing_messages = 0;   // In those gaps.
  std::uint64_t duplicate_packets = 0;  // All of whose messages were delivered before: the other feed's copy.
  std::uint64_t duplicate_messages = 0;   // Including those at the front of a packet that overlaps.
  std::uint64_t late_messages = 0;        // Of a gap, arriving after its end was delivered; dropped.
  std::uint64_t foreign_packets = 0;      // Of another protocol, port or session.
  std::uint64_t malformed_packets = 0;    // Shorter than they claim to be; dropped whole.
  std::uint64_t incomplete_captures = 0;  // Frames that the capture cut off, IP fragments: content unknown.
  std::uint64_t trailing_bytes = 0;       // Behind the last message of a packet, or behind the end of a file.
  std::uint64_t session_changes = 0;
};

// A source of messages: a file, a capture, a socket. Used by one thread.
class MessageSource {
 public:
  virtual ~MessageSource() = default;

  // The next block, which stays valid until the next call; nullopt at the clean end. A failure comes after
  // everything that could be read before it, and repeats. first_sequence is beyond the end of the block
  // before it where messages are missing.
  virtual Result<std::optional<MessageBlock>> next() = 0;

  // The session of the last block; blank for a file. Where it changes, sequence numbers start anew and books
  // reset.
  [[nodiscard]] virtual SessionName session() const = 0;

  [[nodiscard]] virtual SourceProgress progress() const = 0;
  [[nodiscard]] virtual const SourceCounters& counters() const = 0;

  // The first gaps, at most max_listed_gaps of them; the counters have them all.
  [[nodiscard]] virtual std::span<const SequenceGap> gaps() const = 0;
  static constexpr std::size_t max_listed_gaps = 1024;
};

}  // namespace tapeline::feed
