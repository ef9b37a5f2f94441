#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "os/file_system.h"

namespace tapeline::os {

// How often a call fails, from 0 to 1.
struct FaultRates {
  double read_fails = 0;
  double write_fails = 0;    // Nothing is written.
  double write_is_torn = 0;  // A random part is written, then the call fails.
  double sync_fails = 0;
};

// Files in memory that fail as disks do. The same seed and calls give the same faults, so a failure can be
// seen again. After a crash every file and lock that was open is dead, as its process is: its calls fail.
class SimulatedFileSystem final : public FileSystem {
 public:
  explicit SimulatedFileSystem(std::uint64_t seed) : random_(seed) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<void> make_folder(const std::string& folder) override;
  Result<void> sync_folder(const std::string& folder) override;
  Result<std::uint64_t> free_bytes(const std::string& folder) override;

  void set_fault_rates(const FaultRates& rates);
  // The size of the disk. Writes that do not fit write what does and fail.
  void set_capacity(std::uint64_t bytes);
  // The next write that would take its file system beyond `bytes` more written bytes stops there and fails;
  // later ones succeed again.
  void fail_write_after(std::uint64_t bytes);
  void fail_next_sync();

  // The process dies: everything it wrote is still there.
  void crash_process();
  // The process dies in the middle of its work: at the so-many-th call from now on, counted from 1, that
  // changes anything on the disk or syncs it. By chance that call is done, not done, or, of a write, done in
  // part. Every call fails from then on, until restart().
  void crash_at_change(std::uint64_t calls);
  // Counts as such a call: for other things that live on this machine's disk.
  enum class Change : std::uint8_t { goes_through, crashes_before, crashes_behind };
  [[nodiscard]] Change count_change();
  [[nodiscard]] bool has_crashed() const;
  // Another process may begin; a crash that is still ahead is called off, as call_off_crash() does.
  void restart();
  void call_off_crash();
  // The machine dies: per file what was synced stays, with a random first part of what was written since; the
  // last of that may be torn, and pages of it may be zeros. Likewise a random first part of the changes of
  // names in each folder since it was synced.
  void lose_power();

  [[nodiscard]] std::uint64_t used() const;  // Bytes of the disk.

  // For tests that look at and damage bytes behind everyone's back. The file must be there.
  [[nodiscard]] std::vector<std::byte> content(const std::string& path) const;
  void set_content(const std::string& path, std::vector<std::byte> bytes);
  // Removes every file, whether it was synced or not.
  void lose_everything();

  [[nodiscard]] std::uint64_t write_calls() const;
  [[nodiscard]] std::uint64_t read_calls() const;
  [[nodiscard]] std::uint64_t sync_calls() const;
  // Calls that failed because the rates, the capacity or a crash said so.
  [[nodiscard]] std::uint64_t failed_calls() const;

 private:
  class OpenFile;
  class HeldLock;

  // What a write or a truncation since the last sync replaced.
  struct Undo {
    std::uint64_t position;
    std::uint64_t written;  // Bytes; 0 of a truncation.
    std::uint64_t old_size;
    std::vector<std::byte> old_bytes;  // From `position` on.
  };
  struct Node {
    std::vector<std::byte> bytes;
    std::uint64_t reserved = 0;
    std::vector<Undo> unsynced;
    bool named = true;
  };
  using NodePtr = std::shared_ptr<Node>;
  // What the names stood for before a change; null: for nothing.
  using NameUndo = std::vector<std::pair<std::string, NodePtr>>;

  [[nodiscard]] std::unexpected<Error> failure(std::string_view what, const std::string& path,
                                               std::string_view why);
  // Whether a file or lock of that process may still be used.
  [[nodiscard]] bool is_alive(std::uint64_t generation) const { return !dead_ && generation == generation_; }
  [[nodiscard]] Change next_change();
  // Runs `change` unless the process dies before it; a failure where it is dead afterwards.
  template <class F>
  Result<void> make_change(std::string_view what, const std::string& path, F&& change);
  void die();
  bool happens(double rate);
  std::uint64_t below(std::uint64_t end);
  [[nodiscard]] std::uint64_t used_bytes() const;
  void set_name(const std::string& path, const NodePtr& node);
  void change_names(const std::string& folder, NameUndo undo);
  Result<void> write(Node& node, const std::string& path, std::uint64_t position,
                     std::span<const Bytes> pieces);
  void put(Node& node, std::uint64_t position, std::span<const std::byte> bytes);
  void truncate(Node& node, std::uint64_t size);
  void lose_unsynced(Node& node);
  static void undo_last(Node& node);

  mutable std::mutex mutex_;  // Over everything below.
  std::mt19937_64 random_;
  FaultRates rates_;
  std::uint64_t capacity_ = std::numeric_limits<std::uint64_t>::max();
  std::optional<std::uint64_t> fail_write_after_;
  bool fail_next_sync_ = false;
  std::uint64_t generation_ = 0;  // Of the process.
  bool dead_ = false;             // And nobody has started another one.
  std::optional<std::uint64_t> changes_left_;
  std::uint64_t failed_calls_ = 0;
  std::map<std::string, NodePtr> names_;
  std::map<std::string, std::vector<NameUndo>> unsynced_names_;  // By folder.
  std::set<std::string> folders_;
  std::set<std::string> locked_;
  std::uint64_t write_calls_ = 0;
  mutable std::uint64_t read_calls_ = 0;
  std::uint64_t sync_calls_ = 0;
};

}  // namespace tapeline::os
