#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "event_log/event_log.h"

namespace tapeline::event_log::journal {

// Syncs and maintains writers on a thread of its own, so that appending waits for no disk. A simulation calls
// Writer::sync() and maintain() itself instead.
class MaintenanceThread {
 public:
  // Every so many syncs, maintain() is called, too.
  static constexpr std::uint32_t syncs_per_maintenance = 16;

  enum class Syncing : bool { no, yes };

  // The writers outlive this object. `on_error` is called on the thread, for each failure. Without syncing it
  // maintains only.
  MaintenanceThread(std::vector<Writer*> writers, std::uint64_t interval_ns,
                    std::function<void(const Error&)> on_error, Syncing syncing = Syncing::yes);
  // Syncs once more, then ends.
  ~MaintenanceThread();
  MaintenanceThread(const MaintenanceThread&) = delete;
  MaintenanceThread& operator=(const MaintenanceThread&) = delete;

 private:
  void run();
  bool wait_writing_back();

  const std::vector<Writer*> writers_;
  const std::uint64_t interval_ns_;
  const std::function<void(const Error&)> on_error_;
  const Syncing syncing_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tapeline::event_log::journal
