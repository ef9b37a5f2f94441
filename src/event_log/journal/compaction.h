#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "event_log/journal/segment.h"

namespace tapeline::event_log::journal {

// Keys held in memory at once, while a topic is compacted.
inline constexpr std::size_t max_compacted_keys = std::size_t{16} << 20;

// Whether at least half of what is closed has not been compacted yet.
[[nodiscard]] bool is_worth_compacting(std::span<const SegmentSummary> closed);

// Rewrites closed segments of key-value batches, all that there are, oldest first: of each key its last
// record stays, and a tombstone only if its batch is of `keep_tombstones_from_ns` or later. Batches keep
// their offsets; those that lose every record go. Small segments are put together. What takes their place.
Result<std::vector<SegmentSummary>> compact_segments(os::FileSystem& files, const std::string& folder,
                                                     std::span<const SegmentSummary> closed,
                                                     std::uint64_t segment_bytes,
                                                     std::uint64_t keep_tombstones_from_ns);

}  // namespace tapeline::event_log::journal
