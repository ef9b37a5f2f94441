#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "capture/live_packet_source.h"
#include "event_log/event_log.h"
#include "event_log/journal/maintenance_thread.h"
#include "os/clock.h"
#include "os/doorbell.h"
#include "pipeline/live/ingest.h"
#include "pipeline/run/ingest_loop.h"
#include "pipeline/run/worker_pool.h"
#include "stream/checkpoint_store.h"
#include "stream/key_groups.h"
#include "trace/recorders.h"

namespace tapeline::pipeline {

// What of a topic is left to the runtime.
struct TopicConfig {
  event_log::TopicOptions options;
  std::uint64_t sync_interval_ns = 100'000'000;
};

struct LivePipelineConfig {
  IngestConfig ingest;
  IngestLoopConfig loop;
  WorkerPoolConfig pool;
  std::uint16_t key_groups = stream::default_key_groups;
  TopicConfig feed;
  TopicConfig rows;
  std::optional<unsigned> ingest_cpu;
  std::uint64_t silence_ns = 3'000'000'000;  // The feed is called stale after so long without a packet.
  std::string venue{};                       // The exchange's market identifier code.
};

// What a pipeline stands on. All of it must outlive the pipeline.
struct LivePipelineParts {
  event_log::EventLog& log;
  stream::CheckpointStore& store;
  capture::LivePacketSource& source;
  capture::DatagramSender& sender;
  const os::Clock& clock;
  os::Doorbell& rows_bell;  // Rung when rows have been appended.
  trace::Recorders& recorders;
};

// A pipeline that runs: one thread puts packets into the log, one each drives the workers from it, others
// sync and maintain the log. Everything between them is the log.
//
//   source --> ingest thread --> topic feed --> worker threads --> topic rows
//
// start(), rescale() and stop() are called by one thread, all else by any.
class LivePipeline {
 public:
  // Opens the log where the last run left it, restores the workers and begins to capture.
  static Result<std::unique_ptr<LivePipeline>> start(const LivePipelineConfig& config,
                                                     const LivePipelineParts& parts);
  ~LivePipeline();
  LivePipeline(const LivePipeline&) = delete;
  LivePipeline& operator=(const LivePipeline&) = delete;

  // Ends the capture, lets the workers take in what the log has, saves all state and syncs the log. False
  // where that took too long: nothing is lost, but the next start replays a little of the log.
  bool stop();

  Result<void> rescale(unsigned workers);
  Result<void> savepoint(const std::string& name) { return parts_.store.savepoint(name); }

  // Why the pipeline cannot go on, once something failed for good.
  [[nodiscard]] std::optional<Error> failure() const;

  [[nodiscard]] IngestReport ingest_report() const { return loop_->report(); }
  [[nodiscard]] std::vector<WorkerReport> worker_reports() const { return pool_->reports(); }
  [[nodiscard]] const IngestLoop& loop() const { return *loop_; }
  [[nodiscard]] const WorkerPool& pool() const { return *pool_; }
  [[nodiscard]] const LivePipelineConfig& config() const { return config_; }
  [[nodiscard]] const os::Clock& clock() const { return parts_.clock; }
  // How long the start took: from the call until packets were taken.
  [[nodiscard]] std::uint64_t start_ns() const { return start_ns_; }
  // Notes whether nothing is missing and nothing waits; true from the first time on. For who looks often.
  bool note_caught_up();
  // When that first was, of the monotonic clock; 0 until then.
  [[nodiscard]] std::uint64_t caught_up_at_ns() const {
    return caught_up_at_ns_.load(std::memory_order_relaxed);
  }
  // What a topic holds, added up over its partitions that are written now.
  struct TopicSize {
    std::uint32_t partitions = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::uint32_t segments = 0;
  };
  [[nodiscard]] TopicSize feed_size() const;
  [[nodiscard]] TopicSize rows_size() const;
  // Failures of the disk, the last of each kind first; empty where there is none.
  [[nodiscard]] std::string log_failure() const;

 private:
  LivePipeline(const LivePipelineConfig& config, const LivePipelineParts& parts);
  Result<void> open();
  Result<void> make_rows_topic(unsigned workers);
  void maintain_lanes();
  void run_ingest();
  void fail_with(const Error& error);

  LivePipelineConfig config_;
  LivePipelineParts parts_;
  stream::KeyGroups groups_;
  os::Doorbell feed_bell_;
  std::unique_ptr<WorkerPool> pool_;
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<IngestLoop> loop_;
  std::unique_ptr<event_log::journal::MaintenanceThread> feed_maintenance_;
  std::unique_ptr<event_log::journal::MaintenanceThread> lane_maintenance_;
  std::uint64_t start_ns_ = 0;
  std::atomic<std::uint64_t> caught_up_at_ns_{0};
  mutable std::mutex failure_mutex_;
  std::optional<Error> failure_;
  std::string log_failure_;
  std::atomic<bool> stopping_{false};
  std::thread ingest_thread_;
};

}  // namespace tapeline::pipeline
