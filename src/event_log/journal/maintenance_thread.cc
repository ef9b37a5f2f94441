#include "event_log/journal/maintenance_thread.h"

#include <algorithm>
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

// True once it is to end. A sync of all that an interval brings makes appending wait, so it goes to the disk
// in small portions meanwhile.
bool MaintenanceThread::wait_writing_back() {
  constexpr std::chrono::milliseconds portion(10);
  const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(interval_ns_);
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    if (stopping_ || now >= until) return stopping_;
    wake_.wait_until(lock, std::min<std::chrono::steady_clock::time_point>(until, now + portion),
                     [this] { return stopping_; });
    if (syncing_ == Syncing::no) continue;
    lock.unlock();
    for (Writer* writer : writers_) writer->write_back();
    lock.lock();
  }
}

void MaintenanceThread::run() {
  for (std::uint32_t round = 0;; ++round) {
    const bool last = wait_writing_back();
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
