#include "event_log/journal/partition_reader.h"

#include <algorithm>

#include "event_log/journal/damage.h"

namespace tapeline::event_log::journal {

bool PartitionReader::nothing_published() const {
  return tip_->live.load(std::memory_order_acquire) && position_ >= tip_->end.load(std::memory_order_acquire);
}

Result<std::optional<Batch>> PartitionReader::next() {
  if (nothing_published()) return std::nullopt;
  for (;;) {
    Result<Step> step = Step::go_on;
    if (!scanner_.is_open()) {
      step = locate();
    } else {
      const Result<ScannedBatch> scanned = scanner_.next();
      if (!scanned) return std::unexpected(scanned.error());
      if (scanned->state == ScanState::batch) {
        jump_to_.reset();
        if (scanned->header.end_offset() <= position_) continue;  // Before where a seek led.
        idle_polls_ = 0;
        return deliver(*scanned);
      }
      step = scanned->state == ScanState::end ? after_end() : after_damage(*scanned);
    }
    if (!step) return std::unexpected(step.error());
    if (*step == Step::wait) return std::nullopt;
  }
}

Batch PartitionReader::deliver(const ScannedBatch& scanned) {
  const BatchHeader& header = scanned.header;
  Batch batch{{header.first_offset},
              header.record_count,
              header.kind,
              header.first_time_ns,
              header.last_time_ns,
              scanned.payload,
              0};
  if (header.first_offset > position_ && !compacted_) batch.missed = header.first_offset - position_;
  position_ = header.end_offset();
  return batch;
}

// Opens the segment that holds position_, or the first one behind it.
Result<PartitionReader::Step> PartitionReader::locate() {
  for (;;) {
    const Result<std::vector<std::uint64_t>> bases = list_segments(files_, folder_);
    if (!bases) return std::unexpected(bases.error());
    if (bases->empty()) return Step::wait;
    if (at_oldest_) position_ = bases->front();
    at_oldest_ = false;
    const auto behind = std::ranges::upper_bound(*bases, position_);
    const std::uint64_t base = behind == bases->begin() ? bases->front() : *(behind - 1);
    const Result<Step> entered = enter(base, true);
    // Retention may remove it between the listing and the opening.
    if (entered || entered.error().code != ErrorCode::not_found) return entered;
  }
}

Result<PartitionReader::Step> PartitionReader::enter(std::uint64_t base_offset, bool by_index) {
  const Result<OpenSegment> segment = open_segment(files_, folder_, base_offset, os::OpenMode::read);
  if (!segment) return std::unexpected(segment.error());
  if (segment->state == SegmentState::newer)
    return std::unexpected(newer_format(segment_path(folder_, base_offset), segment->header.version));
  if (segment->state == SegmentState::damaged)
    return after_damaged_header(base_offset, by_index, *segment->file);
  IndexEntry start{base_offset, 0, sizeof(SegmentHeader)};
  if (by_index && position_ > base_offset)
    if (const std::optional<SegmentIndex> index = load_index(files_, folder_, *segment))
      start = index->find_offset(position_);
  scanner_.open(segment->file, start.position, start.offset);
  base_ = base_offset;
  stated_end_ = segment->header.end_offset;
  jump_to_.reset();
  return Step::go_on;
}

// The open segment has no more. Either the next one goes on where it ends, or there is nothing now.
Result<PartitionReader::Step> PartitionReader::after_end() {
  const std::uint64_t end = std::max(scanner_.expected(), stated_end_);
  if (end > base_) {
    const Result<Step> entered = enter(end, false);
    if (entered || entered.error().code != ErrorCode::not_found) return entered;
  }
  const Result<os::FileStatus> status = scanner_.file().status();
  if (!status) return std::unexpected(status.error());
  if (status->removed) {
    // Retention or compaction took it away, and maybe those behind it.
    scanner_.close();
    return Step::go_on;
  }
  if (jump_to_) {
    // Looked at once more since the other one was seen: this one ends here, and records are missing.
    const std::uint64_t base = *jump_to_;
    const Result<Step> entered = enter(base, false);
    if (!entered && entered.error().code == ErrorCode::not_found)
      scanner_.close();
    else if (!entered || *entered == Step::wait)
      return entered;
    return Step::go_on;
  }
  if (++idle_polls_ % polls_per_listing != 0) return Step::wait;
  const Result<std::vector<std::uint64_t>> bases = list_segments(files_, folder_);
  if (!bases) return std::unexpected(bases.error());
  const auto later = std::ranges::lower_bound(*bases, end);
  if (later == bases->end() || *later == base_) return Step::wait;
  jump_to_ = *later;
  return Step::go_on;
}

// Whether a crash explains the bytes, so that waiting for the writer is all there is to do. Looked at once
// for each size of the file: it costs reading what lies behind.
Result<bool> PartitionReader::is_torn(std::uint64_t base_offset, const os::File& file, std::uint64_t position,
                                      std::uint64_t expected) {
  const Result<os::FileStatus> status = file.status();
  if (!status) return std::unexpected(status.error());
  const Judged seen{base_offset, position, status->size};
  if (seen == judged_torn_) return true;
  const Result<std::vector<std::uint64_t>> bases = list_segments(files_, folder_);
  if (!bases) return std::unexpected(bases.error());
  const auto here = std::ranges::lower_bound(*bases, base_offset);
  if (here == bases->end() || *here != base_offset) return true;  // Removed just now.
  const Result<Damage> damage = judge_damage(
      files_, folder_, *bases, static_cast<std::size_t>(here - bases->begin()), position, expected);
  if (!damage) return std::unexpected(damage.error());
  if (*damage == Damage::torn_tail) judged_torn_ = seen;
  return *damage == Damage::torn_tail;
}

// The segment may just be being made, or a crash came in between.
Result<PartitionReader::Step> PartitionReader::after_damaged_header(std::uint64_t base_offset, bool by_index,
                                                                    const os::File& file) {
  const Result<bool> torn = is_torn(base_offset, file, 0, base_offset);
  if (!torn) return std::unexpected(torn.error());
  if (*torn) return Step::wait;
  // A writer that is faster than this reader may have finished it meanwhile.
  const Result<OpenSegment> again = open_segment(files_, folder_, base_offset, os::OpenMode::read);
  if (!again) return std::unexpected(again.error());
  if (again->state != SegmentState::damaged) return enter(base_offset, by_index);
  return std::unexpected(damage_error(segment_path(folder_, base_offset), 0, base_offset));
}

// What is there is no batch: it is being written, was torn by a crash, or is damaged.
Result<PartitionReader::Step> PartitionReader::after_damage(const ScannedBatch& scanned) {
  const Result<os::FileStatus> status = scanner_.file().status();
  if (!status) return std::unexpected(status.error());
  if (status->removed) {
    scanner_.close();
    return Step::go_on;
  }
  const std::uint64_t expected = scanner_.expected();
  const Result<bool> torn = is_torn(base_, scanner_.file(), scanned.position, expected);
  if (!torn) return std::unexpected(torn.error());
  if (*torn) return Step::wait;
  // A writer that is faster than this reader may have finished the batch meanwhile.
  const std::shared_ptr<const os::File> file = scanner_.shared_file();
  const Result<ScannedBatch> again = scanner_.next();
  if (!again) return std::unexpected(again.error());
  if (again->state != ScanState::batch)
    return std::unexpected(damage_error(segment_path(folder_, base_), scanned.position, expected));
  scanner_.open(file, scanned.position, expected);
  return Step::go_on;
}

Result<void> PartitionReader::seek(Offset offset) {
  position_ = offset.value;
  at_oldest_ = false;
  scanner_.close();
  return {};
}

Result<void> PartitionReader::seek_oldest() {
  position_ = 0;
  at_oldest_ = true;
  scanner_.close();
  return {};
}

Result<void> PartitionReader::seek_end() {
  if (const std::atomic<std::uint64_t>* end = live_end()) return seek({end->load(std::memory_order_acquire)});
  for (;;) {
    const Result<std::vector<std::uint64_t>> bases = list_segments(files_, folder_);
    if (!bases) return std::unexpected(bases.error());
    if (bases->empty()) return seek({0});
    const Result<SegmentIndex> last = load_or_scan(files_, folder_, bases->back());
    if (last) return seek({last->summary().end_offset});
    if (last.error().code != ErrorCode::not_found) return std::unexpected(last.error());
  }
}

Result<void> PartitionReader::seek_time(std::uint64_t time_ns) {
  const Result<std::vector<std::uint64_t>> bases = list_segments(files_, folder_);
  if (!bases) return std::unexpected(bases.error());
  for (const std::uint64_t base : *bases) {
    const Result<SegmentIndex> index = load_or_scan(files_, folder_, base);
    if (!index && index.error().code == ErrorCode::not_found) continue;
    if (!index) return std::unexpected(index.error());
    if (index->summary().batches == 0 || index->summary().last_time_ns < time_ns) continue;
    const Result<OpenSegment> segment = open_segment(files_, folder_, base, os::OpenMode::read);
    if (!segment && segment.error().code == ErrorCode::not_found) continue;
    if (!segment) return std::unexpected(segment.error());
    const IndexEntry start = index->find_time(time_ns);
    BatchScanner scanner;
    scanner.open(segment->file, start.position, start.offset);
    for (;;) {
      const Result<ScannedBatch> scanned = scanner.next();
      if (!scanned) return std::unexpected(scanned.error());
      if (scanned->state != ScanState::batch) break;
      if (scanned->header.last_time_ns >= time_ns) return seek({scanned->header.first_offset});
    }
  }
  return seek_end();
}

}  // namespace tapeline::event_log::journal
