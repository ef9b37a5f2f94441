#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "event_log/event_log.h"

// What is on disk; docs/formats/journal.md is the whole of it. All integers are little-endian.
namespace tapeline::event_log::journal {

static_assert(std::endian::native == std::endian::little);

inline constexpr std::uint32_t format_version = 1;

// Where nothing is known of what reached the disk: the topic is of SyncPolicy::none.
inline constexpr std::uint64_t sync_untracked = std::numeric_limits<std::uint64_t>::max();

// No batch begins behind it, so that sums of offsets and counts never overflow.
inline constexpr std::uint64_t max_offset = std::uint64_t{1} << 62;
inline constexpr std::uint64_t max_record_count = std::numeric_limits<std::uint32_t>::max();  // Of a batch.

struct SegmentHeader {
  std::array<char, 8> magic;
  std::uint32_t crc;  // Of the bytes behind it.
  std::uint32_t version;
  std::uint64_t base_offset;  // The name of the file, too.
  std::uint64_t end_offset;   // Where the next segment begins, if this one was rewritten; else 0.
};
static_assert(sizeof(SegmentHeader) == 32);

struct BatchHeader {
  std::uint32_t magic;
  std::uint32_t crc;  // Of the header's bytes behind it and of the payload.
  std::uint32_t payload_size;
  std::uint16_t kind;
  std::uint16_t reserved;
  std::uint32_t record_count;
  std::uint32_t reserved_too;
  std::uint64_t first_offset;
  std::uint64_t
      synced_offset;  // All before it was on the disk when the batch was written; or sync_untracked.
  std::uint64_t first_time_ns;
  std::uint64_t last_time_ns;

  [[nodiscard]] std::uint64_t end_offset() const { return first_offset + record_count; }
};
static_assert(sizeof(BatchHeader) == 56);

inline constexpr std::array<char, 8> segment_magic = {'T', 'A', 'P', 'E', 'L', 'O', 'G', '\n'};
inline constexpr std::uint32_t batch_magic = 0x4254'4c54;  // "TLTB" in the file.
inline constexpr std::size_t batch_alignment = 8;          // Batches begin at multiples of it, zeros between.

// What a batch takes in its file.
[[nodiscard]] constexpr std::size_t size_on_disk(std::size_t payload_size) {
  return (sizeof(BatchHeader) + payload_size + batch_alignment - 1) / batch_alignment * batch_alignment;
}

enum class SegmentState : std::uint8_t { whole, damaged, newer };
struct ParsedSegmentHeader {
  SegmentState state;
  SegmentHeader header;
};
[[nodiscard]] SegmentHeader make_segment_header(std::uint64_t base_offset, std::uint64_t end_offset);
[[nodiscard]] ParsedSegmentHeader parse_segment_header(Bytes bytes);

// Fills in magic and checksum; payload_size must be that of the pieces.
void seal(BatchHeader& header, std::span<const Bytes> payload);

enum class BatchState : std::uint8_t {
  whole,
  cut_off,  // The bytes end inside the header or the payload.
  damaged,
};
struct ParsedBatch {
  BatchState state = BatchState::damaged;
  std::size_t size = 0;  // On disk; how many bytes are needed to tell more, if it is cut off.
  BatchHeader header{};
  Bytes payload;
};
// Looks at the batch at the beginning of `bytes`.
[[nodiscard]] ParsedBatch parse_batch(Bytes bytes);

}  // namespace tapeline::event_log::journal
