#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "event_log/event_log.h"
#include "metrics/latency_histogram.h"
#include "os/clock.h"
#include "os/doorbell.h"
#include "pipeline/live/log_worker.h"
#include "pipeline/run/published.h"
#include "pipeline/run/worker_thread.h"
#include "stream/checkpoint_store.h"
#include "stream/key_groups.h"
#include "trace/recorders.h"

namespace tapeline::pipeline {

struct WorkerPoolConfig {
  MarketWorkerConfig worker;
  unsigned workers = 1;
  WorkerThreadConfig thread;
  std::vector<unsigned> cpus;  // Worker i is pinned to the i-th, modulo their number; empty: none is.
};

// The workers of a running pipeline, a thread each. start(), rescale() and stop() are called by one thread,
// all else by any.
class WorkerPool {
 public:
  // Everything must outlive it. `input` is rung where the feed's log grows, `output` when rows have been
  // appended. A worker that fails for good tells `on_failure`, on its own thread, and ends.
  static Result<std::unique_ptr<WorkerPool>> start(const WorkerPoolConfig& config, event_log::EventLog& log,
                                                   stream::CheckpointStore& store,
                                                   const stream::KeyGroups& groups, const os::Clock& clock,
                                                   os::Doorbell& input, os::Doorbell& output,
                                                   std::function<void(const Error&)> on_failure,
                                                   trace::Recorders& recorders);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Hands the key groups to another number of workers while the feed goes on: those that run save their
  // state, the new ones go on from it. Latency shows for as long as that takes.
  Result<void> rescale(unsigned workers);

  // Takes in all that the log has by now, saves all state and ends the threads. False where that took longer
  // than `most_ns`: a restart then replays a little of the log.
  bool stop(std::uint64_t most_ns);

  [[nodiscard]] std::vector<WorkerReport> reports() const;
  // What all workers measured since the start, those that a rescaling has ended included.
  struct Timings {
    metrics::HistogramSnapshot delays;  // From a message's arrival to its rows in the log; see WorkerThread.
    metrics::HistogramSnapshot computing;  // Time of a turn for books and analytics,
    metrics::HistogramSnapshot appending;  // for handing rows to the log,
    metrics::HistogramSnapshot stalls;     // and for saving state instead of taking messages.
    metrics::DelaySnapshot feed_delays;

    void merge(const WorkerThread& thread);
  };
  [[nodiscard]] Timings timings() const;
  // The newest time of the exchange that every worker has taken in, and the present by the same clock, both
  // since its midnight in UTC; the latter is nothing where the feed's times are of another day.
  struct MarketTime {
    std::uint64_t newest_ns = 0;
    std::optional<std::uint64_t> now_ns{};
  };
  [[nodiscard]] MarketTime market_time() const;
  // Calls f(writer) for each lane that workers append to; they stay as they are meanwhile.
  void for_each_lane(const std::function<void(event_log::Writer&)>& f) const;

 private:
  WorkerPool(const WorkerPoolConfig& config, event_log::EventLog& log, stream::CheckpointStore& store,
             const stream::KeyGroups& groups, const os::Clock& clock, os::Doorbell& input,
             os::Doorbell& output, std::function<void(const Error&)> on_failure, trace::Recorders& recorders);
  Result<void> open(unsigned workers);
  bool end_threads(bool drain, std::uint64_t most_ns);

  WorkerPoolConfig config_;
  event_log::EventLog& log_;
  stream::CheckpointStore& store_;
  const stream::KeyGroups& groups_;
  const os::Clock& clock_;
  os::Doorbell& input_;
  os::Doorbell& output_;
  std::function<void(const Error&)> on_failure_;
  trace::Recorders& recorders_;
  mutable std::mutex mutex_;  // Over the list, which rescale() changes.
  std::vector<std::unique_ptr<WorkerThread>> threads_;
  Timings past_;  // Of workers that have ended.
};

}  // namespace tapeline::pipeline
