#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "event_log/event_log.h"
#include "os/clock.h"
#include "trace/tracing.h"

namespace tapeline::trace {

// Tracing and its thread, which nobody waits for.
class TracingThread {
 public:
  using Readers = std::function<StageReaders()>;

  // All outlive it. `readers` is called on the thread, several times a second.
  static Result<std::unique_ptr<TracingThread>> start(const TracingConfig& config, Tracing::Own own,
                                                      event_log::EventLog& log, const os::Clock& clock,
                                                      Readers readers,
                                                      std::unique_ptr<SpanExporter> exporter);
  // Sends what waits, as long as that succeeds, and ends.
  ~TracingThread();
  TracingThread(const TracingThread&) = delete;
  TracingThread& operator=(const TracingThread&) = delete;

  [[nodiscard]] TracingCounters counters() const;

 private:
  TracingThread(const TracingConfig& config, Tracing::Own own, event_log::EventLog& log,
                const os::Clock& clock, Readers readers, std::unique_ptr<SpanExporter> exporter)
      : config_(config),
        own_(own),
        log_(log),
        clock_(clock),
        readers_(std::move(readers)),
        exporter_(std::move(exporter)) {}
  void run();
  [[nodiscard]] bool open();

  const TracingConfig config_;
  const Tracing::Own own_;
  event_log::EventLog& log_;
  const os::Clock& clock_;
  Readers readers_;
  std::unique_ptr<SpanExporter> exporter_;
  std::unique_ptr<Tracing> tracing_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  TracingCounters counters_;
  std::thread thread_;  // Last: it uses the members above.
};

}  // namespace tapeline::trace
