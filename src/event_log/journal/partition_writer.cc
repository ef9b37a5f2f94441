#include "event_log/journal/partition_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "event_log/journal/compaction.h"

namespace tapeline::event_log::journal {

Result<std::unique_ptr<PartitionWriter>> PartitionWriter::open(os::FileSystem& files,
                                                               const std::string& folder,
                                                               const TopicOptions& options,
                                                               std::shared_ptr<PartitionTip> tip) {
  if (Result<void> made = files.make_folder(folder); !made) return std::unexpected(made.error());
  Result<std::unique_ptr<os::FileLock>> lock = files.lock(os::join(folder, "lock"));
  if (!lock) return std::unexpected(lock.error());
  Result<RecoveredPartition> recovered = recover_partition(files, folder);
  if (!recovered) return std::unexpected(recovered.error());
  return std::unique_ptr<PartitionWriter>(
      new PartitionWriter(files, folder, options, std::move(tip), std::move(*lock), std::move(*recovered)));
}

PartitionWriter::PartitionWriter(os::FileSystem& files, std::string folder, const TopicOptions& options,
                                 std::shared_ptr<PartitionTip> tip, std::unique_ptr<os::FileLock> lock,
                                 RecoveredPartition recovered)
    : files_(files),
      folder_(std::move(folder)),
      options_(options),
      tip_(std::move(tip)),
      lock_(std::move(lock)) {
  adopt(std::move(recovered));
  tip_->live.store(true, std::memory_order_release);
}

void PartitionWriter::adopt(RecoveredPartition recovered) {
  const std::lock_guard lock(segments_mutex_);
  torn_bytes_ += recovered.torn_bytes;
  active_index_ = std::move(recovered.active_index);
  file_end_ = active_index_.summary().log_bytes;
  active_ = std::move(recovered.active);
  closed_ = std::move(recovered.closed);
  not_indexed_ = std::move(recovered.not_indexed);
  appended_ = active_index_.summary().end_offset;
  active_bytes_ = file_end_;
  newest_time_ns_ = active_index_.summary().last_time_ns;
  unsynced_.clear();
  for (const SegmentSummary& summary : closed_) {
    newest_time_ns_ = std::max(newest_time_ns_.load(), summary.last_time_ns);
    // Nobody remembers how far the last process had synced.
    unsynced_.push_back(summary.base_offset);
  }
  names_unsynced_ = true;
  tail_unknown_ = false;
  tip_->end.store(appended_, std::memory_order_release);
}

Result<void> PartitionWriter::cut(Offset end) {
  if (failed_.load(std::memory_order_relaxed)) return failed_before();
  if (options_.compacted)
    return fail(ErrorCode::unsupported,
                fmt::format("{} is of a compacted topic, which cannot be cut", folder_));
  if (end >= this->end()) return {};
  const Result<void> done = cut_partition(files_, folder_, end.value);
  Result<RecoveredPartition> recovered = recover_partition(files_, folder_);
  if (!done || !recovered) {
    // What the files are like now is not known.
    failed_.store(true, std::memory_order_relaxed);
    return std::unexpected(done ? recovered.error() : done.error());
  }
  adopt(std::move(*recovered));
  synced_.store(std::min(synced_.load(), appended_.load()), std::memory_order_release);
  return {};
}

PartitionWriter::~PartitionWriter() {
  tip_->live.store(false, std::memory_order_release);
  // Room that was claimed and not used goes back; what fails here costs only space until the next start.
  if (options_.preallocate_bytes > 0 && !tail_unknown_) (void)active_->truncate(file_end_);
}

std::unexpected<Error> PartitionWriter::failed_before() const {
  return fail(
      ErrorCode::io,
      fmt::format("{} takes no more: an earlier sync failed, and what it lost is not known; check the disk "
                  "and start again, which recovers what is there",
                  folder_));
}

Result<Offset> PartitionWriter::append(const NewBatch& batch) {
  CHECK(batch.record_count > 0 && batch.payload.size() <= max_pieces);
  if (failed_.load(std::memory_order_relaxed)) [[unlikely]]
    return failed_before();
  std::size_t payload_size = 0;
  for (const Bytes& piece : batch.payload) payload_size += piece.size();
  if (payload_size > max_payload_bytes)
    return fail(ErrorCode::usage,
                fmt::format("a batch of {} bytes is too large for {}: {} are the limit, split it",
                            payload_size, folder_, max_payload_bytes));
  if (appended_.load(std::memory_order_relaxed) > max_offset) [[unlikely]]
    return fail(ErrorCode::unsupported, fmt::format("{} has no offsets left; go on in a new topic", folder_));
  const std::size_t size = size_on_disk(payload_size);
  if (Result<void> room = make_room(batch, size); !room) [[unlikely]]
    return std::unexpected(room.error());

  const std::uint64_t first = appended_.load(std::memory_order_relaxed);
  BatchHeader header{};
  header.payload_size = static_cast<std::uint32_t>(payload_size);
  header.kind = batch.kind;
  header.record_count = batch.record_count;
  header.first_offset = first;
  header.synced_offset =
      options_.sync == SyncPolicy::none ? sync_untracked : synced_.load(std::memory_order_relaxed);
  header.first_time_ns = batch.first_time_ns;
  header.last_time_ns = batch.last_time_ns;
  seal(header, batch.payload);

  static constexpr std::array<std::byte, batch_alignment> zeros{};
  std::array<Bytes, max_pieces + 2> pieces;
  pieces[0] = std::as_bytes(std::span(&header, 1));
  std::ranges::copy(batch.payload, pieces.begin() + 1);
  pieces[batch.payload.size() + 1] = Bytes(zeros).first(size - sizeof header - payload_size);
  if (Result<void> written = write(std::span(pieces).first(batch.payload.size() + 2)); !written) [[unlikely]]
    return std::unexpected(written.error());

  active_index_.add(header, file_end_, size);
  file_end_ += size;
  active_bytes_.store(file_end_, std::memory_order_relaxed);
  newest_time_ns_.store(std::max(newest_time_ns_.load(std::memory_order_relaxed), batch.last_time_ns),
                        std::memory_order_relaxed);
  appended_.store(header.end_offset(), std::memory_order_release);
  if (options_.sync == SyncPolicy::batch)
    if (Result<void> synced = sync_up_to(header.end_offset()); !synced)
      return std::unexpected(synced.error());
  tip_->end.store(header.end_offset(), std::memory_order_release);
  return Offset{first};
}

// Begins a segment where the active one may not take the batch.
Result<void> PartitionWriter::make_room(const NewBatch& batch, std::size_t size) {
  const SegmentSummary& active = active_index_.summary();
  if (active.batches == 0) return {};
  const bool too_large = file_end_ + size > options_.segment_bytes;
  const bool too_long = batch.last_time_ns > active.first_time_ns &&
                        batch.last_time_ns - active.first_time_ns > options_.segment_ns;
  return too_large || too_long ? roll() : Result<void>();
}

Result<void> PartitionWriter::roll() {
  // Left-over bytes of a failed write must not stay at the end of a closed segment. Unused room goes back.
  if (tail_unknown_ || options_.preallocate_bytes > 0)
    if (Result<void> cut = active_->truncate(file_end_); !cut) return cut;
  tail_unknown_ = false;
  const std::uint64_t base = active_index_.summary().end_offset;
  Result<std::shared_ptr<os::File>> created =
      create_segment(files_, folder_, base, options_.preallocate_bytes);
  if (!created) return std::unexpected(created.error());
  const std::lock_guard lock(segments_mutex_);
  closed_.push_back(active_index_.summary());
  unsynced_.push_back(active_index_.summary().base_offset);
  not_indexed_.push_back(std::move(active_index_));
  names_unsynced_ = true;
  active_ = std::move(*created);
  active_index_ = SegmentIndex(make_segment_header(base, 0));
  file_end_ = active_index_.summary().log_bytes;
  active_bytes_.store(file_end_, std::memory_order_relaxed);
  return {};
}

// Writes at file_end_, or leaves the file as it was.
Result<void> PartitionWriter::write(std::span<const Bytes> pieces) {
  if (tail_unknown_) [[unlikely]] {
    if (Result<void> cut = active_->truncate(file_end_); !cut) return cut;
    tail_unknown_ = false;
  }
  Result<void> written = active_->write_at(file_end_, pieces);
  // A reader stops before what is torn, so a cut that fails, too, can wait for the next append.
  if (!written) [[unlikely]]
    tail_unknown_ = !active_->truncate(file_end_).has_value();
  return written;
}

Result<void> PartitionWriter::sync() {
  return sync_up_to(appended_.load(std::memory_order_acquire));
}

Result<void> PartitionWriter::sync_up_to(std::uint64_t target) {
  const std::lock_guard syncing(sync_mutex_);
  if (failed_.load(std::memory_order_relaxed)) return failed_before();
  std::vector<std::uint64_t> closed;
  std::shared_ptr<os::File> active;
  bool names;
  std::uint64_t covered;
  {
    const std::lock_guard lock(segments_mutex_);
    // Before the file is looked up: what is appended up to here is in it or in a closed one.
    covered = appended_.load(std::memory_order_acquire);
    active = active_;
    names = std::exchange(names_unsynced_, false);
    closed.swap(unsynced_);
  }
  if (synced_.load(std::memory_order_relaxed) >= target && closed.empty() && !names) return {};
  Result<void> done;
  for (const std::uint64_t base : closed) {
    // Any descriptor of a file syncs all of it. What retention removed needs no sync.
    const Result<std::unique_ptr<os::File>> file =
        files_.open(segment_path(folder_, base), os::OpenMode::read);
    if (file)
      done = (*file)->sync();
    else if (file.error().code != ErrorCode::not_found)
      done = std::unexpected(file.error());
    if (!done) break;
  }
  if (done) done = active->sync();
  if (done && names) done = files_.sync_folder(folder_);
  if (!done) {
    failed_.store(true, std::memory_order_relaxed);
    return done;
  }
  synced_.store(covered, std::memory_order_release);
  return {};
}

std::uint64_t PartitionWriter::bytes() const {
  const std::lock_guard lock(segments_mutex_);
  std::uint64_t bytes = active_bytes_.load(std::memory_order_relaxed);
  for (const SegmentSummary& summary : closed_) bytes += summary.log_bytes;
  return bytes;
}

std::uint32_t PartitionWriter::segments() const {
  const std::lock_guard lock(segments_mutex_);
  return static_cast<std::uint32_t>(closed_.size()) + 1;
}

Result<void> PartitionWriter::maintain() {
  const std::lock_guard maintaining(maintain_mutex_);
  Result<void> done = store_indexes();
  if (done) done = options_.compacted ? compact() : drop_expired();
  return done;
}

Result<void> PartitionWriter::store_indexes() {
  for (;;) {
    SegmentIndex index;
    {
      const std::lock_guard lock(segments_mutex_);
      if (not_indexed_.empty()) return {};
      index = not_indexed_.front();
    }
    // Recovery believes an index and does not read its segment, so the segment must be on the disk before.
    const Result<std::unique_ptr<os::File>> file =
        files_.open(segment_path(folder_, index.summary().base_offset), os::OpenMode::read);
    if (file) {
      if (Result<void> synced = (*file)->sync(); !synced) {
        failed_.store(true, std::memory_order_relaxed);
        return synced;
      }
      if (Result<void> stored = store_index(files_, folder_, index); !stored) return stored;
    } else if (file.error().code != ErrorCode::not_found) {
      return std::unexpected(file.error());
    }
    const std::lock_guard lock(segments_mutex_);
    not_indexed_.erase(not_indexed_.begin());
  }
}

// Oldest first, so that what is left has no hole whenever this is interrupted.
Result<void> PartitionWriter::drop_expired() {
  for (;;) {
    SegmentSummary oldest;
    {
      const std::lock_guard lock(segments_mutex_);
      if (closed_.empty()) return {};
      oldest = closed_.front();
      std::uint64_t bytes = active_bytes_.load(std::memory_order_relaxed);
      for (const SegmentSummary& summary : closed_) bytes += summary.log_bytes;
      const std::uint64_t newest = newest_time_ns_.load(std::memory_order_relaxed);
      const bool too_old = options_.retention_ns > 0 && newest > oldest.last_time_ns &&
                           newest - oldest.last_time_ns > options_.retention_ns;
      const bool too_much = options_.retention_bytes > 0 && bytes > options_.retention_bytes;
      if (!too_old && !too_much) return {};
    }
    if (Result<void> removed = remove_segment(files_, folder_, oldest.base_offset); !removed) return removed;
    const std::lock_guard lock(segments_mutex_);
    closed_.erase(closed_.begin());
  }
}

Result<void> PartitionWriter::compact() {
  std::vector<SegmentSummary> before;
  {
    const std::lock_guard lock(segments_mutex_);
    before = closed_;
  }
  if (!is_worth_compacting(before)) return {};
  const std::uint64_t newest = newest_time_ns_.load(std::memory_order_relaxed);
  const std::uint64_t keep_tombstones_from = newest - std::min(newest, options_.tombstone_retention_ns);
  const Result<std::vector<SegmentSummary>> after =
      compact_segments(files_, folder_, before, options_.segment_bytes, keep_tombstones_from);
  if (!after) return std::unexpected(after.error());
  const std::lock_guard lock(segments_mutex_);
  // Segments that were closed meanwhile stand behind those that were compacted.
  closed_.erase(closed_.begin(), closed_.begin() + static_cast<std::ptrdiff_t>(before.size()));
  closed_.insert(closed_.begin(), after->begin(), after->end());
  return {};
}

}  // namespace tapeline::event_log::journal
