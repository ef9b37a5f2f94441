#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "stream/position.h"
#include "stream/row_lane.h"

namespace tapeline::stream {

// Follows how far the rows of a worker are on the disk: which position of the input the lane's batches reach
// is remembered until they are synced. Of more batches than fit, the ones in the middle are forgotten, so
// that the mark lags until the latest is synced, and is never ahead.
class OutputMarks {
 public:
  explicit OutputMarks(std::uint32_t lane) : settled_{lane, 0, 0, log_start} {}

  // All rows before `position` are on the disk, and the lane ends at `lane_end`.
  void start(std::uint64_t lane_end, Position position) {
    settled_.lane_end = lane_end;
    settled_.position = position;
    count_ = 0;
  }
  // A batch was appended: the lane ends there and has the rows up to that position.
  void note(std::uint64_t lane_end, Position position) {
    if (count_ == waiting_.size())
      waiting_[(first_ + count_ - 1) % waiting_.size()] = {lane_end, position};
    else
      waiting_[(first_ + count_++) % waiting_.size()] = {lane_end, position};
  }
  // The lane is on the disk up to there.
  void settle(std::uint64_t synced) {
    for (; count_ > 0 && waiting_[first_].lane_end <= synced; --count_) {
      settled_.lane_end = waiting_[first_].lane_end;
      settled_.position = waiting_[first_].position;
      first_ = (first_ + 1) % waiting_.size();
    }
  }
  [[nodiscard]] const OutputMark& settled() const { return settled_; }

 private:
  struct Waiting {
    std::uint64_t lane_end;
    Position position;
  };
  OutputMark settled_;
  std::array<Waiting, 256> waiting_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace tapeline::stream
