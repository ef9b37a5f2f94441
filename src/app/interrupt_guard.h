#pragma once

#include <csignal>

namespace tapeline::app {

// What SIGINT and SIGTERM do while a command works.
enum class OnInterrupt {
  finish_in_order,  // Set a flag: the command has files to remove, rows to flush. Poll interrupted().
  exit_at_once,     // Nothing is left behind: clear the progress line and exit with 130, even while reading.
};

// In force for the life of the object; one at a time.
class InterruptGuard {
 public:
  explicit InterruptGuard(OnInterrupt what);
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  [[nodiscard]] static bool interrupted();

 private:
  struct sigaction previous_interrupt_{};
  struct sigaction previous_terminate_{};
};

}  // namespace tapeline::app
