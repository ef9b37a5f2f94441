#include "stream/memory/memory_checkpoint_store.h"

#include <fmt/format.h>

namespace tapeline::stream {

namespace {

std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Result<void> MemoryCheckpointStore::commit(const CheckpointBatch& batch) {
  const std::lock_guard lock(mutex_);
  if (failures_left_ > 0) {
    --failures_left_;
    return fail(ErrorCode::io, "the checkpoint could not be written: told to fail");
  }
  batch.for_each([&](const CheckpointBatch::Entry& entry) {
    switch (entry.kind) {
      case CheckpointBatch::Kind::key:
        content_.keys[{entry.group, entry.key}] = {entry.group, entry.key, entry.position,
                                                   copy_of(entry.content)};
        break;
      case CheckpointBatch::Kind::manifest:
        content_.manifests[entry.group] = {entry.position, copy_of(entry.content)};
        break;
      case CheckpointBatch::Kind::erase:
        std::erase_if(content_.keys, [&](const auto& stored) { return stored.first.first == entry.group; });
        content_.manifests.erase(entry.group);
        break;
    }
  });
  return {};
}

Result<std::optional<StoredManifest>> MemoryCheckpointStore::manifest(KeyGroup group) const {
  const std::lock_guard lock(mutex_);
  const auto found = content_.manifests.find(group);
  if (found == content_.manifests.end()) return std::nullopt;
  return found->second;
}

Result<std::vector<StoredKey>> MemoryCheckpointStore::keys(KeyGroup group) const {
  const std::lock_guard lock(mutex_);
  std::vector<StoredKey> keys;
  for (auto it = content_.keys.lower_bound({group, Locate{0}});
       it != content_.keys.end() && it->first.first == group; ++it)
    keys.push_back(it->second);
  return keys;
}

Result<void> MemoryCheckpointStore::savepoint(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (!savepoints_.emplace(name, content_).second)
    return fail(ErrorCode::usage, fmt::format("the savepoint {} exists: choose another name", name));
  return {};
}

MemoryCheckpointStore::Content MemoryCheckpointStore::content() const {
  const std::lock_guard lock(mutex_);
  return content_;
}

void MemoryCheckpointStore::replace(Content content) {
  const std::lock_guard lock(mutex_);
  content_ = std::move(content);
}

std::optional<MemoryCheckpointStore::Content> MemoryCheckpointStore::savepoint_content(
    const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = savepoints_.find(name);
  if (found == savepoints_.end()) return std::nullopt;
  return found->second;
}

void MemoryCheckpointStore::fail_next_commits(unsigned count) {
  const std::lock_guard lock(mutex_);
  failures_left_ = count;
}

}  // namespace tapeline::stream
