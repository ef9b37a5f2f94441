#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "event_log/journal/batch_scanner.h"
#include "event_log/journal/format.h"
#include "os/file_system.h"

namespace tapeline::event_log::journal {

// Segments are named by their first offset, in twenty digits, so that names sort as offsets do.
[[nodiscard]] std::string segment_path(const std::string& folder, std::uint64_t base_offset);
[[nodiscard]] std::string index_path(const std::string& folder, std::uint64_t base_offset);
[[nodiscard]] std::optional<std::uint64_t> segment_base(std::string_view file_name);

// First offsets of the segments in a partition's folder, increasing; none where there is no folder.
Result<std::vector<std::uint64_t>> list_segments(os::FileSystem& files, const std::string& folder);

// What is in a segment as a whole.
struct SegmentSummary {
  std::uint64_t base_offset = 0;
  std::uint64_t end_offset = 0;  // Where the next segment begins.
  std::uint64_t batches = 0;
  std::uint64_t first_time_ns = 0;
  std::uint64_t last_time_ns = 0;  // The latest of all.
  std::uint64_t log_bytes = 0;     // Up to the end of the last whole batch.
  std::uint64_t rewritten = 0;     // 1 where compaction or a repair wrote it.
};
static_assert(sizeof(SegmentSummary) == 56);

struct IndexEntry {
  std::uint64_t offset;            // Of the batch at `position`.
  std::uint64_t last_time_before;  // The latest of all batches before it in the segment.
  std::uint64_t position;
};
static_assert(sizeof(IndexEntry) == 24);

// Finds batches in a segment by offset and by time, to within index_interval bytes. Its file can be lost: it
// is made again from the segment.
class SegmentIndex {
 public:
  static constexpr std::uint64_t index_interval = 64 << 10;

  SegmentIndex() = default;
  explicit SegmentIndex(const SegmentHeader& header);

  void add(const BatchHeader& header, std::uint64_t position, std::uint64_t size);

  // The last entry at or before the offset; the last before the first batch of that time or later.
  [[nodiscard]] IndexEntry find_offset(std::uint64_t offset) const;
  [[nodiscard]] IndexEntry find_time(std::uint64_t time_ns) const;

  [[nodiscard]] const SegmentSummary& summary() const { return summary_; }

  [[nodiscard]] std::vector<std::byte> encode() const;
  // Nothing where the bytes are not a whole index of this format.
  static std::optional<SegmentIndex> decode(Bytes bytes);

 private:
  [[nodiscard]] IndexEntry entry_before(std::size_t next) const;

  SegmentSummary summary_;
  std::vector<IndexEntry> entries_;
  std::uint64_t indexed_to_ = 0;
};

// A segment as it is found.
struct OpenSegment {
  std::shared_ptr<os::File> file;
  SegmentState state = SegmentState::damaged;  // Of its header.
  SegmentHeader header{};
};
Result<OpenSegment> open_segment(os::FileSystem& files, const std::string& folder, std::uint64_t base_offset,
                                 os::OpenMode mode);
// A new, empty segment; its name is not synced.
Result<std::shared_ptr<os::File>> create_segment(os::FileSystem& files, const std::string& folder,
                                                 std::uint64_t base_offset, std::uint64_t preallocate_bytes);

// Removes a segment with its index.
Result<void> remove_segment(os::FileSystem& files, const std::string& folder, std::uint64_t base_offset);

// "PATH is of format version N…"
[[nodiscard]] Error newer_format(const std::string& path, std::uint32_t version);

struct SegmentScan {
  OpenSegment segment;
  SegmentIndex index;
  ScanState stopped_by = ScanState::end;  // `damaged` at position 0 where the header is.
  std::uint64_t stopped_at = 0;
  std::uint64_t file_bytes = 0;
};
// Reads every batch. A header of a newer format is an error.
Result<SegmentScan> scan_segment(os::FileSystem& files, const std::string& folder, std::uint64_t base_offset,
                                 os::OpenMode mode = os::OpenMode::read);

// The index from its file where that belongs to the segment as it is; else nothing.
std::optional<SegmentIndex> load_index(os::FileSystem& files, const std::string& folder,
                                       const OpenSegment& segment);
Result<void> store_index(os::FileSystem& files, const std::string& folder, const SegmentIndex& index);
// Either of the two: for segments that may be long closed or still growing.
Result<SegmentIndex> load_or_scan(os::FileSystem& files, const std::string& folder,
                                  std::uint64_t base_offset);

}  // namespace tapeline::event_log::journal
