#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/result.h"
#include "stream/checkpoint_batch.h"
#include "stream/checkpoint_store.h"

namespace tapeline::stream {

// Commits the batches of one worker, who never waits for it: with one batch being filled and one being
// written, memory is bounded, and a worker who is faster than the store keeps its batch for later.
class CheckpointWriter {
 public:
  virtual ~CheckpointWriter() = default;

  // Whether hand_over() may be called.
  [[nodiscard]] virtual bool is_free() const = 0;
  // Takes what is in the batch and leaves an empty one.
  virtual void hand_over(CheckpointBatch& batch) = 0;
  // Why a batch was lost, once. Nothing was committed of it, nor of any batch since: the caller asks before
  // each hand_over(), which goes on anew.
  virtual std::optional<Error> take_failure() = 0;
};

// Commits at once, in the caller's thread: for simulation and tests.
class InlineCheckpointWriter final : public CheckpointWriter {
 public:
  explicit InlineCheckpointWriter(CheckpointStore& store) : store_(store) {}

  [[nodiscard]] bool is_free() const override { return true; }
  void hand_over(CheckpointBatch& batch) override;
  std::optional<Error> take_failure() override { return std::exchange(failure_, std::nullopt); }

 private:
  CheckpointStore& store_;
  std::optional<Error> failure_;
};

// Commits on a thread of its own. Destroyed, it first commits what it has taken.
class CheckpointThread final : public CheckpointWriter {
 public:
  // `prepare` is the first that the thread calls, if it is given: to name it and put it behind others.
  explicit CheckpointThread(CheckpointStore& store, std::function<void()> prepare = {});
  ~CheckpointThread() override;
  CheckpointThread(const CheckpointThread&) = delete;
  CheckpointThread& operator=(const CheckpointThread&) = delete;

  [[nodiscard]] bool is_free() const override { return free_.load(std::memory_order_acquire); }
  void hand_over(CheckpointBatch& batch) override;
  std::optional<Error> take_failure() override;

 private:
  void run();

  CheckpointStore& store_;
  std::atomic<bool> free_{true};
  std::mutex mutex_;
  std::condition_variable changed_;
  CheckpointBatch batch_;  // The thread's while not free.
  std::optional<Error> failure_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace tapeline::stream
