#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "market/types.h"
#include "stream/position.h"

namespace tapeline::stream {

// Where a worker appends its rows: one partition of the log's topic `rows`.
class RowLane {
 public:
  virtual ~RowLane() = default;

  // One batch, as a whole or not at all; it takes `records` offsets. After a failure nothing of it is there,
  // and the call may be repeated.
  virtual Result<void> append(std::span<const std::byte> batch, std::uint32_t records, CaptureTime first,
                              CaptureTime last) = 0;

  [[nodiscard]] virtual std::uint32_t number() const = 0;  // Of the partition.
  [[nodiscard]] virtual std::uint64_t end() const = 0;     // The partition's offset behind the last batch.
  // What lies before it survives a loss of power, or as much of one as the topic is meant to survive.
  [[nodiscard]] virtual std::uint64_t synced() const = 0;
};

// How far the output was for certain when a checkpoint was completed; stands in its manifest. All rows of the
// input before `position` were in the lanes and on the disk, this lane's before `lane_end`: a restart looks for
// later rows of the group only. A mark of rows that a loss of power can take would make it leave them out.
struct OutputMark {
  std::uint32_t lane;
  std::uint32_t reserved;  // 0.
  std::uint64_t lane_end;
  Position position;
};
static_assert(sizeof(OutputMark) == 24);

}  // namespace tapeline::stream
