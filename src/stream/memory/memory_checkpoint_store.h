#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "stream/checkpoint_store.h"

namespace tapeline::stream {

// A checkpoint store in memory, for tests and simulation. Its content outlives it where the owner keeps it:
// that is what a crash leaves, since a commit is there whole or not at all.
class MemoryCheckpointStore final : public CheckpointStore {
 public:
  struct Content {
    std::map<std::pair<KeyGroup, Locate>, StoredKey> keys;
    std::map<KeyGroup, StoredManifest> manifests;
  };

  MemoryCheckpointStore() = default;
  explicit MemoryCheckpointStore(Content content) : content_(std::move(content)) {}

  Result<void> commit(const CheckpointBatch& batch) override;
  Result<void> sync() override { return {}; }
  [[nodiscard]] Result<std::optional<StoredManifest>> manifest(KeyGroup group) const override;
  [[nodiscard]] Result<std::vector<StoredKey>> keys(KeyGroup group) const override;
  Result<void> savepoint(const std::string& name) override;

  [[nodiscard]] Content content() const;
  void replace(Content content);
  [[nodiscard]] std::optional<Content> savepoint_content(const std::string& name) const;

  // The next commits fail and change nothing, as on a full disk.
  void fail_next_commits(unsigned count);

 private:
  mutable std::mutex mutex_;
  Content content_;
  std::map<std::string, Content> savepoints_;
  unsigned failures_left_ = 0;
};

}  // namespace tapeline::stream
