#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "event_log/journal/segment.h"

namespace tapeline::event_log::journal {

// A partition as its writer takes it up: whole batches only.
struct RecoveredPartition {
  std::vector<SegmentSummary> closed;     // Oldest first, each beginning where the one before ends.
  std::vector<SegmentIndex> not_indexed;  // Of closed segments, whose index files are missing.
  std::shared_ptr<os::File> active;
  SegmentIndex active_index;
  std::uint64_t torn_bytes = 0;  // Removed from the end.
};

// Opens the partition for appending; the caller holds its lock. What a crash left torn at the end, and
// leftovers of what it interrupted, are removed. Damage in the middle is an error with a remedy.
Result<RecoveredPartition> recover_partition(os::FileSystem& files, const std::string& folder);

// Removes everything from the offset `end` on, where a batch begins, newest first, so that a crash leaves no
// hole. The caller holds the lock and recovers the partition anew then, whether this succeeded or not.
Result<void> cut_partition(os::FileSystem& files, const std::string& folder, std::uint64_t end);

}  // namespace tapeline::event_log::journal
