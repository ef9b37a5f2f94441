#include "trace/tracing_thread.h"

#include <chrono>

#include "os/cpu.h"

namespace tapeline::trace {

namespace {

constexpr const char* feed_topic = "feed";
constexpr std::chrono::milliseconds interval{50};

}  // namespace

Result<std::unique_ptr<TracingThread>> TracingThread::start(const TracingConfig& config, Tracing::Own own,
                                                            event_log::EventLog& log, const os::Clock& clock,
                                                            Readers readers,
                                                            std::unique_ptr<SpanExporter> exporter) {
  std::unique_ptr<TracingThread> thread(
      new TracingThread(config, own, log, clock, std::move(readers), std::move(exporter)));
  thread->thread_ = std::thread([raw = thread.get()] { raw->run(); });
  return thread;
}

TracingThread::~TracingThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

TracingCounters TracingThread::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

// The topic may not be there yet: a server may be started before the pipeline.
bool TracingThread::open() {
  if (tracing_) return true;
  Result<std::unique_ptr<event_log::Reader>> reader = log_.open_reader(feed_topic, 0);
  if (!reader) return false;
  tracing_ = std::make_unique<Tracing>(config_, own_, MessageLookup(std::move(*reader)), *exporter_);
  return true;
}

void TracingThread::run() {
  os::name_this_thread("tracing");
  os::put_this_thread_behind();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    if (open()) tracing_->turn(readers_(), clock_.monotonic_ns());
    lock.lock();
    if (tracing_) counters_ = tracing_->counters();
    wake_.wait_for(lock, interval, [this] { return stopping_; });
  }
  lock.unlock();
  if (tracing_) tracing_->finish(readers_());
}

}  // namespace tapeline::trace
