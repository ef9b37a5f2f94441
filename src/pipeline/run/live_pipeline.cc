#include "pipeline/run/live_pipeline.h"

#include <algorithm>

#include "os/cpu.h"

namespace tapeline::pipeline {

namespace {

using event_log::journal::MaintenanceThread;

constexpr std::uint64_t most_stop_ns = 10'000'000'000;
constexpr std::uint64_t most_wait_ns = 20'000'000;  // So long until a stop is noticed without packets.

MaintenanceThread::Syncing syncing_of(const TopicConfig& topic) {
  return topic.options.sync == event_log::SyncPolicy::interval ? MaintenanceThread::Syncing::yes
                                                               : MaintenanceThread::Syncing::no;
}

}  // namespace

Result<std::unique_ptr<LivePipeline>> LivePipeline::start(const LivePipelineConfig& config,
                                                          const LivePipelineParts& parts) {
  const std::uint64_t begin_ns = parts.clock.monotonic_ns();
  std::unique_ptr<LivePipeline> pipeline(new LivePipeline(config, parts));
  if (Result<void> opened = pipeline->open(); !opened) return std::unexpected(opened.error());
  pipeline->start_ns_ = parts.clock.monotonic_ns() - begin_ns;
  return pipeline;
}

LivePipeline::LivePipeline(const LivePipelineConfig& config, const LivePipelineParts& parts)
    : config_(config), parts_(parts), groups_(config.key_groups) {}

LivePipeline::~LivePipeline() {
  stopping_.store(true, std::memory_order_release);
  if (ingest_thread_.joinable()) ingest_thread_.join();
  // They use writers that go with the pool and the ingest.
  lane_maintenance_.reset();
  feed_maintenance_.reset();
}

Result<void> LivePipeline::make_rows_topic(unsigned workers) {
  event_log::TopicOptions options = config_.rows.options;
  options.partitions = workers;
  const Result<event_log::TopicDescription> known = parts_.log.topic(rows_topic);
  if (known) options.partitions = std::max(options.partitions, known->options.partitions);
  return parts_.log.create_topic(rows_topic, options);
}

Result<void> LivePipeline::open() {
  if (Result<void> made = parts_.log.create_topic(feed_topic, config_.feed.options); !made) return made;
  if (Result<void> made = make_rows_topic(config_.pool.workers); !made) return made;
  // The workers' restart is planned before the feed grows.
  Result<std::unique_ptr<WorkerPool>> pool = WorkerPool::start(
      config_.pool, parts_.log, parts_.store, groups_, parts_.clock, feed_bell_, parts_.rows_bell,
      [this](const Error& error) { fail_with(error); }, parts_.recorders);
  if (!pool) return std::unexpected(pool.error());
  pool_ = std::move(*pool);
  Result<std::unique_ptr<Ingest>> ingest = Ingest::open(config_.ingest, parts_.log);
  if (!ingest) return std::unexpected(ingest.error());
  ingest_ = std::move(*ingest);
  Result<std::shared_ptr<trace::FlightRecorder>> recorder = parts_.recorders.make("ingest");
  if (!recorder) return std::unexpected(recorder.error());
  loop_ = std::make_unique<IngestLoop>(config_.loop, *ingest_, parts_.source, parts_.sender, parts_.clock,
                                       feed_bell_, std::move(*recorder));
  feed_maintenance_ = std::make_unique<MaintenanceThread>(
      std::vector<event_log::Writer*>{&ingest_->writer()}, config_.feed.sync_interval_ns,
      [this](const Error& error) {
        const std::lock_guard lock(failure_mutex_);
        log_failure_ = error.message;
      },
      syncing_of(config_.feed));
  maintain_lanes();
  ingest_thread_ = std::thread([this] { run_ingest(); });
  return {};
}

void LivePipeline::maintain_lanes() {
  std::vector<event_log::Writer*> lanes;
  pool_->for_each_lane([&](event_log::Writer& lane) { lanes.push_back(&lane); });
  lane_maintenance_ = std::make_unique<MaintenanceThread>(
      std::move(lanes), config_.rows.sync_interval_ns,
      [this](const Error& error) {
        const std::lock_guard lock(failure_mutex_);
        log_failure_ = error.message;
      },
      syncing_of(config_.rows));
}

void LivePipeline::run_ingest() {
  os::name_this_thread("ingest");
  os::put_this_thread_ahead();
  os::set_timer_slack_ns(1'000);
  if (config_.ingest_cpu)
    if (const Result<void> pinned = os::pin_this_thread(*config_.ingest_cpu); !pinned)
      return fail_with(pinned.error());
  while (!stopping_.load(std::memory_order_acquire))
    if (const Result<void> turned = loop_->turn(most_wait_ns); !turned) return fail_with(turned.error());
}

void LivePipeline::fail_with(const Error& error) {
  const std::lock_guard lock(failure_mutex_);
  if (!failure_) failure_ = error;
}

bool LivePipeline::note_caught_up() {
  if (caught_up_at_ns() != 0) return true;
  constexpr std::uint64_t most_lag = 10'000;  // Some milliseconds of a busy feed are always under way.
  const IngestReport ingest = loop_->report();
  const bool has_packets = std::ranges::any_of(
      ingest.channels, [](const capture::ChannelCounters& channel) { return channel.packets > 0; });
  if (!has_packets || ingest.has_gap) return false;
  for (const WorkerReport& worker : pool_->reports())
    if (worker.lag > most_lag || raw(worker.position) == 0) return false;
  caught_up_at_ns_.store(parts_.clock.monotonic_ns(), std::memory_order_relaxed);
  return true;
}

std::optional<Error> LivePipeline::failure() const {
  const std::lock_guard lock(failure_mutex_);
  return failure_;
}

std::string LivePipeline::log_failure() const {
  const std::lock_guard lock(failure_mutex_);
  return log_failure_;
}

bool LivePipeline::stop() {
  stopping_.store(true, std::memory_order_release);
  if (ingest_thread_.joinable()) ingest_thread_.join();
  feed_maintenance_.reset();
  lane_maintenance_.reset();  // Syncs what there is; the last rows follow with the next start or the kernel.
  const bool saved = pool_->stop(most_stop_ns);
  return saved && parts_.store.sync().has_value();
}

Result<void> LivePipeline::rescale(unsigned workers) {
  if (Result<void> made = make_rows_topic(workers); !made) return made;
  lane_maintenance_.reset();
  Result<void> done = pool_->rescale(workers);
  if (!done) {
    // The old workers have ended, so without new ones nothing would be computed any more.
    if (done.error().code != ErrorCode::usage) fail_with(done.error());
    return done;
  }
  config_.pool.workers = workers;
  maintain_lanes();
  return {};
}

LivePipeline::TopicSize LivePipeline::feed_size() const {
  const event_log::Writer& writer = ingest_->writer();
  return {1, writer.end().value, writer.bytes(), writer.segments()};
}

LivePipeline::TopicSize LivePipeline::rows_size() const {
  TopicSize size;
  pool_->for_each_lane([&](event_log::Writer& lane) {
    ++size.partitions;
    size.records += lane.end().value;
    size.bytes += lane.bytes();
    size.segments += lane.segments();
  });
  return size;
}

}  // namespace tapeline::pipeline
