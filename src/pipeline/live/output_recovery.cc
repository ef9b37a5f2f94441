#include "pipeline/live/output_recovery.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "pipeline/live/ingest.h"
#include "stream/restore_plan.h"
#include "stream/row_lane.h"
#include "stream/row_log.h"

namespace tapeline::pipeline {

namespace {

using event_log::Offset;
using stream::Position;

// A batch of rows, of those that are looked at.
struct Covered {
  std::uint32_t lane;
  Offset at;
  Position from;
  Position to;
  stream::GroupRange groups;
};

class OutputRecovery {
 public:
  OutputRecovery(event_log::EventLog& log, const stream::CheckpointStore& store,
                 const stream::KeyGroups& groups, Position feed_end)
      : log_(log),
        store_(store),
        groups_(groups),
        feed_end_(feed_end),
        bases_(groups.count(), stream::log_start) {}

  Result<RecoveredOutput> run(std::uint64_t clock_slack_ns);

 private:
  Result<void> open_lanes();
  Result<bool> take_marks();
  Result<std::uint64_t> time_of_input(Position position);
  Result<void> scan_lane(std::uint32_t lane, std::uint64_t from_ns);
  void take_oldest();
  [[nodiscard]] bool lower_bases();
  void find_ends();
  [[nodiscard]] bool is_ahead(const Covered& batch) const;
  [[nodiscard]] bool drop_ahead();
  Result<void> cut_lanes();

  event_log::EventLog& log_;
  const stream::CheckpointStore& store_;
  const stream::KeyGroups& groups_;
  Position feed_end_;
  std::vector<Position> bases_;    // Of each group: rows before it are there for certain.
  std::vector<Covered> batches_;   // By where they begin in the input.
  std::vector<Offset> lane_ends_;  // Where each lane is to be cut.
  bool has_lost_oldest_ = false;
  RecoveredOutput output_;
};

Result<void> OutputRecovery::open_lanes() {
  const Result<event_log::TopicDescription> topic = log_.topic(rows_topic);
  if (!topic) return std::unexpected(topic.error());
  for (std::uint32_t lane = 0; lane < topic->options.partitions; ++lane) {
    Result<std::unique_ptr<event_log::Writer>> writer = log_.open_writer(rows_topic, lane);
    if (!writer) return std::unexpected(writer.error());
    lane_ends_.push_back((*writer)->end());
    output_.lanes.push_back(std::move(*writer));
  }
  return {};
}

// The manifest's mark of each group says up to where its rows were on the disk when it was written: scanning
// starts there. Later rows may be in any lane, but carry no earlier capture time than the input there. False
// where a group has no mark.
Result<bool> OutputRecovery::take_marks() {
  for (std::uint16_t i = 0; i < groups_.count(); ++i) {
    const Result<std::optional<stream::StoredManifest>> manifest = store_.manifest(stream::KeyGroup{i});
    if (!manifest) return std::unexpected(manifest.error());
    std::optional<stream::ManifestContent> content;
    if (*manifest) content = stream::parse_manifest((*manifest)->content);
    if (!content || content->output_mark.size() != sizeof(stream::OutputMark)) {
      std::ranges::fill(bases_, stream::log_start);
      return false;
    }
    stream::OutputMark mark;
    std::memcpy(&mark, content->output_mark.data(), sizeof mark);
    bases_[i] = std::min(mark.position, feed_end_);
  }
  return true;
}

// The capture time of the input at a position, or of its last batch where it ends there; 0 where there is
// none.
Result<std::uint64_t> OutputRecovery::time_of_input(Position position) {
  if (feed_end_ == stream::log_start) return 0;
  Result<std::unique_ptr<event_log::Reader>> reader = log_.open_reader(feed_topic, 0);
  if (!reader) return std::unexpected(reader.error());
  if (Result<void> done = (*reader)->seek({std::min(raw(position), raw(feed_end_) - 1)}); !done)
    return std::unexpected(done.error());
  const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
  if (!batch) return std::unexpected(batch.error());
  return *batch ? (*batch)->first_time_ns : 0;
}

Result<void> OutputRecovery::scan_lane(std::uint32_t lane, std::uint64_t from_ns) {
  Result<std::unique_ptr<event_log::Reader>> reader = log_.open_reader(rows_topic, lane);
  if (!reader) return std::unexpected(reader.error());
  if (from_ns != 0)
    if (Result<void> done = (*reader)->seek_time(from_ns); !done) return std::unexpected(done.error());
  stream::OutputEnds check(groups_.count());
  for (bool is_first = true;;) {
    const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) return {};
    if (from_ns == 0 && is_first) has_lost_oldest_ = has_lost_oldest_ || (*batch)->first > Offset{};
    is_first = false;
    const Result<stream::RowBatchCursor> cursor = stream::RowBatchCursor::open((*batch)->payload);
    if (!cursor) return std::unexpected(cursor.error());
    const stream::RowBatchHeader& header = cursor->header();
    if (Result<void> done = check.take(header); !done) return std::unexpected(done.error());
    batches_.push_back({lane, (*batch)->first, header.from, header.to, header.groups()});
  }
}

// Where retention has removed the oldest rows, what is there begins with the first that is left.
void OutputRecovery::take_oldest() {
  std::ranges::fill(bases_, feed_end_);
  for (const Covered& batch : batches_)
    for (std::uint16_t i = 0; i < batch.groups.count; ++i) {
      Position& base = bases_[batch.groups.first + i];
      base = std::min(base, batch.from);
    }
}

// A batch that reaches beyond the input is cut as a whole, so what it holds of input that is there is not
// there for certain any more, whatever a mark says. Whether there was such a one.
bool OutputRecovery::lower_bases() {
  bool lowered = false;
  for (const Covered& batch : batches_) {
    if (batch.to <= feed_end_) continue;
    for (std::uint16_t i = 0; i < batch.groups.count; ++i) {
      Position& base = bases_[batch.groups.first + i];
      if (batch.from >= base) continue;
      base = batch.from;
      lowered = true;
    }
  }
  return lowered;
}

// As far as the batches follow one another without a hole.
void OutputRecovery::find_ends() {
  output_.ends = bases_;
  for (const Covered& batch : batches_)
    for (std::uint16_t i = 0; i < batch.groups.count; ++i) {
      Position& end = output_.ends[batch.groups.first + i];
      if (batch.from <= end) end = std::max(end, batch.to);
    }
}

// Of input that is not there, or behind rows that are not there.
bool OutputRecovery::is_ahead(const Covered& batch) const {
  if (batch.to > feed_end_) return true;
  for (std::uint16_t i = 0; i < batch.groups.count; ++i)
    if (batch.from > output_.ends[batch.groups.first + i]) return true;
  return false;
}

// A lane loses the first batch that is ahead, and all behind that. Whether there was any.
bool OutputRecovery::drop_ahead() {
  const std::vector<Offset> before = lane_ends_;
  for (const Covered& batch : batches_)
    if (is_ahead(batch)) lane_ends_[batch.lane] = std::min(lane_ends_[batch.lane], batch.at);
  std::erase_if(batches_, [&](const Covered& batch) { return batch.at >= lane_ends_[batch.lane]; });
  return lane_ends_ != before;
}

// Everything is on the disk then: a mark that is made from here on vouches for what came before it, too.
Result<void> OutputRecovery::cut_lanes() {
  for (std::size_t lane = 0; lane < lane_ends_.size(); ++lane) {
    event_log::Writer& writer = *output_.lanes[lane];
    output_.cut_records += writer.end() - lane_ends_[lane];
    if (Result<void> cut = writer.cut(lane_ends_[lane]); !cut) return cut;
    if (Result<void> synced = writer.sync(); !synced) return synced;
  }
  return {};
}

Result<RecoveredOutput> OutputRecovery::run(std::uint64_t clock_slack_ns) {
  if (Result<void> opened = open_lanes(); !opened) return std::unexpected(opened.error());
  const Result<bool> marked = take_marks();
  if (!marked) return std::unexpected(marked.error());
  do {
    batches_.clear();
    std::uint64_t from_ns = 0;
    if (*marked) {
      const Result<std::uint64_t> time = time_of_input(std::ranges::min(bases_));
      if (!time) return std::unexpected(time.error());
      from_ns = *time > clock_slack_ns ? *time - clock_slack_ns : 0;
    }
    for (std::uint32_t lane = 0; lane < lane_ends_.size(); ++lane)
      if (Result<void> done = scan_lane(lane, from_ns); !done) return std::unexpected(done.error());
  } while (lower_bases());
  std::ranges::stable_sort(batches_, {}, &Covered::from);
  if (!*marked && has_lost_oldest_) take_oldest();
  do find_ends();
  while (drop_ahead());
  if (Result<void> done = cut_lanes(); !done) return std::unexpected(done.error());
  return std::move(output_);
}

}  // namespace

Result<RecoveredOutput> recover_output(event_log::EventLog& log, const stream::CheckpointStore& store,
                                       const stream::KeyGroups& groups, Position feed_end,
                                       std::uint64_t clock_slack_ns) {
  return OutputRecovery(log, store, groups, feed_end).run(clock_slack_ns);
}

}  // namespace tapeline::pipeline
