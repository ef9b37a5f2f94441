#include "pipeline/run/worker_pool.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "os/cpu.h"

namespace tapeline::pipeline {

Result<std::unique_ptr<WorkerPool>> WorkerPool::start(
    const WorkerPoolConfig& config, event_log::EventLog& log, stream::CheckpointStore& store,
    const stream::KeyGroups& groups, const os::Clock& clock, os::Doorbell& input, os::Doorbell& output,
    std::function<void(const Error&)> on_failure, trace::Recorders& recorders) {
  std::unique_ptr<WorkerPool> pool(
      new WorkerPool(config, log, store, groups, clock, input, output, std::move(on_failure), recorders));
  if (Result<void> opened = pool->open(config.workers); !opened) return std::unexpected(opened.error());
  return pool;
}

WorkerPool::WorkerPool(const WorkerPoolConfig& config, event_log::EventLog& log,
                       stream::CheckpointStore& store, const stream::KeyGroups& groups,
                       const os::Clock& clock, os::Doorbell& input, os::Doorbell& output,
                       std::function<void(const Error&)> on_failure, trace::Recorders& recorders)
    : config_(config),
      log_(log),
      store_(store),
      groups_(groups),
      clock_(clock),
      input_(input),
      output_(output),
      on_failure_(std::move(on_failure)),
      recorders_(recorders) {}

WorkerPool::~WorkerPool() {
  end_threads(false, 0);
}

Result<void> WorkerPool::open(unsigned workers) {
  if (workers < 1 || workers > groups_.count())
    return fail(ErrorCode::usage, fmt::format("the {} key groups are for 1 to {} workers, not for {}",
                                              groups_.count(), groups_.count(), workers));
  std::vector<std::unique_ptr<stream::CheckpointThread>> owned;
  std::vector<stream::CheckpointWriter*> writers;
  for (unsigned i = 0; i < workers; ++i) {
    owned.push_back(std::make_unique<stream::CheckpointThread>(store_, [i] {
      os::name_this_thread(fmt::format("checkpoint-{}", i));
      os::put_this_thread_behind();
    }));
    writers.push_back(owned.back().get());
  }
  Result<std::vector<std::unique_ptr<LogWorker>>> opened =
      WorkerSet::open(config_.worker, log_, store_, groups_, writers);
  if (!opened) return std::unexpected(opened.error());
  recorders_.remove("worker-");
  const std::lock_guard lock(mutex_);
  for (unsigned i = 0; i < workers; ++i) {
    Result<std::shared_ptr<trace::FlightRecorder>> recorder =
        recorders_.make(fmt::format("worker-{}", i), {.number = static_cast<std::uint16_t>(i),
                                                      .groups = (*opened)[i]->groups(),
                                                      .key_groups = groups_.count()});
    if (!recorder) return std::unexpected(recorder.error());
    std::optional<unsigned> cpu;
    if (!config_.cpus.empty()) cpu = config_.cpus[i % config_.cpus.size()];
    threads_.push_back(std::make_unique<WorkerThread>(i, config_.thread, cpu, std::move(owned[i]),
                                                      std::move((*opened)[i]), clock_, input_, output_,
                                                      on_failure_, std::move(*recorder)));
  }
  for (const auto& thread : threads_) thread->start();
  return {};
}

// Whether all of them had saved their state.
bool WorkerPool::end_threads(bool drain, std::uint64_t most_ns) {
  const std::uint64_t deadline_ns = clock_.monotonic_ns() + most_ns;
  for (const auto& thread : threads_) thread->end(drain);
  input_.ring();
  bool in_time = true;
  for (const auto& thread : threads_) {
    while (drain && !thread->has_ended() && (in_time = clock_.monotonic_ns() < deadline_ns))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (!thread->has_ended()) thread->end(false);
  }
  input_.ring();
  const std::lock_guard lock(mutex_);
  for (const auto& thread : threads_) {
    thread->join();
    past_.merge(*thread);
  }
  threads_.clear();
  return in_time;
}

Result<void> WorkerPool::rescale(unsigned workers) {
  if (workers < 1 || workers > groups_.count())
    return fail(ErrorCode::usage,
                fmt::format("{} key groups are for 1 to {} workers", groups_.count(), groups_.count()));
  constexpr std::uint64_t most_ns = 10'000'000'000;
  end_threads(true, most_ns);
  return open(workers);
}

bool WorkerPool::stop(std::uint64_t most_ns) {
  return end_threads(true, most_ns);
}

std::vector<WorkerReport> WorkerPool::reports() const {
  const std::lock_guard lock(mutex_);
  std::vector<WorkerReport> reports;
  for (const auto& thread : threads_) reports.push_back(thread->report());
  return reports;
}

void WorkerPool::Timings::merge(const WorkerThread& thread) {
  delays.merge(thread.delays());
  computing.merge(thread.computing());
  appending.merge(thread.appending());
  stalls.merge(thread.stalls());
  feed_delays.merge(thread.feed_delays());
}

WorkerPool::Timings WorkerPool::timings() const {
  const std::lock_guard lock(mutex_);
  Timings all = past_;
  for (const auto& thread : threads_) all.merge(*thread);
  return all;
}

WorkerPool::MarketTime WorkerPool::market_time() const {
  const std::lock_guard lock(mutex_);
  MarketTime time{.newest_ns = threads_.empty() ? 0 : UINT64_MAX};
  std::uint64_t midnight_ns = UINT64_MAX;
  for (const auto& thread : threads_) {
    time.newest_ns = std::min(time.newest_ns, thread->newest_event_ns());
    midnight_ns = std::min(midnight_ns, thread->midnight_ns());
  }
  const std::uint64_t now_ns = clock_.realtime_ns();
  if (!threads_.empty() && midnight_ns != 0 && now_ns >= midnight_ns) time.now_ns = now_ns - midnight_ns;
  return time;
}

void WorkerPool::for_each_lane(const std::function<void(event_log::Writer&)>& f) const {
  const std::lock_guard lock(mutex_);
  for (const auto& thread : threads_) f(thread->worker().lane());
}

}  // namespace tapeline::pipeline
