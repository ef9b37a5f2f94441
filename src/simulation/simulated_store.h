#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "os/simulated/simulated_file_system.h"
#include "simulator/rng.h"
#include "stream/checkpoint_store.h"
#include "stream/checkpoint_writer.h"
#include "stream/memory/memory_checkpoint_store.h"

namespace tapeline::simulation {

// The checkpoints on the disk of a simulated machine. A commit survives the process at once and a loss of
// power once it is synced; before that, the last commits may be lost, as the port says.
class SimulatedStore final : public stream::CheckpointStore {
 public:
  SimulatedStore(os::SimulatedFileSystem& disk, std::uint64_t seed) : disk_(disk), rng_(seed) {}

  Result<void> commit(const stream::CheckpointBatch& batch) override;
  Result<void> sync() override;
  [[nodiscard]] Result<std::optional<stream::StoredManifest>> manifest(
      stream::KeyGroup group) const override {
    return now_.manifest(group);
  }
  [[nodiscard]] Result<std::vector<stream::StoredKey>> keys(stream::KeyGroup group) const override {
    return now_.keys(group);
  }
  Result<void> savepoint(const std::string& name) override { return now_.savepoint(name); }

  void lose_power();
  void set_failure_rate(double rate) { failure_rate_ = rate; }

  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  os::SimulatedFileSystem& disk_;
  simulator::Rng rng_;
  stream::MemoryCheckpointStore now_;
  stream::MemoryCheckpointStore synced_;
  std::vector<stream::CheckpointBatch> unsynced_;
  double failure_rate_ = 0;
  std::uint64_t commits_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t lost_ = 0;
};

// Takes its time to commit, as a thread does: the owner calls finish() when the time has come. What it has in
// hand when its process dies is lost.
class SimulatedCheckpointWriter final : public stream::CheckpointWriter {
 public:
  explicit SimulatedCheckpointWriter(stream::CheckpointStore& store) : store_(store) {}

  [[nodiscard]] bool is_free() const override { return !busy_; }
  void hand_over(stream::CheckpointBatch& batch) override {
    std::swap(batch_, batch);
    batch.clear();
    busy_ = true;
  }
  std::optional<Error> take_failure() override { return std::exchange(failure_, std::nullopt); }

  void finish();

 private:
  stream::CheckpointStore& store_;
  stream::CheckpointBatch batch_;
  bool busy_ = false;
  std::optional<Error> failure_;
};

}  // namespace tapeline::simulation
