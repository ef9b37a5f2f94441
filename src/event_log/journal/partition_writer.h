#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "event_log/event_log.h"
#include "event_log/journal/recovery.h"

namespace tapeline::event_log::journal {

// What the writer of a partition shares with the readers in its process.
struct PartitionTip {
  std::atomic<std::uint64_t> end = 0;  // Published after the batches before it are in the file.
  std::atomic<bool> live = false;      // Whether there is a writer.
};

class PartitionWriter final : public Writer {
 public:
  // Pieces of a payload; with header and padding they go to the kernel in one call.
  static constexpr std::size_t max_pieces = 14;

  // Takes the partition's lock and recovers it. The file system outlives the writer.
  static Result<std::unique_ptr<PartitionWriter>> open(os::FileSystem& files, const std::string& folder,
                                                       const TopicOptions& options,
                                                       std::shared_ptr<PartitionTip> tip);
  ~PartitionWriter() override;

  Result<Offset> append(const NewBatch& batch) override;
  Result<void> sync() override;
  Result<void> cut(Offset end) override;
  [[nodiscard]] bool has_failed() const override { return failed_.load(std::memory_order_relaxed); }
  Result<void> maintain() override;
  [[nodiscard]] Offset end() const override { return {appended_.load(std::memory_order_acquire)}; }
  [[nodiscard]] Offset synced() const override { return {synced_.load(std::memory_order_acquire)}; }
  [[nodiscard]] std::uint64_t bytes() const override;
  [[nodiscard]] std::uint32_t segments() const override;
  [[nodiscard]] std::uint64_t torn_bytes() const override { return torn_bytes_; }

 private:
  PartitionWriter(os::FileSystem& files, std::string folder, const TopicOptions& options,
                  std::shared_ptr<PartitionTip> tip, std::unique_ptr<os::FileLock> lock,
                  RecoveredPartition recovered);

  void adopt(RecoveredPartition recovered);
  Result<void> make_room(const NewBatch& batch, std::size_t size);
  Result<void> roll();
  Result<void> write(std::span<const Bytes> pieces);
  Result<void> sync_up_to(std::uint64_t target);
  Result<void> store_indexes();
  Result<void> drop_expired();
  Result<void> compact();
  [[nodiscard]] std::unexpected<Error> failed_before() const;

  os::FileSystem& files_;
  const std::string folder_;
  const TopicOptions options_;
  const std::shared_ptr<PartitionTip> tip_;
  const std::unique_ptr<os::FileLock> lock_;
  std::uint64_t torn_bytes_ = 0;

  // Of the appending thread.
  SegmentIndex active_index_;
  std::uint64_t file_end_ = 0;
  bool tail_unknown_ = false;  // A failed write may have left bytes behind file_end_.

  std::atomic<std::uint64_t> appended_ = 0;  // Offsets.
  std::atomic<std::uint64_t> synced_ = 0;
  std::atomic<std::uint64_t> newest_time_ns_ = 0;
  std::atomic<std::uint64_t> active_bytes_ = 0;
  std::atomic<bool> failed_ = false;

  std::mutex sync_mutex_;      // One sync at a time; those that wait for it often find their work done.
  std::mutex maintain_mutex_;  // One maintain at a time.
  mutable std::mutex segments_mutex_;  // Over what follows; append() takes it only to begin a segment.
  std::shared_ptr<os::File> active_;
  std::vector<SegmentSummary> closed_;
  std::vector<SegmentIndex> not_indexed_;
  std::vector<std::uint64_t> unsynced_;  // Closed segments by their first offset.
  bool names_unsynced_ = true;
};

}  // namespace tapeline::event_log::journal
