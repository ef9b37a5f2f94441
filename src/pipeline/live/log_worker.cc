#include "pipeline/live/log_worker.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "feed/feed_log/feed_log.h"
#include "stream/restore_plan.h"
#include "stream/row_lane.h"
#include "stream/row_log.h"

namespace tapeline::pipeline {

// A partition of the topic `rows`.
class LogWorker::Lane final : public stream::RowLane {
 public:
  Lane(std::unique_ptr<event_log::Writer> writer, std::uint32_t number)
      : writer_(std::move(writer)), number_(number) {}

  Result<void> append(std::span<const std::byte> batch, std::uint32_t records, CaptureTime first,
                      CaptureTime last) override {
    event_log::NewBatch header;
    header.record_count = records;
    header.first_time_ns = std::min(raw(first), raw(last));
    header.last_time_ns = raw(last);
    if (const Result<event_log::Offset> done = writer_->append(header, batch); !done)
      return std::unexpected(done.error());
    return {};
  }
  [[nodiscard]] std::uint32_t number() const override { return number_; }
  [[nodiscard]] std::uint64_t end() const override { return writer_->end().value; }
  [[nodiscard]] event_log::Writer& writer() { return *writer_; }

 private:
  std::unique_ptr<event_log::Writer> writer_;
  std::uint32_t number_;
};

// Hands the items of the feed to the worker.
class LogWorker::Consumer final : public feed::FeedConsumer {
 public:
  explicit Consumer(Worker& worker) : worker_(worker) {}

  void on_session_started(const feed::SessionStarted& item) override {
    worker_.on_session_started(item.session, item.next_sequence);
  }
  void on_messages(const feed::MessageBlock& block) override { worker_.on_messages(block); }
  void on_gap_declared(const feed::GapDeclared& item) override {
    worker_.on_gap_declared(item.from, item.to);
  }
  void on_recovery_started(const feed::RecoveryStarted&) override { worker_.on_recovery_started(); }
  void on_snapshot_messages(const feed::MessageBlock& block) override { worker_.on_snapshot_messages(block); }
  void on_snapshot_complete(const feed::SnapshotComplete& item) override {
    worker_.on_snapshot_complete(item.next_sequence, item.time);
  }
  void on_end_of_session(const feed::SessionEnded& item) override {
    worker_.on_end_of_session(item.next_sequence);
  }

 private:
  Worker& worker_;
};

LogWorker::LogWorker(stream::GroupRange own, std::unique_ptr<event_log::Reader> reader,
                     std::unique_ptr<Lane> lane, std::unique_ptr<Worker> worker, std::string warning,
                     std::uint64_t interval_ns)
    : own_(own),
      reader_(std::move(reader)),
      lane_(std::move(lane)),
      worker_(std::move(worker)),
      consumer_(std::make_unique<Consumer>(*worker_)),
      warning_(std::move(warning)),
      interval_ns_(interval_ns) {}

LogWorker::~LogWorker() = default;

event_log::Writer& LogWorker::lane() {
  return lane_->writer();
}

std::uint64_t LogWorker::lag() const {
  const std::atomic<std::uint64_t>* const end = reader_->live_end();
  const std::uint64_t here = raw(worker_->position());
  const std::uint64_t there = end == nullptr ? here : end->load(std::memory_order_relaxed);
  return there > here ? there - here : 0;
}

Result<void> LogWorker::take(const event_log::Batch& batch) {
  Result<feed::FeedLogCursor> cursor = feed::FeedLogCursor::open(batch.payload);
  if (!cursor) return std::unexpected(cursor.error());
  worker_->begin_batch(stream::Position{batch.first.value}, cursor->position().session);
  for (;;) {
    const Result<std::optional<feed::FeedRecord>> record = cursor->next();
    if (!record) return std::unexpected(record.error());
    if (!*record) return {};
    feed::replay(**record, *consumer_);
  }
}

Result<bool> LogWorker::turn(std::uint64_t now_ns) {
  const Result<bool> worked = process();
  // Nothing new: what remains of a checkpoint can be saved.
  if (worked) worker_->save_some(now_ns);
  return worked;
}

Result<bool> LogWorker::process() {
  // Rows that could not be put out before come first.
  for (unsigned taken = 0; !end_is_owed_ || taken > 0; ++taken) {
    // More than one batch only where they wait: rows are not held back for what may come.
    if (taken == most_batches || worker_->waiting_bytes() >= most_waiting_bytes) break;
    if (taken > 0 && reader_->live_end() != nullptr && lag() == 0) break;
    const Result<std::optional<event_log::Batch>> batch = reader_->next();
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) break;
    if (taken == 0) oldest_captured_ = CaptureTime{(*batch)->first_time_ns};
    newest_captured_ = CaptureTime{(*batch)->last_time_ns};
    end_is_owed_ = true;
    if (Result<void> done = take(**batch); !done) return std::unexpected(done.error());
  }
  const bool worked = end_is_owed_;
  if (Result<void> done = worker_->put_out(); !done) return std::unexpected(done.error());
  end_is_owed_ = false;
  return worked;
}

Result<bool> LogWorker::save(std::uint64_t now_ns) {
  const stream::KeyCheckpointer& checkpointer = worker_->checkpointer();
  if (save_ == Save::none) save_ = checkpointer.in_progress() ? Save::finishing_another : Save::due;
  // A checkpoint begins with the call whose time is an interval behind the last one's.
  if (Result<void> done = worker_->end_batch(save_ == Save::due ? now_ns + interval_ns_ : now_ns); !done)
    return std::unexpected(done.error());
  end_is_owed_ = false;
  if (save_ == Save::due) save_ = Save::running;
  if (save_ == Save::finishing_another && !checkpointer.in_progress()) save_ = Save::due;
  if (save_ != Save::running || !checkpointer.is_done()) return false;
  save_ = Save::none;
  return true;
}

namespace {

using stream::Position;

// The manifest's mark of each group says up to where the rows were in the lanes when it was written: scanning
// starts there. A worker marks all its groups at once, and takes its lane over at its end: so rows that no
// mark covers lie behind every mark of their lane. Lanes without a mark are those of workers that have not
// completed a checkpoint; what they have carries no earlier capture time than the input there.
struct Marks {
  struct LaneMarks {
    std::uint64_t lowest;
    std::uint64_t highest;
  };
  std::optional<Position> earliest;  // Nothing where a group has no mark.
  std::map<std::uint32_t, LaneMarks> lanes;
};

// Whether the lanes still have what the marks say that they had: a loss of power may have taken it.
Result<bool> stand(event_log::EventLog& log, const Marks& marks) {
  for (const auto& [number, lane] : marks.lanes) {
    const Result<event_log::PartitionDescription> found = log.describe(rows_topic, number);
    if (!found && found.error().code == ErrorCode::not_found) return false;
    if (!found) return std::unexpected(found.error());
    if (found->end.value < lane.highest) return false;
  }
  return true;
}

Result<Marks> take_marks(event_log::EventLog& log, const stream::CheckpointStore& store,
                         const stream::KeyGroups& groups, stream::OutputEnds& ends) {
  Marks marks{Position{UINT64_MAX}, {}};
  for (std::uint16_t i = 0; i < groups.count(); ++i) {
    const Result<std::optional<stream::StoredManifest>> manifest = store.manifest(stream::KeyGroup{i});
    if (!manifest) return std::unexpected(manifest.error());
    std::optional<stream::ManifestContent> content;
    if (*manifest) content = stream::parse_manifest((*manifest)->content);
    if (!content || content->output_mark.size() != sizeof(stream::OutputMark)) return Marks{};
    stream::OutputMark mark;
    std::memcpy(&mark, content->output_mark.data(), sizeof mark);
    stream::RowBatchHeader covered{};
    covered.version = stream::RowBatchHeader::current_version;
    covered.first_group = i;
    covered.group_count = 1;
    covered.key_groups = groups.count();
    covered.to = mark.position;
    if (Result<void> done = ends.take(covered); !done) return std::unexpected(done.error());
    marks.earliest = std::min(*marks.earliest, mark.position);
    Marks::LaneMarks& lane =
        marks.lanes.try_emplace(mark.lane, Marks::LaneMarks{mark.lane_end, mark.lane_end}).first->second;
    lane.lowest = std::min(lane.lowest, mark.lane_end);
    lane.highest = std::max(lane.highest, mark.lane_end);
  }
  const Result<bool> sound = stand(log, marks);
  if (!sound) return std::unexpected(sound.error());
  return *sound ? marks : Marks{};
}

// The capture time of the input at a position; 0 where it is not known.
Result<std::uint64_t> time_at(event_log::EventLog& log, Position position) {
  Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(feed_topic, 0);
  if (!reader) return std::unexpected(reader.error());
  if (Result<void> done = (*reader)->seek({raw(position)}); !done) return std::unexpected(done.error());
  const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
  if (!batch) return std::unexpected(batch.error());
  return *batch ? (*batch)->first_time_ns : UINT64_MAX;
}

Result<void> scan_lane(event_log::EventLog& log, std::uint32_t lane, const Marks& marks,
                       std::uint64_t from_ns, stream::OutputEnds& ends) {
  Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(rows_topic, lane);
  if (!reader) return std::unexpected(reader.error());
  const auto mark = marks.lanes.find(lane);
  Result<void> sought;
  if (mark != marks.lanes.end())
    sought = (*reader)->seek({mark->second.lowest});
  else if (from_ns != 0)
    sought = (*reader)->seek_time(from_ns);
  if (!sought) return std::unexpected(sought.error());
  for (;;) {
    const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) return {};
    const Result<stream::RowBatchCursor> cursor = stream::RowBatchCursor::open((*batch)->payload);
    if (!cursor) return std::unexpected(cursor.error());
    if (Result<void> done = ends.take(cursor->header()); !done) return std::unexpected(done.error());
  }
}

// Up to which position of the input each group's rows are in the log.
Result<std::vector<Position>> find_output_ends(event_log::EventLog& log, const stream::CheckpointStore& store,
                                               const stream::KeyGroups& groups) {
  constexpr std::uint64_t slack_ns = 60'000'000'000;  // A clock may have been set back.
  stream::OutputEnds ends(groups.count());
  const Result<Marks> marks = take_marks(log, store, groups, ends);
  if (!marks) return std::unexpected(marks.error());
  std::uint64_t from_ns = 0;
  if (marks->earliest) {
    const Result<std::uint64_t> time = time_at(log, *marks->earliest);
    if (!time) return std::unexpected(time.error());
    from_ns = *time == UINT64_MAX ? *time : *time > slack_ns ? *time - slack_ns : 0;
  } else {
    ends = stream::OutputEnds(groups.count());
  }
  const Result<event_log::TopicDescription> topic = log.topic(rows_topic);
  if (!topic) return std::unexpected(topic.error());
  for (std::uint32_t lane = 0; lane < topic->options.partitions; ++lane)
    if (Result<void> done = scan_lane(log, lane, *marks, from_ns, ends); !done)
      return std::unexpected(done.error());
  return std::vector<Position>(ends.ends().begin(), ends.ends().end());
}

}  // namespace

Result<std::vector<std::unique_ptr<LogWorker>>> WorkerSet::open(
    const MarketWorkerConfig& config, event_log::EventLog& log, stream::CheckpointStore& store,
    const stream::KeyGroups& groups, std::span<stream::CheckpointWriter* const> writers) {
  const Result<std::vector<Position>> ends = find_output_ends(log, store, groups);
  if (!ends) return std::unexpected(ends.error());
  const Result<event_log::PartitionDescription> input = log.describe(feed_topic, 0);
  if (!input) return std::unexpected(input.error());
  std::vector<std::unique_ptr<LogWorker>> workers;
  for (unsigned i = 0; i < writers.size(); ++i) {
    const stream::GroupRange own = groups.range_of(i, static_cast<unsigned>(writers.size()));
    Result<stream::RestorePlan> plan = stream::plan_restore(store, own, *ends, Position{input->end.value});
    if (!plan) return std::unexpected(plan.error());
    Result<std::unique_ptr<event_log::Writer>> writer = log.open_writer(rows_topic, i);
    if (!writer) return std::unexpected(writer.error());
    Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(feed_topic, 0);
    if (!reader) return std::unexpected(reader.error());
    std::string warning = plan->warning;
    auto lane = std::make_unique<LogWorker::Lane>(std::move(*writer), i);
    auto worker = std::make_unique<Worker>(config, groups, own, *writers[i], *lane, *ends);
    if (Result<void> done = worker->restore(std::move(*plan)); !done) return std::unexpected(done.error());
    if (Result<void> done = (*reader)->seek({raw(worker->position())}); !done)
      return std::unexpected(done.error());
    workers.push_back(
        std::unique_ptr<LogWorker>(new LogWorker(own, std::move(*reader), std::move(lane), std::move(worker),
                                                 std::move(warning), config.checkpoint_interval_ns)));
  }
  return workers;
}

}  // namespace tapeline::pipeline
