#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "stream/checkpoint_store.h"

namespace tapeline::stream {

struct RocksdbOptions {
  // What the bytes of states mean: the same number only where the program, its structs, the operators and
  // their settings are the same. A store of another layout cannot be read.
  std::uint64_t layout = 0;
  // Wait for the disk at each commit. Without, a crash of the machine may lose the last commits, a crash of
  // the process none.
  bool sync = false;
  std::size_t memtable_bytes = std::size_t{32} << 20;  // Two of them at most.
  std::size_t cache_bytes = std::size_t{16} << 20;
  std::uint64_t compaction_bytes_per_second = std::uint64_t{64} << 20;
};

struct OpenedCheckpointStore {
  std::unique_ptr<CheckpointStore> store;
  // Empty, or why the store starts without any state although its folder was there, and what that means.
  std::string warning;
};

// Opens the store in `folder`, or makes it. One that is damaged or of another layout is moved aside to
// FOLDER.unusable, replacing what is there, and the store starts empty: the log has all that is needed.
// Savepoints are folders under FOLDER.savepoints.
[[nodiscard]] Result<OpenedCheckpointStore> open_rocksdb_checkpoint_store(const std::string& folder,
                                                                          const RocksdbOptions& options);

// Makes `folder`, which must not be there, a copy of a savepoint (by hard links, where the disk is the same):
// opened next, it starts from there. The savepoint stays.
[[nodiscard]] Result<void> restore_rocksdb_savepoint(const std::string& savepoint, const std::string& folder);

}  // namespace tapeline::stream
