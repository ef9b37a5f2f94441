#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event_log/event_log.h"
#include "event_log/journal/batch_scanner.h"
#include "event_log/journal/partition_writer.h"

namespace tapeline::event_log::journal {

// Reads the files alone, and with a writer in this process first looks at what that has published.
class PartitionReader final : public Reader {
 public:
  // The partition may be empty, or not there yet. `compacted`: missing offsets are no loss.
  PartitionReader(os::FileSystem& files, std::string folder, bool compacted,
                  std::shared_ptr<PartitionTip> tip)
      : files_(files), folder_(std::move(folder)), compacted_(compacted), tip_(std::move(tip)) {}

  Result<std::optional<Batch>> next() override;
  Result<void> seek(Offset offset) override;
  Result<void> seek_time(std::uint64_t time_ns) override;
  Result<void> seek_oldest() override;
  Result<void> seek_end() override;
  [[nodiscard]] Offset position() const override { return {position_}; }
  [[nodiscard]] const std::atomic<std::uint64_t>* live_end() const override {
    return tip_->live.load(std::memory_order_acquire) ? &tip_->end : nullptr;
  }

 private:
  // Without a segment to read there is nothing to do but ask again later.
  enum class Step : std::uint8_t { go_on, wait };

  struct Judged {
    std::uint64_t base_offset = 0;
    std::uint64_t position = 0;
    std::uint64_t file_size = 0;
    friend bool operator==(const Judged&, const Judged&) = default;
  };

  [[nodiscard]] bool nothing_published() const;
  Result<Step> locate();
  Result<Step> after_end();
  Result<Step> after_damage(const ScannedBatch& scanned);
  Result<Step> after_damaged_header(std::uint64_t base_offset, bool by_index, const os::File& file);
  Result<bool> is_torn(std::uint64_t base_offset, const os::File& file, std::uint64_t position,
                       std::uint64_t expected);
  Result<Step> enter(std::uint64_t base_offset, bool by_index);
  [[nodiscard]] Batch deliver(const ScannedBatch& scanned);

  // A round of next() that finds nothing looks for segments beyond a hole only so often: listing a folder
  // costs much more than looking at the end of a file.
  static constexpr std::uint32_t polls_per_listing = 256;

  os::FileSystem& files_;
  const std::string folder_;
  const bool compacted_;
  const std::shared_ptr<PartitionTip> tip_;

  std::uint64_t position_ = 0;
  bool at_oldest_ = true;  // position_ is wherever the oldest segment begins.
  BatchScanner scanner_;
  std::uint64_t base_ = 0;        // Of the open segment.
  std::uint64_t stated_end_ = 0;  // What its header says, if it was rewritten.
  std::uint32_t idle_polls_ = 0;
  std::optional<std::uint64_t> jump_to_;  // A segment behind a hole, if the open one really ends.
  Judged judged_torn_;
};

}  // namespace tapeline::event_log::journal
