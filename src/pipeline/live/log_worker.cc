#include "pipeline/live/log_worker.h"

#include <algorithm>

#include <fmt/format.h>

#include "feed/feed_log/feed_log.h"
#include "pipeline/live/output_recovery.h"
#include "stream/restore_plan.h"
#include "stream/row_lane.h"
#include "stream/row_log.h"

namespace tapeline::pipeline {

// A partition of the topic `rows`.
class LogWorker::Lane final : public stream::RowLane {
 public:
  Lane(std::unique_ptr<event_log::Writer> writer, std::uint32_t number, bool is_synced)
      : writer_(std::move(writer)), number_(number), is_synced_(is_synced) {}

  // Batches of rows carry the times of the input that they cover, whether or not there were messages in it: a
  // restart looks for them by time.
  void note_input(const event_log::Batch& batch) {
    first_time_ns_ = std::min(first_time_ns_, batch.first_time_ns);
    last_time_ns_ = batch.last_time_ns;
  }

  Result<void> append(std::span<const std::byte> batch, std::uint32_t records, CaptureTime,
                      CaptureTime) override {
    event_log::NewBatch header;
    header.record_count = records;
    header.first_time_ns = std::min(first_time_ns_, last_time_ns_);
    header.last_time_ns = last_time_ns_;
    if (const Result<event_log::Offset> done = writer_->append(header, batch); !done)
      return std::unexpected(done.error());
    first_time_ns_ = last_time_ns_;
    return {};
  }
  [[nodiscard]] std::uint32_t number() const override { return number_; }
  [[nodiscard]] std::uint64_t end() const override { return writer_->end().value; }
  [[nodiscard]] std::uint64_t synced() const override { return is_synced_ ? writer_->synced().value : end(); }
  [[nodiscard]] event_log::Writer& writer() { return *writer_; }

 private:
  std::unique_ptr<event_log::Writer> writer_;
  std::uint32_t number_;
  bool is_synced_;  // By its topic's policy.
  std::uint64_t first_time_ns_ = UINT64_MAX;
  std::uint64_t last_time_ns_ = 0;
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
  lane_->note_input(batch);
  worker_->begin_batch(stream::Position{batch.first.value}, cursor->position().session);
  for (;;) {
    const Result<std::optional<feed::FeedRecord>> record = cursor->next();
    if (!record) return std::unexpected(record.error());
    if (!*record) return {};
    feed::replay(**record, *consumer_);
  }
}

Result<bool> LogWorker::turn(std::uint64_t now_ns) {
  Result<bool> worked = take_in();
  if (!worked) return worked;
  if (Result<void> done = put_out(); !done) return std::unexpected(done.error());
  // Nothing new: what remains of a checkpoint can be saved.
  worker_->save_some(now_ns);
  return worked;
}

Result<bool> LogWorker::take_in() {
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
  return end_is_owed_;
}

Result<void> LogWorker::put_out() {
  if (Result<void> done = worker_->put_out(); !done) return done;
  end_is_owed_ = false;
  return {};
}

Result<bool> LogWorker::save(std::uint64_t now_ns) {
  const stream::KeyCheckpointer& checkpointer = worker_->checkpointer();
  if (save_ == Save::none) save_ = checkpointer.in_progress() ? Save::finishing_another : Save::due;
  if (Result<void> done = put_out(); !done) return std::unexpected(done.error());
  // A checkpoint begins with the call whose time is an interval behind the last one's.
  worker_->save_some(save_ == Save::due ? now_ns + interval_ns_ : now_ns, stream::CheckpointExtent::all);
  if (save_ == Save::due) save_ = Save::running;
  if (save_ == Save::finishing_another && !checkpointer.in_progress()) save_ = Save::due;
  if (save_ != Save::running || !checkpointer.is_done()) return false;
  save_ = Save::none;
  return true;
}

namespace {

using stream::Position;

// Where the input ends. Its writer has to have recovered it before, or workers would believe in records that
// are cut off then.
Result<Position> end_of_input(event_log::EventLog& log) {
  const Result<std::unique_ptr<event_log::Writer>> writer = log.open_writer(feed_topic, 0);
  if (writer) return Position{(*writer)->end().value};
  // Somebody has it open already.
  if (writer.error().code != ErrorCode::unsupported) return std::unexpected(writer.error());
  const Result<event_log::PartitionDescription> input = log.describe(feed_topic, 0);
  if (!input) return std::unexpected(input.error());
  return Position{input->end.value};
}

}  // namespace

Result<std::vector<std::unique_ptr<LogWorker>>> WorkerSet::open(
    const MarketWorkerConfig& config, event_log::EventLog& log, stream::CheckpointStore& store,
    const stream::KeyGroups& groups, std::span<stream::CheckpointWriter* const> writers) {
  const Result<Position> input_end = end_of_input(log);
  if (!input_end) return std::unexpected(input_end.error());
  Result<RecoveredOutput> output = recover_output(log, store, groups, *input_end, config.clock_slack_ns);
  if (!output) return std::unexpected(output.error());
  if (writers.size() > output->lanes.size())
    return fail(ErrorCode::usage,
                fmt::format("the topic {} has {} partitions for {} workers: make it with more", rows_topic,
                            output->lanes.size(), writers.size()));
  const Result<event_log::TopicDescription> topic = log.topic(rows_topic);
  if (!topic) return std::unexpected(topic.error());
  const bool is_synced = topic->options.sync != event_log::SyncPolicy::none;
  std::vector<std::unique_ptr<LogWorker>> workers;
  for (unsigned i = 0; i < writers.size(); ++i) {
    const stream::GroupRange own = groups.range_of(i, static_cast<unsigned>(writers.size()));
    Result<stream::RestorePlan> plan = stream::plan_restore(store, own, output->ends, *input_end);
    if (!plan) return std::unexpected(plan.error());
    Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(feed_topic, 0);
    if (!reader) return std::unexpected(reader.error());
    std::string warning = plan->warning;
    auto lane = std::make_unique<LogWorker::Lane>(std::move(output->lanes[i]), i, is_synced);
    auto worker = std::make_unique<Worker>(config, groups, own, *writers[i], *lane, output->ends);
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
