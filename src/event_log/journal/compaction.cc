#include "event_log/journal/compaction.h"

#include <functional>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "event_log/journal/damage.h"
#include "event_log/journal/segment_rewriter.h"
#include "event_log/key_value.h"

namespace tapeline::event_log::journal {

namespace {

struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const { return std::hash<std::string_view>()(bytes); }
};

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Compaction {
 public:
  Compaction(os::FileSystem& files, const std::string& folder, std::uint64_t segment_bytes,
             std::uint64_t keep_tombstones_from_ns)
      : files_(files),
        folder_(folder),
        segment_bytes_(segment_bytes),
        keep_tombstones_from_ns_(keep_tombstones_from_ns) {}

  Result<std::vector<SegmentSummary>> run(std::span<const SegmentSummary> closed) {
    for (const SegmentSummary& segment : closed)
      if (Result<void> seen = for_each_batch(segment, &Compaction::note_latest); !seen)
        return std::unexpected(seen.error());
    number_ = 0;
    for (const SegmentSummary& segment : closed)
      if (Result<void> rewritten = rewrite(segment); !rewritten) return std::unexpected(rewritten.error());
    if (Result<void> finished = finish_group(); !finished) return std::unexpected(finished.error());
    return std::move(outcome_);
  }

 private:
  using OnBatch = Result<void> (Compaction::*)(const ScannedBatch&);

  Result<void> for_each_batch(const SegmentSummary& segment, OnBatch on_batch);
  Result<void> note_latest(const ScannedBatch& batch);
  Result<void> keep_latest(const ScannedBatch& batch);
  Result<void> rewrite(const SegmentSummary& segment);
  Result<void> finish_group();
  [[nodiscard]] std::unexpected<Error> malformed(const ScannedBatch& batch) const;

  os::FileSystem& files_;
  const std::string& folder_;
  std::uint64_t segment_bytes_;
  std::uint64_t keep_tombstones_from_ns_;
  std::unordered_map<std::string, std::uint64_t, BytesHash, std::equal_to<>>
      latest_;  // Number of its record.
  std::uint64_t number_ = 0;
  std::optional<SegmentRewriter> rewriter_;
  std::vector<SegmentSummary> group_;  // What the rewriter's segment takes the place of.
  std::vector<std::byte> payload_;
  std::vector<SegmentSummary> outcome_;
};

Result<void> Compaction::for_each_batch(const SegmentSummary& segment, OnBatch on_batch) {
  const Result<OpenSegment> opened = open_segment(files_, folder_, segment.base_offset, os::OpenMode::read);
  if (!opened) return std::unexpected(opened.error());
  BatchScanner scanner;
  scanner.open(opened->file, sizeof(SegmentHeader), segment.base_offset);
  while (scanner.position() < segment.log_bytes) {
    const Result<ScannedBatch> scanned = scanner.next();
    if (!scanned) return std::unexpected(scanned.error());
    if (scanned->state != ScanState::batch)
      return std::unexpected(
          damage_error(segment_path(folder_, segment.base_offset), scanned->position, scanner.expected()));
    if (Result<void> done = (this->*on_batch)(*scanned); !done) return done;
  }
  return {};
}

std::unexpected<Error> Compaction::malformed(const ScannedBatch& batch) const {
  return fail(
      ErrorCode::corrupt,
      fmt::format("{} cannot be compacted: the batch with offset {} holds no keys and values; append batches "
                  "of event_log/key_value.h, or make the topic anew without compaction",
                  folder_, batch.header.first_offset));
}

Result<void> Compaction::note_latest(const ScannedBatch& batch) {
  KeyValueCursor cursor(batch.payload);
  while (const std::optional<KeyValue> record = cursor.next()) {
    const std::uint64_t number = number_++;
    if (const auto known = latest_.find(text_of(record->key)); known != latest_.end()) {
      known->second = number;
      continue;
    }
    if (latest_.size() == max_compacted_keys)
      return fail(
          ErrorCode::unsupported,
          fmt::format(
              "{} has more than {} keys, too many to compact at once; spread them over more partitions",
              folder_, max_compacted_keys));
    latest_.emplace(text_of(record->key), number);
  }
  if (cursor.malformed()) return malformed(batch);
  return {};
}

Result<void> Compaction::keep_latest(const ScannedBatch& batch) {
  payload_.clear();
  const bool drops_tombstones = batch.header.last_time_ns < keep_tombstones_from_ns_;
  KeyValueCursor cursor(batch.payload);
  while (const std::optional<KeyValue> record = cursor.next()) {
    const bool latest = latest_.find(text_of(record->key))->second == number_++;
    if (latest && (record->value || !drops_tombstones)) encode_key_value(*record, payload_);
  }
  return payload_.empty() ? Result<void>() : rewriter_->append(batch.header, payload_);
}

// Groups end where segments do, so that a crash before the old ones are gone leaves none half replaced.
Result<void> Compaction::rewrite(const SegmentSummary& segment) {
  if (rewriter_ && rewriter_->bytes() >= segment_bytes_ / 2)
    if (Result<void> finished = finish_group(); !finished) return finished;
  if (!rewriter_) {
    Result<SegmentRewriter> begun = SegmentRewriter::begin(files_, folder_, segment.base_offset);
    if (!begun) return std::unexpected(begun.error());
    rewriter_.emplace(std::move(*begun));
  }
  group_.push_back(segment);
  return for_each_batch(segment, &Compaction::keep_latest);
}

Result<void> Compaction::finish_group() {
  if (!rewriter_) return {};
  const Result<SegmentSummary> written = rewriter_->finish(group_.back().end_offset);
  if (!written) return std::unexpected(written.error());
  for (std::size_t i = 1; i < group_.size(); ++i)
    if (Result<void> removed = remove_segment(files_, folder_, group_[i].base_offset); !removed)
      return removed;
  outcome_.push_back(*written);
  rewriter_.reset();
  group_.clear();
  return {};
}

}  // namespace

bool is_worth_compacting(std::span<const SegmentSummary> closed) {
  std::uint64_t compacted = 0;
  std::uint64_t fresh = 0;
  for (const SegmentSummary& segment : closed)
    (segment.rewritten != 0 ? compacted : fresh) += segment.log_bytes;
  return fresh > 0 && fresh >= compacted;
}

Result<std::vector<SegmentSummary>> compact_segments(os::FileSystem& files, const std::string& folder,
                                                     std::span<const SegmentSummary> closed,
                                                     std::uint64_t segment_bytes,
                                                     std::uint64_t keep_tombstones_from_ns) {
  return Compaction(files, folder, segment_bytes, keep_tombstones_from_ns).run(closed);
}

}  // namespace tapeline::event_log::journal
