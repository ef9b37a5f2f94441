#include "simulation/simulated_store.h"

#include <utility>

#include "base/check.h"

namespace tapeline::simulation {

Result<void> SimulatedStore::commit(const stream::CheckpointBatch& batch) {
  using Change = os::SimulatedFileSystem::Change;
  if (failure_rate_ > 0 && rng_.chance(failure_rate_)) {
    ++failed_;
    return fail(ErrorCode::io, "the checkpoint could not be written (simulated)");
  }
  const Change fate = disk_.count_change();
  if (fate != Change::crashes_before) {
    CHECK(now_.commit(batch).has_value());
    unsynced_.push_back(batch);
    ++commits_;
  }
  if (fate == Change::goes_through) return {};
  return fail(ErrorCode::io, "the process has crashed (simulated)");
}

Result<void> SimulatedStore::sync() {
  using Change = os::SimulatedFileSystem::Change;
  const Change fate = disk_.count_change();
  if (fate != Change::crashes_before) {
    for (const stream::CheckpointBatch& batch : unsynced_) CHECK(synced_.commit(batch).has_value());
    unsynced_.clear();
  }
  if (fate == Change::goes_through) return {};
  return fail(ErrorCode::io, "the process has crashed (simulated)");
}

void SimulatedStore::lose_power() {
  const std::uint64_t kept = rng_.between(0, unsynced_.size());
  lost_ += unsynced_.size() - kept;
  for (std::uint64_t i = 0; i < kept; ++i) CHECK(synced_.commit(unsynced_[i]).has_value());
  unsynced_.clear();
  now_.replace(synced_.content());
}

void SimulatedCheckpointWriter::finish() {
  if (!busy_) return;
  busy_ = false;
  if (const Result<void> done = store_.commit(batch_); !done) failure_ = done.error();
  batch_.clear();
}

}  // namespace tapeline::simulation
