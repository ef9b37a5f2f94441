#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tapeline::app {

// Carries orders from the thread that takes them in to the one that may carry them out.
class OrderDesk {
 public:
  // Waits for what came of it; an error after `close()`.
  Result<std::string> give(std::string_view order) {
    std::unique_lock lock(mutex_);
    if (closed_) return fail(ErrorCode::interrupted, "the pipeline is stopping");
    order_ = std::string(order);
    answer_.reset();
    changed_.wait(lock, [&] { return answer_.has_value() || closed_; });
    order_.reset();
    if (!answer_) return fail(ErrorCode::interrupted, "the pipeline is stopping");
    return *std::exchange(answer_, std::nullopt);
  }

  // Carries out the order that waits, if one does.
  void serve(const std::function<Result<std::string>(const std::string&)>& carry_out) {
    std::unique_lock lock(mutex_);
    if (!order_ || answer_) return;
    const std::string order = *order_;
    lock.unlock();
    Result<std::string> answer = carry_out(order);
    lock.lock();
    answer_ = std::move(answer);
    changed_.notify_all();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::string> order_;
  std::optional<Result<std::string>> answer_;
  bool closed_ = false;
};

}  // namespace tapeline::app
