#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "event_log/journal/segment.h"

namespace tapeline::event_log::journal {

// Bytes of a segment that are no batch, or records that its end lacks.
struct DamagedRange {
  std::uint64_t position = 0;
  std::uint64_t bytes = 0;
  std::uint64_t first_missing = 0;  // Offsets of the records that are lost with them: from here
  std::uint64_t end_missing = 0;    // to before this one; 0 where nothing behind tells.
};

struct SegmentVerdict {
  std::uint64_t base_offset = 0;
  std::uint64_t end_offset = 0;
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t torn_bytes = 0;  // At the end of the partition: being written, or cut off by a crash.
  bool header_damaged = false;
  std::vector<DamagedRange> damage;
  std::string copy;  // Where a repair put the file as it was.
};

struct Verification {
  std::vector<SegmentVerdict> segments;
  [[nodiscard]] bool is_sound() const;  // Torn bytes at the end are no damage: the next writer removes them.
};

// Reads every byte of a partition. May run beside its writer.
Result<Verification> verify_partition(os::FileSystem& files, const std::string& folder);

// The same; then each damaged segment is rewritten with the batches that are whole, after a copy of it is put
// beside it as `NAME.log.damaged`. Readers are told of the records that are missing. Takes the writer's lock.
Result<Verification> repair_partition(os::FileSystem& files, const std::string& folder);

}  // namespace tapeline::event_log::journal
