#include "event_log/journal/verification.h"

#include <algorithm>

#include "event_log/journal/segment_rewriter.h"

namespace tapeline::event_log::journal {

namespace {

// Calls `on_batch` for every whole batch of a segment, and notes what lies between them.
template <class OnBatch>
Result<SegmentVerdict> walk(os::FileSystem& files, const std::string& folder, std::uint64_t base,
                            OnBatch on_batch) {
  const Result<OpenSegment> segment = open_segment(files, folder, base, os::OpenMode::read);
  if (!segment) return std::unexpected(segment.error());
  if (segment->state == SegmentState::newer)
    return std::unexpected(newer_format(segment_path(folder, base), segment->header.version));
  const Result<os::FileStatus> status = segment->file->status();
  if (!status) return std::unexpected(status.error());
  SegmentVerdict verdict;
  verdict.base_offset = base;
  verdict.end_offset = std::max(base, segment->header.end_offset);
  verdict.file_bytes = status->size;
  verdict.header_damaged = segment->state == SegmentState::damaged;
  BatchScanner scanner;
  scanner.open(segment->file, sizeof(SegmentHeader), base);
  for (;;) {
    Result<ScannedBatch> scanned = scanner.next();
    if (!scanned) return std::unexpected(scanned.error());
    if (scanned->state == ScanState::end) return verdict;
    if (scanned->state != ScanState::batch) {
      const std::uint64_t from = scanner.position();
      const std::uint64_t expected = scanner.expected();
      const Result<std::optional<ScannedBatch>> behind = scanner.find_behind();
      if (!behind) return std::unexpected(behind.error());
      if (!*behind) {
        verdict.torn_bytes = verdict.file_bytes - std::min(from, verdict.file_bytes);
        return verdict;
      }
      scanned = **behind;
      verdict.damage.push_back({from, scanned->position - from, expected, scanned->header.first_offset});
    }
    ++verdict.batches;
    verdict.records += scanned->header.record_count;
    verdict.end_offset = std::max(verdict.end_offset, scanned->header.end_offset());
    if (Result<void> done = on_batch(*scanned); !done) return std::unexpected(done.error());
  }
}

Result<Verification> verify(os::FileSystem& files, const std::string& folder,
                            const std::vector<std::uint64_t>& bases) {
  Verification verification;
  for (std::size_t i = 0; i < bases.size(); ++i) {
    Result<SegmentVerdict> verdict =
        walk(files, folder, bases[i], [](const ScannedBatch&) { return Result<void>(); });
    if (!verdict && verdict.error().code == ErrorCode::not_found) continue;  // Retention was faster.
    if (!verdict) return std::unexpected(verdict.error());
    // Only the last segment may end torn: behind it nothing was written.
    if (i + 1 < bases.size() && (verdict->torn_bytes > 0 || verdict->end_offset < bases[i + 1])) {
      verdict->damage.push_back({verdict->file_bytes - verdict->torn_bytes, verdict->torn_bytes,
                                 verdict->end_offset, bases[i + 1]});
      verdict->torn_bytes = 0;
    }
    verification.segments.push_back(std::move(*verdict));
  }
  return verification;
}

bool needs_repair(const SegmentVerdict& verdict) {
  return !verdict.damage.empty() || (verdict.header_damaged && verdict.batches > 0);
}

Result<std::string> copy_aside(os::FileSystem& files, const std::string& path) {
  const Result<std::vector<std::byte>> content = os::read_whole_file(files, path);
  if (!content) return std::unexpected(content.error());
  std::string copy = path + ".damaged";
  for (int number = 2; files.open(copy, os::OpenMode::read).has_value(); ++number)
    copy = path + ".damaged." + std::to_string(number);
  if (const Result<void> written = os::replace_file(files, copy, *content); !written)
    return std::unexpected(written.error());
  return copy;
}

// `end_offset` is where the next segment begins, 0 for the last one, which stays open for more.
Result<void> rewrite_whole_batches(os::FileSystem& files, const std::string& folder, std::uint64_t base,
                                   std::uint64_t end_offset) {
  Result<SegmentRewriter> rewriter = SegmentRewriter::begin(files, folder, base);
  if (!rewriter) return std::unexpected(rewriter.error());
  const Result<SegmentVerdict> walked = walk(files, folder, base, [&](const ScannedBatch& batch) {
    return rewriter->append(batch.header, batch.payload);
  });
  if (!walked) return std::unexpected(walked.error());
  const Result<SegmentSummary> finished = rewriter->finish(end_offset);
  if (!finished) return std::unexpected(finished.error());
  return {};
}

}  // namespace

bool Verification::is_sound() const {
  return std::ranges::none_of(segments, needs_repair);
}

Result<Verification> verify_partition(os::FileSystem& files, const std::string& folder) {
  const Result<std::vector<std::uint64_t>> bases = list_segments(files, folder);
  if (!bases) return std::unexpected(bases.error());
  return verify(files, folder, *bases);
}

Result<Verification> repair_partition(os::FileSystem& files, const std::string& folder) {
  const Result<std::unique_ptr<os::FileLock>> lock = files.lock(os::join(folder, "lock"));
  if (!lock) return std::unexpected(lock.error());
  const Result<std::vector<std::uint64_t>> bases = list_segments(files, folder);
  if (!bases) return std::unexpected(bases.error());
  Result<Verification> verification = verify(files, folder, *bases);
  if (!verification) return verification;
  for (std::size_t i = 0; i < verification->segments.size(); ++i) {
    SegmentVerdict& verdict = verification->segments[i];
    if (!needs_repair(verdict)) continue;
    Result<std::string> copy = copy_aside(files, segment_path(folder, verdict.base_offset));
    if (!copy) return std::unexpected(copy.error());
    const bool last = i + 1 == verification->segments.size();
    const std::uint64_t end = last ? 0 : verification->segments[i + 1].base_offset;
    if (Result<void> done = rewrite_whole_batches(files, folder, verdict.base_offset, end); !done)
      return std::unexpected(done.error());
    verdict.copy = std::move(*copy);
  }
  return verification;
}

}  // namespace tapeline::event_log::journal
