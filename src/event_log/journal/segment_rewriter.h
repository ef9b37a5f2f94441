#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "event_log/journal/segment.h"

namespace tapeline::event_log::journal {

// Makes a segment anew under a temporary name, then puts it in the place of the old one at once. Readers that
// have the old one open go on with it.
class SegmentRewriter {
 public:
  static Result<SegmentRewriter> begin(os::FileSystem& files, const std::string& folder,
                                       std::uint64_t base_offset);

  // Offsets increase; records may be missing in between. The header's size and checksum are filled in.
  Result<void> append(BatchHeader header, Bytes payload);

  // The segment states that the next one begins at `end_offset`. It is on the disk when this returns.
  Result<SegmentSummary> finish(std::uint64_t end_offset);

  [[nodiscard]] std::uint64_t bytes() const { return position_; }

 private:
  SegmentRewriter(os::FileSystem& files, const std::string& folder, std::uint64_t base_offset,
                  std::unique_ptr<os::File> file)
      : files_(&files), folder_(folder), base_offset_(base_offset), file_(std::move(file)) {}

  os::FileSystem* files_;
  std::string folder_;
  std::uint64_t base_offset_;
  std::unique_ptr<os::File> file_;
  std::uint64_t position_ = sizeof(SegmentHeader);
};

}  // namespace tapeline::event_log::journal
