#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace tapeline::os {

// Wakes threads that wait for something new: of this process, or of every process that maps the same memory.
// Ringing for nobody costs no system call. A waiter takes a ticket, looks for work, and waits only if nobody
// has rung since, so no ring is lost.
class Doorbell {
 public:
  [[nodiscard]] std::uint32_t ticket() const { return rings_.load(std::memory_order_acquire); }
  void ring() {
    rings_.fetch_add(1, std::memory_order_seq_cst);
    if (waiters_.load(std::memory_order_seq_cst) != 0) wake();
  }
  // Returns once somebody has rung since the ticket was taken, after the timeout, or now and then for
  // nothing.
  void wait(std::uint32_t ticket, std::uint64_t timeout_ns);

 private:
  void wake();

  std::atomic<std::uint32_t> rings_{0};
  // A process that is killed while it waits stays counted: then ringing costs a system call, no more.
  std::atomic<std::uint32_t> waiters_{0};
};
static_assert(sizeof(Doorbell) == 8 && std::atomic<std::uint32_t>::is_always_lock_free);

// A doorbell in a file that processes map. It only spares them polling: nothing is lost where it is missing.
class SharedDoorbell {
 public:
  // Made where it is missing; who rings it opens it so.
  static Result<std::unique_ptr<SharedDoorbell>> create(const std::string& path);
  // not_found where nobody has made it yet.
  static Result<std::unique_ptr<SharedDoorbell>> open(const std::string& path);
  ~SharedDoorbell();
  SharedDoorbell(const SharedDoorbell&) = delete;
  SharedDoorbell& operator=(const SharedDoorbell&) = delete;

  [[nodiscard]] Doorbell& bell() { return *bell_; }

 private:
  explicit SharedDoorbell(Doorbell* bell) : bell_(bell) {}
  static Result<std::unique_ptr<SharedDoorbell>> map(const std::string& path, int flags);

  Doorbell* bell_;
};

}  // namespace tapeline::os
