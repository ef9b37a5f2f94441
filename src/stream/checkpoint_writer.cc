#include "stream/checkpoint_writer.h"

#include <utility>

#include "base/check.h"

namespace tapeline::stream {

void InlineCheckpointWriter::hand_over(CheckpointBatch& batch) {
  if (const Result<void> done = store_.commit(batch); !done) failure_ = done.error();
  batch.clear();
}

CheckpointThread::CheckpointThread(CheckpointStore& store, std::function<void()> prepare)
    : store_(store), thread_([this, prepare = std::move(prepare)] {
        if (prepare) prepare();
        run();
      }) {}

CheckpointThread::~CheckpointThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void CheckpointThread::hand_over(CheckpointBatch& batch) {
  CHECK(is_free());
  {
    const std::lock_guard lock(mutex_);
    std::swap(batch, batch_);
    free_.store(false, std::memory_order_relaxed);
  }
  changed_.notify_one();
}

std::optional<Error> CheckpointThread::take_failure() {
  const std::lock_guard lock(mutex_);
  return std::exchange(failure_, std::nullopt);
}

void CheckpointThread::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || !is_free(); });
    if (is_free()) return;
    lock.unlock();
    Result<void> done = store_.commit(batch_);
    batch_.clear();
    lock.lock();
    if (!done) failure_ = std::move(done.error());
    free_.store(true, std::memory_order_release);
  }
}

}  // namespace tapeline::stream
