#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "market/types.h"
#include "stream/checkpoint_batch.h"
#include "stream/key_groups.h"
#include "stream/position.h"

namespace tapeline::stream {

struct StoredKey {
  KeyGroup group;
  Locate key;
  Position saved_at;
  std::vector<std::byte> state;
};

struct StoredManifest {
  Position replay_from;
  std::vector<std::byte> content;
};

// Keeps the latest state of each key and the latest manifest of each key group. One for all workers, who
// commit to groups of their own. Any thread may call anything.
//
// It may lose the last commits in a crash of the machine, never the middle or a part of one: the log is the
// truth, and an older state is brought up to date from it.
class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;

  // All or nothing, and behind every earlier commit.
  virtual Result<void> commit(const CheckpointBatch& batch) = 0;

  // What has been committed survives a crash of the machine when this returns.
  virtual Result<void> sync() = 0;

  [[nodiscard]] virtual Result<std::optional<StoredManifest>> manifest(KeyGroup group) const = 0;
  // The keys of a group in increasing order.
  [[nodiscard]] virtual Result<std::vector<StoredKey>> keys(KeyGroup group) const = 0;

  // Keeps what is there now under a name, whatever is committed later. Fails if the name is taken.
  virtual Result<void> savepoint(const std::string& name) = 0;
};

}  // namespace tapeline::stream
