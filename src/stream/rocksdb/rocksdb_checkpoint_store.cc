#include "stream/rocksdb/rocksdb_checkpoint_store.h"

#include <cstring>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include "base/bytes.h"

namespace tapeline::stream {

namespace {

// On disk: "h" is {format version u32, 0 u32, layout u64}; "m" + group u16 BE is {replay_from u64, content};
// "k" + group u16 BE + key u16 BE is {saved_at u64, state}. Integers in values as they lie in memory.
constexpr std::uint32_t format_version = 1;
constexpr std::string_view header_key = "h";

struct StoreHeader {
  std::uint32_t version;
  std::uint32_t reserved;
  std::uint64_t layout;
  friend bool operator==(const StoreHeader&, const StoreHeader&) = default;
};
static_assert(sizeof(StoreHeader) == 16);

using KeyBytes = std::array<char, 5>;

rocksdb::Slice encode_key(KeyBytes& to, char kind, KeyGroup group, std::optional<Locate> key = {}) {
  auto* bytes = reinterpret_cast<std::byte*>(to.data());
  to[0] = kind;
  store_be(bytes + 1, raw(group));
  if (!key) return {to.data(), 3};
  store_be(bytes + 3, raw(*key));
  return {to.data(), 5};
}

rocksdb::Slice slice_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
rocksdb::Slice slice_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

Result<void> checked(const rocksdb::Status& status, std::string_view what, const std::string& folder) {
  if (status.ok()) return {};
  const std::string_view remedy =
      status.IsNoSpace()
          ? "make room on the disk; checkpoints go on by themselves"
          : (status.IsCorruption()
                 ? "remove the folder to start from the log's beginning"
                 : "check that the folder can be written and that no other program has it open");
  return fail(status.IsCorruption() ? ErrorCode::corrupt : ErrorCode::io,
              fmt::format("{} in the checkpoint store {}: {}; {}", what, folder, status.ToString(), remedy));
}

// A value is a position and bytes. Nothing where it is too short to be one.
std::optional<std::pair<Position, std::vector<std::byte>>> parse_value(const rocksdb::Slice& value) {
  std::uint64_t position = 0;
  if (value.size() < sizeof position) return std::nullopt;
  std::memcpy(&position, value.data(), sizeof position);
  const auto* bytes = reinterpret_cast<const std::byte*>(value.data());
  return std::pair(Position{position}, std::vector(bytes + sizeof position, bytes + value.size()));
}

class RocksdbCheckpointStore final : public CheckpointStore {
 public:
  RocksdbCheckpointStore(std::string folder, std::unique_ptr<rocksdb::DB> db, bool sync)
      : folder_(std::move(folder)), db_(std::move(db)) {
    write_options_.sync = sync;
  }

  Result<void> commit(const CheckpointBatch& batch) override {
    rocksdb::WriteBatch writes(batch.size_bytes());
    rocksdb::Status status;
    batch.for_each([&](const CheckpointBatch::Entry& entry) {
      if (status.ok()) status = add(writes, entry);
    });
    if (status.ok()) status = db_->Write(write_options_, &writes);
    return checked(status, "could not commit", folder_);
  }

  Result<void> sync() override { return checked(db_->SyncWAL(), "could not sync", folder_); }

  [[nodiscard]] Result<std::optional<StoredManifest>> manifest(KeyGroup group) const override {
    KeyBytes bytes;
    std::string value;
    const rocksdb::Status status = db_->Get({}, encode_key(bytes, 'm', group), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (Result<void> read = checked(status, "could not read a manifest", folder_); !read)
      return std::unexpected(read.error());
    auto parsed = parse_value(value);
    if (!parsed) return damaged();
    return StoredManifest{parsed->first, std::move(parsed->second)};
  }

  [[nodiscard]] Result<std::vector<StoredKey>> keys(KeyGroup group) const override {
    KeyBytes bytes;
    const rocksdb::Slice prefix = encode_key(bytes, 'k', group);
    std::vector<StoredKey> keys;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
      auto parsed = parse_value(at->value());
      if (!parsed || at->key().size() != bytes.size()) return damaged();
      const Locate key{load_be<std::uint16_t>(reinterpret_cast<const std::byte*>(at->key().data()) + 3)};
      keys.push_back({group, key, parsed->first, std::move(parsed->second)});
    }
    if (Result<void> read = checked(at->status(), "could not read states", folder_); !read)
      return std::unexpected(read.error());
    return keys;
  }

  Result<void> savepoint(const std::string& name) override {
    if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos)
      return fail(ErrorCode::usage,
                  fmt::format("'{}' cannot name a savepoint: use letters, digits and dashes", name));
    const std::string parent = folder_ + ".savepoints";
    rocksdb::Status status = db_->GetEnv()->CreateDirIfMissing(parent);
    const std::string path = parent + "/" + name;
    if (status.ok() && db_->GetEnv()->FileExists(path).ok())
      return fail(ErrorCode::usage, fmt::format("the savepoint {} exists: choose another name", path));
    rocksdb::Checkpoint* raw_checkpoint = nullptr;
    if (status.ok()) status = rocksdb::Checkpoint::Create(db_.get(), &raw_checkpoint);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw_checkpoint);
    if (status.ok()) status = checkpoint->CreateCheckpoint(path);
    return checked(status, "could not make a savepoint", folder_);
  }

 private:
  static rocksdb::Status add(rocksdb::WriteBatch& writes, const CheckpointBatch::Entry& entry) {
    KeyBytes bytes;
    if (entry.kind == CheckpointBatch::Kind::erase) {
      KeyBytes end;
      if (rocksdb::Status status = writes.Delete(encode_key(bytes, 'm', entry.group)); !status.ok())
        return status;
      // The end of the range lies behind the last key of the group: of the group after it, there is none.
      return writes.DeleteRange(
          encode_key(bytes, 'k', entry.group, Locate{0}),
          encode_key(end, 'k', KeyGroup{static_cast<std::uint16_t>(raw(entry.group) + 1)}));
    }
    const std::array<rocksdb::Slice, 2> value{slice_of(entry.position), slice_of(entry.content)};
    const bool is_key = entry.kind == CheckpointBatch::Kind::key;
    const rocksdb::Slice key =
        encode_key(bytes, is_key ? 'k' : 'm', entry.group, is_key ? std::optional(entry.key) : std::nullopt);
    return writes.Put(rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(value.data(), value.size()));
  }

  [[nodiscard]] std::unexpected<Error> damaged() const {
    return fail(ErrorCode::corrupt,
                fmt::format("the checkpoint store {} holds a value that is none; remove the folder to start "
                            "from the log's beginning",
                            folder_));
  }

  std::string folder_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteOptions write_options_;
};

// For small values that are overwritten all the time: what is old dies in the memtable or in the first
// compaction, so nothing is compressed. The machine belongs to the workers: one thread in the background for
// flushing, one for compacting, slowed down.
rocksdb::Options rocksdb_options(const RocksdbOptions& options) {
  rocksdb::Options result;
  result.create_if_missing = true;
  result.compression = rocksdb::kNoCompression;
  result.write_buffer_size = options.memtable_bytes;
  result.max_write_buffer_number = 2;
  result.max_total_wal_size = 2 * options.memtable_bytes;
  result.max_background_jobs = 2;
  result.rate_limiter.reset(
      rocksdb::NewGenericRateLimiter(static_cast<std::int64_t>(options.compaction_bytes_per_second)));
  result.max_open_files = 64;
  result.keep_log_file_num = 2;
  result.max_log_file_size = 1 << 20;
  result.info_log_level = rocksdb::WARN_LEVEL;
  result.stats_dump_period_sec = 0;
  result.stats_persist_period_sec = 0;
  for (const auto pool : {rocksdb::Env::Priority::LOW, rocksdb::Env::Priority::HIGH})
    result.env->LowerThreadPoolCPUPriority(pool);
  // A torn tail is what a crash leaves; the commits before it are whole.
  result.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
  table.cache_index_and_filter_blocks = true;
  result.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return result;
}

// Whether this program can read the store; a new one is given its header.
Result<void> check_header(rocksdb::DB& db, const RocksdbOptions& options, const std::string& folder) {
  const StoreHeader wanted{format_version, 0, options.layout};
  std::string value;
  const rocksdb::Status status = db.Get({}, rocksdb::Slice(header_key), &value);
  if (status.IsNotFound()) {
    rocksdb::WriteOptions write;
    write.sync = true;
    return checked(db.Put(write, rocksdb::Slice(header_key), slice_of(wanted)), "could not start", folder);
  }
  if (Result<void> read = checked(status, "could not read the header", folder); !read) return read;
  StoreHeader found{};
  if (value.size() == sizeof found) std::memcpy(&found, value.data(), sizeof found);
  if (found == wanted) return {};
  return fail(ErrorCode::unsupported,
              "it was written by another version of the program or with other settings");
}

Result<std::unique_ptr<rocksdb::DB>> open_database(const std::string& folder, const RocksdbOptions& options) {
  rocksdb::DB* raw_db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(rocksdb_options(options), folder, &raw_db);
  std::unique_ptr<rocksdb::DB> db(raw_db);
  // A damaged manifest is reported as an invalid argument at times, a missing file as an input-output error.
  if (!status.ok() && !status.IsBusy() && !status.IsNoSpace() &&
      (status.IsCorruption() || status.IsInvalidArgument() || status.IsPathNotFound() ||
       status.IsNotFound() || status.IsIncomplete()))
    return fail(ErrorCode::corrupt, status.ToString());
  if (Result<void> opened = checked(status, "could not open", folder); !opened)
    return std::unexpected(opened.error());
  if (Result<void> known = check_header(*db, options, folder); !known) return std::unexpected(known.error());
  return db;
}

}  // namespace

Result<OpenedCheckpointStore> open_rocksdb_checkpoint_store(const std::string& folder,
                                                            const RocksdbOptions& options) {
  OpenedCheckpointStore opened;
  Result<std::unique_ptr<rocksdb::DB>> db = open_database(folder, options);
  if (!db && (db.error().code == ErrorCode::corrupt || db.error().code == ErrorCode::unsupported)) {
    const std::string aside = folder + ".unusable";
    opened.warning = fmt::format(
        "the checkpoints in {} cannot be used ({}); the state is built anew from the log's beginning, and "
        "the "
        "folder is kept as {}",
        folder, db.error().message, aside);
    rocksdb::DestroyDB(aside, rocksdb::Options()).PermitUncheckedError();
    if (Result<void> moved =
            checked(rocksdb::Env::Default()->RenameFile(folder, aside), "could not move aside", folder);
        !moved)
      return std::unexpected(moved.error());
    db = open_database(folder, options);
  }
  if (!db) return std::unexpected(db.error());
  opened.store = std::make_unique<RocksdbCheckpointStore>(folder, std::move(*db), options.sync);
  return opened;
}

Result<void> restore_rocksdb_savepoint(const std::string& savepoint, const std::string& folder) {
  rocksdb::Env& env = *rocksdb::Env::Default();
  if (!env.FileExists(savepoint + "/CURRENT").ok())
    return fail(ErrorCode::not_found, fmt::format("there is no savepoint in {}", savepoint));
  if (env.FileExists(folder).ok())
    return fail(ErrorCode::usage,
                fmt::format("{} is there already: move it away to start from the savepoint", folder));
  rocksdb::DB* raw_db = nullptr;
  rocksdb::Options options;
  options.info_log_level = rocksdb::WARN_LEVEL;
  rocksdb::Status status = rocksdb::DB::Open(options, savepoint, &raw_db);
  const std::unique_ptr<rocksdb::DB> db(raw_db);
  rocksdb::Checkpoint* raw_checkpoint = nullptr;
  if (status.ok()) status = rocksdb::Checkpoint::Create(db.get(), &raw_checkpoint);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw_checkpoint);
  if (status.ok()) status = checkpoint->CreateCheckpoint(folder);
  return checked(status, "could not copy the savepoint", savepoint);
}

}  // namespace tapeline::stream
