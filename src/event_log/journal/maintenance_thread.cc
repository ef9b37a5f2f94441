#include "event_log/journal/maintenance_thread.h"

#include <chrono>

namespace tapeline::event_log::journal {

MaintenanceThread::MaintenanceThread(std::vector<Writer*> writers, std::uint64_t interval_ns,
                                     std::function<void(const Error&)> on_error, Syncing syncing)
    : writers_(std::move(writers)),
      interval_ns_(interval_ns),
      on_error_(std::move(on_error)),
      syncing_(syncing),
      thread_([this] { run(); }) {}

MaintenanceThread::~MaintenanceThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void MaintenanceThread::run() {
  for (std::uint32_t round = 0;; ++round) {
    bool last;
    {
      std::unique_lock lock(mutex_);
      last = wake_.wait_for(lock, std::chrono::nanoseconds(interval_ns_), [this] { return stopping_; });
    }
    for (Writer* writer : writers_) {
      if (syncing_ == Syncing::yes)
        if (const Result<void> synced = writer->sync(); !synced) on_error_(synced.error());
      if (round % syncs_per_maintenance != 0) continue;
      if (const Result<void> maintained = writer->maintain(); !maintained) on_error_(maintained.error());
    }
    if (last) return;
  }
}

}  // namespace tapeline::event_log::journal
