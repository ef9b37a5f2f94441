#include "sinks/sink_thread.h"

#include <new>

#include "base/check.h"

namespace tapeline::sinks {
namespace {

constexpr std::align_val_t buffer_alignment{64};

}  // namespace

void SinkThread::Free::operator()(std::byte* bytes) const {
  ::operator delete[](bytes, buffer_alignment);
}

SinkThread::SinkThread(std::unique_ptr<TableSink> sink, std::size_t buffer_size) : sink_(std::move(sink)) {
  const auto make = [&] {
    return Buffer(static_cast<std::byte*>(::operator new[](buffer_size, buffer_alignment)));
  };
  filling_ = make();
  for (std::size_t i = 1; i < buffer_count; ++i) free_.push_back(make());
  thread_ = std::thread([this] { run(); });
}

SinkThread::~SinkThread() {
  stop(/*discard=*/true);
}

void SinkThread::hand_over(std::size_t size) {
  if (size == 0 || failed()) return;
  std::unique_lock lock(mutex_);
  full_.push_back({std::move(filling_), size});
  full_or_stopping_.notify_one();
  free_again_.wait(lock, [&] { return !free_.empty(); });
  filling_ = std::move(free_.back());
  free_.pop_back();
}

Result<void> SinkThread::finish() {
  CHECK(thread_.joinable());
  stop(/*discard=*/false);
  Result<void> outcome = outcome_ ? sink_->finish() : outcome_;
  sink_.reset();
  return outcome;
}

void SinkThread::stop(bool discard) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    discard_ = discard;
    full_or_stopping_.notify_one();
  }
  thread_.join();
}

void SinkThread::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    full_or_stopping_.wait(lock, [&] { return !full_.empty() || stopping_; });
    if (full_.empty() || discard_) return;
    Full next = std::move(full_.front());
    full_.pop_front();
    lock.unlock();
    if (outcome_) outcome_ = sink_->append({next.buffer.get(), next.size});
    if (!outcome_) failed_.store(true, std::memory_order_relaxed);
    lock.lock();
    free_.push_back(std::move(next.buffer));
    free_again_.notify_one();
  }
}

}  // namespace tapeline::sinks
