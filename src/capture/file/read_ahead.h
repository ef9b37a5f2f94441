#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/result.h"

namespace tapeline::capture {

// A thread that fills slots ahead of one consumer. The slots are recycled in a ring: memory is bounded by
// their number, and the thread sleeps while all are full. One consumer thread.
template <class Slot>
class ReadAhead {
 public:
  // Fills the slot and returns true, or returns false at the clean end (then the slot does not count), or
  // fails. What was filled before a failure reaches the consumer before the failure does.
  using Fill = std::move_only_function<Result<bool>(Slot&)>;
  using Interrupt = std::move_only_function<void()>;

  // `interrupt` makes a waiting `fill` return; it is called from the destructor.
  ReadAhead(std::vector<Slot> slots, Fill fill, Interrupt interrupt)
      : slots_(std::move(slots)), fill_(std::move(fill)), interrupt_(std::move(interrupt)) {
    CHECK(slots_.size() >= 2);
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
  }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead() {
    thread_.request_stop();
    interrupt_();
    thread_.join();
  }

  // The next slot, which stays valid until the next call; null at the clean end. An end or a failure repeats.
  Result<Slot*> next() {
    std::unique_lock lock(mutex_);
    if (holding_) {
      holding_ = false;
      ++freed_;
      room_.notify_one();
    }
    ready_.wait(lock, [this] { return filled_ > freed_ || end_; });
    if (filled_ > freed_) {
      holding_ = true;
      return &slots_[freed_ % slots_.size()];
    }
    if (!end_->has_value()) return std::unexpected(end_->error());
    return nullptr;
  }

 private:
  void run(const std::stop_token& stop) {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        if (!room_.wait(lock, stop, [this] { return filled_ - freed_ < slots_.size(); })) return;
      }
      // The consumer never touches slots from `filled_` on, so this one is ours without the lock.
      Result<bool> more = fill_(slots_[filled_ % slots_.size()]);
      const bool go_on = more.value_or(false);
      {
        const std::scoped_lock lock(mutex_);
        if (go_on)
          ++filled_;
        else
          end_ = std::move(more);
      }
      ready_.notify_one();
      if (!go_on) return;
    }
  }

  std::vector<Slot> slots_;
  Fill fill_;
  Interrupt interrupt_;
  std::mutex mutex_;
  std::condition_variable_any room_;
  std::condition_variable ready_;
  std::size_t filled_ = 0;  // Slots filled since the start; written by the thread under the lock.
  std::size_t freed_ = 0;   // Slots given back by the consumer.
  bool holding_ = false;
  std::optional<Result<bool>> end_;
  std::jthread thread_;
};

}  // namespace tapeline::capture
