#include "event_log/journal/recovery.h"

#include <algorithm>

#include <fmt/format.h>

#include "event_log/journal/damage.h"

namespace tapeline::event_log::journal {

namespace {

class Recovery {
 public:
  Recovery(os::FileSystem& files, const std::string& folder) : files_(files), folder_(folder) {}

  Result<RecoveredPartition> run() {
    Result<void> done = remove_leftovers();
    if (done) done = remove_superseded();
    if (done) done = take_segments();
    if (done) done = settle_active();
    if (!done) return std::unexpected(done.error());
    return std::move(partition_);
  }

 private:
  Result<void> remove_leftovers();
  Result<void> remove_superseded();
  Result<void> take_segments();
  Result<bool> take_closed(std::size_t at);
  Result<bool> take_last(std::size_t at);
  Result<bool> cut_or_refuse(std::size_t at, const SegmentScan& scan);
  Result<void> settle_active();
  [[nodiscard]] bool is_last(std::size_t at) const { return at + 1 == bases_.size(); }

  os::FileSystem& files_;
  const std::string& folder_;
  std::vector<std::uint64_t> bases_;
  std::uint64_t start_ = 0;  // Of the first segment, where there was any.
  RecoveredPartition partition_;
};

// Whatever was being written under a temporary name when the process ended, and indexes without a segment.
Result<void> Recovery::remove_leftovers() {
  const Result<std::vector<std::string>> names = files_.list(folder_);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (const auto base = segment_base(name)) {
      bases_.push_back(*base);
      continue;
    }
    const bool index = name.ends_with(".index");
    const std::string segment = name.substr(0, name.size() - std::min<std::size_t>(name.size(), 6)) + ".log";
    if (!name.ends_with(os::temporary_ending) && !(index && std::ranges::count(*names, segment) == 0))
      continue;
    if (Result<void> removed = files_.remove(os::join(folder_, name)); !removed) return removed;
  }
  if (!bases_.empty()) start_ = bases_.front();
  return {};
}

// Compaction puts several segments into the first of them; a crash may leave the others behind.
Result<void> Recovery::remove_superseded() {
  std::vector<std::uint64_t> kept;
  std::uint64_t covered_to = 0;
  for (const std::uint64_t base : bases_) {
    if (base < covered_to) {
      if (Result<void> removed = remove_segment(files_, folder_, base); !removed) return removed;
      continue;
    }
    const Result<OpenSegment> segment = open_segment(files_, folder_, base, os::OpenMode::read);
    if (!segment) return std::unexpected(segment.error());
    covered_to = segment->header.end_offset;
    kept.push_back(base);
  }
  bases_ = std::move(kept);
  return {};
}

Result<void> Recovery::take_segments() {
  for (std::size_t at = 0; at < bases_.size(); ++at) {
    const Result<bool> more = is_last(at) ? take_last(at) : take_closed(at);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
  }
  return {};
}

// Whether the segments behind are still to be taken.
Result<bool> Recovery::take_closed(std::size_t at) {
  const Result<OpenSegment> segment = open_segment(files_, folder_, bases_[at], os::OpenMode::read);
  if (!segment) return std::unexpected(segment.error());
  if (const std::optional<SegmentIndex> index = load_index(files_, folder_, *segment)) {
    if (index->summary().end_offset == bases_[at + 1]) {
      partition_.closed.push_back(index->summary());
      return true;
    }
  }
  Result<SegmentScan> scan = scan_segment(files_, folder_, bases_[at], os::OpenMode::write);
  if (!scan) return std::unexpected(scan.error());
  const SegmentSummary& summary = scan->index.summary();
  if (scan->stopped_by != ScanState::end || summary.end_offset != bases_[at + 1])
    return cut_or_refuse(at, *scan);
  partition_.closed.push_back(summary);
  partition_.not_indexed.push_back(std::move(scan->index));
  return true;
}

Result<bool> Recovery::take_last(std::size_t at) {
  Result<SegmentScan> scan = scan_segment(files_, folder_, bases_[at], os::OpenMode::write);
  if (!scan) return std::unexpected(scan.error());
  if (scan->stopped_by != ScanState::end) return cut_or_refuse(at, *scan);
  partition_.active = scan->segment.file;
  partition_.active_index = std::move(scan->index);
  return false;
}

// The segment stops being whole somewhere: what lies behind is cut off if a crash explains it.
Result<bool> Recovery::cut_or_refuse(std::size_t at, const SegmentScan& scan) {
  const std::uint64_t expected = scan.index.summary().end_offset;
  const Result<Damage> damage = judge_damage(files_, folder_, bases_, at, scan.stopped_at, expected);
  if (!damage) return std::unexpected(damage.error());
  if (*damage == Damage::in_the_middle)
    return std::unexpected(damage_error(segment_path(folder_, bases_[at]), scan.stopped_at, expected));
  // From the newest on, so that a crash in between leaves no hole.
  for (std::size_t i = bases_.size() - 1; i > at; --i) {
    const Result<OpenSegment> segment = open_segment(files_, folder_, bases_[i], os::OpenMode::read);
    if (!segment) return std::unexpected(segment.error());
    partition_.torn_bytes += segment->file->status().value_or(os::FileStatus{}).size;
    if (Result<void> removed = remove_segment(files_, folder_, bases_[i]); !removed)
      return std::unexpected(removed.error());
  }
  Result<void> cut;
  if (scan.segment.state == SegmentState::damaged) {
    partition_.torn_bytes += scan.file_bytes;
    cut = remove_segment(files_, folder_, bases_[at]);
  } else {
    partition_.torn_bytes += scan.file_bytes - scan.stopped_at;
    cut = files_.remove(index_path(folder_, bases_[at]));
    if (cut) cut = scan.segment.file->truncate(scan.stopped_at);
    if (cut) cut = scan.segment.file->sync();
  }
  // Before anything is appended: else a power loss could bring back what was removed, in the place of what
  // was written since under the same name.
  if (cut) cut = files_.sync_folder(folder_);
  if (!cut) return std::unexpected(cut.error());
  if (scan.segment.state == SegmentState::damaged) return false;
  partition_.active = scan.segment.file;
  partition_.active_index = scan.index;
  return false;
}

// Makes sure that there is a segment to append to.
Result<void> Recovery::settle_active() {
  std::uint64_t end = start_;
  if (partition_.active != nullptr && partition_.active_index.summary().rewritten == 0) return {};
  if (partition_.active != nullptr) {
    // A rewritten segment states its end, so nothing may be appended to it.
    end = partition_.active_index.summary().end_offset;
    partition_.closed.push_back(partition_.active_index.summary());
    partition_.not_indexed.push_back(std::move(partition_.active_index));
  } else if (!partition_.closed.empty()) {
    end = partition_.closed.back().end_offset;
  }
  const Result<std::shared_ptr<os::File>> created = create_segment(files_, folder_, end, 0);
  if (!created) return std::unexpected(created.error());
  partition_.active = *created;
  partition_.active_index = SegmentIndex(make_segment_header(end, 0));
  return {};
}

}  // namespace

Result<RecoveredPartition> recover_partition(os::FileSystem& files, const std::string& folder) {
  return Recovery(files, folder).run();
}

namespace {

// Where in a segment the batch at an offset begins; its end where that is the next one's.
Result<std::uint64_t> position_of(const OpenSegment& segment, std::uint64_t base, std::uint64_t offset) {
  BatchScanner scanner;
  scanner.open(segment.file, sizeof(SegmentHeader), base);
  for (;;) {
    const std::uint64_t position = scanner.position();
    const Result<ScannedBatch> scanned = scanner.next();
    if (!scanned) return std::unexpected(scanned.error());
    if (scanned->state != ScanState::batch || scanned->header.first_offset >= offset) return position;
  }
}

}  // namespace

Result<void> cut_partition(os::FileSystem& files, const std::string& folder, std::uint64_t end) {
  const Result<std::vector<std::uint64_t>> bases = list_segments(files, folder);
  if (!bases) return std::unexpected(bases.error());
  std::size_t count = bases->size();
  // One is left in any case: its name says where the partition goes on.
  for (; count > 1 && (*bases)[count - 1] >= end; --count)
    if (Result<void> removed = remove_segment(files, folder, (*bases)[count - 1]); !removed) return removed;
  if (count == 0) return {};
  // Before the segment in front of them is shortened: a power loss must not bring them back behind a hole.
  if (count < bases->size())
    if (Result<void> synced = files.sync_folder(folder); !synced) return synced;
  const std::uint64_t base = (*bases)[count - 1];
  const Result<OpenSegment> segment = open_segment(files, folder, base, os::OpenMode::write);
  if (!segment) return std::unexpected(segment.error());
  if (segment->state != SegmentState::whole || segment->header.end_offset != 0)
    return fail(ErrorCode::unsupported,
                fmt::format("{} was rewritten and cannot be cut at offset {}; remove the partition's folder "
                            "to have it made anew",
                            segment_path(folder, base), end));
  const Result<std::uint64_t> position = position_of(*segment, base, end);
  if (!position) return std::unexpected(position.error());
  Result<void> done = files.remove(index_path(folder, base));
  if (done) done = segment->file->truncate(*position);
  if (done) done = segment->file->sync();
  if (done) done = files.sync_folder(folder);
  return done;
}

}  // namespace tapeline::event_log::journal
