#include "os/simulated/simulated_file_system.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "base/check.h"

namespace tapeline::os {

namespace {

constexpr std::uint64_t page_size = 4096;
constexpr double damage_rate = 0.25;  // Of the files that a power loss catches unsynced.

std::unexpected<Error> missing(std::string_view what, const std::string& path) {
  return fail(ErrorCode::not_found,
              fmt::format("cannot {} {}: No such file or directory; check the path", what, path));
}

constexpr std::string_view crashed = "the process has crashed";

}  // namespace

std::unexpected<Error> SimulatedFileSystem::failure(std::string_view what, const std::string& path,
                                                    std::string_view why) {
  ++failed_calls_;
  return fail(ErrorCode::io, fmt::format("cannot {} {}: {} (simulated)", what, path, why));
}

void SimulatedFileSystem::die() {
  dead_ = true;
  changes_left_.reset();
  ++generation_;
  locked_.clear();
}

SimulatedFileSystem::Change SimulatedFileSystem::next_change() {
  if (!changes_left_ || --*changes_left_ > 0) return Change::goes_through;
  return below(2) == 0 ? Change::crashes_before : Change::crashes_behind;
}

template <class F>
Result<void> SimulatedFileSystem::make_change(std::string_view what, const std::string& path, F&& change) {
  const Change fate = next_change();
  if (fate != Change::crashes_before) change();
  if (fate == Change::goes_through) return {};
  die();
  return failure(what, path, crashed);
}

class SimulatedFileSystem::OpenFile final : public File {
 public:
  OpenFile(SimulatedFileSystem& files, NodePtr node, std::string path)
      : files_(files), node_(std::move(node)), path_(std::move(path)), generation_(files.generation_) {}

  Result<std::size_t> read_at(std::uint64_t position, std::span<std::byte> into) const override {
    const std::lock_guard lock(files_.mutex_);
    ++files_.read_calls_;
    if (!files_.is_alive(generation_)) return files_.failure("read", path_, crashed);
    if (files_.happens(files_.rates_.read_fails)) return files_.failure("read", path_, "Input/output error");
    const std::uint64_t size = node_->bytes.size();
    const std::size_t got = std::min<std::uint64_t>(into.size(), size - std::min(position, size));
    std::copy_n(node_->bytes.begin() + static_cast<std::ptrdiff_t>(std::min(position, size)), got,
                into.begin());
    return got;
  }

  Result<void> write_at(std::uint64_t position, std::span<const Bytes> pieces) override {
    const std::lock_guard lock(files_.mutex_);
    if (!files_.is_alive(generation_)) return files_.failure("write", path_, crashed);
    return files_.write(*node_, path_, position, pieces);
  }

  [[nodiscard]] Result<FileStatus> status() const override {
    const std::lock_guard lock(files_.mutex_);
    if (!files_.is_alive(generation_)) return files_.failure("look at", path_, crashed);
    return FileStatus{node_->bytes.size(), !node_->named};
  }

  Result<void> sync() override {
    const std::lock_guard lock(files_.mutex_);
    ++files_.sync_calls_;
    if (!files_.is_alive(generation_)) return files_.failure("sync", path_, crashed);
    if (std::exchange(files_.fail_next_sync_, false) || files_.happens(files_.rates_.sync_fails))
      return files_.failure("sync", path_, "Input/output error");
    return files_.make_change("sync", path_, [&] { node_->unsynced.clear(); });
  }

  Result<void> truncate(std::uint64_t size) override {
    const std::lock_guard lock(files_.mutex_);
    if (!files_.is_alive(generation_)) return files_.failure("truncate", path_, crashed);
    return files_.make_change("truncate", path_, [&] { files_.truncate(*node_, size); });
  }

  Result<void> preallocate(std::uint64_t size) override {
    const std::lock_guard lock(files_.mutex_);
    if (!files_.is_alive(generation_)) return files_.failure("claim room for", path_, crashed);
    const std::uint64_t has = std::max<std::uint64_t>(node_->reserved, node_->bytes.size());
    if (size > has && files_.used_bytes() + (size - has) > files_.capacity_)
      return files_.failure("claim room for", path_, "No space left on device");
    return files_.make_change("claim room for", path_,
                              [&] { node_->reserved = std::max(node_->reserved, size); });
  }

 private:
  SimulatedFileSystem& files_;
  NodePtr node_;
  std::string path_;
  std::uint64_t generation_;
};

class SimulatedFileSystem::HeldLock final : public FileLock {
 public:
  HeldLock(SimulatedFileSystem& files, std::string path)
      : files_(files), path_(std::move(path)), generation_(files.generation_) {}
  ~HeldLock() override {
    const std::lock_guard lock(files_.mutex_);
    if (files_.is_alive(generation_)) files_.locked_.erase(path_);
  }

 private:
  SimulatedFileSystem& files_;
  std::string path_;
  std::uint64_t generation_;
};

bool SimulatedFileSystem::happens(double rate) {
  // Without a draw where nothing can happen, so that a fault that is off does not move the others.
  return rate > 0 && static_cast<double>(random_() >> 11) * 0x1p-53 < rate;
}

std::uint64_t SimulatedFileSystem::below(std::uint64_t end) {
  return end == 0 ? 0 : random_() % end;
}

std::uint64_t SimulatedFileSystem::used_bytes() const {
  std::uint64_t used = 0;
  for (const auto& [path, node] : names_) used += std::max<std::uint64_t>(node->bytes.size(), node->reserved);
  return used;
}

void SimulatedFileSystem::set_name(const std::string& path, const NodePtr& node) {
  if (const auto found = names_.find(path); found != names_.end()) found->second->named = false;
  if (node == nullptr) {
    names_.erase(path);
    return;
  }
  names_[path] = node;
  node->named = true;
}

void SimulatedFileSystem::change_names(const std::string& folder, NameUndo undo) {
  unsynced_names_[folder].push_back(std::move(undo));
}

Result<void> SimulatedFileSystem::write(Node& node, const std::string& path, std::uint64_t position,
                                        std::span<const Bytes> pieces) {
  ++write_calls_;
  if (happens(rates_.write_fails)) return failure("write", path, "Input/output error");
  std::vector<std::byte> bytes;
  for (const Bytes& piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  std::string_view why;
  if (fail_write_after_) {
    if (bytes.size() > *fail_write_after_) {
      bytes.resize(*fail_write_after_);
      fail_write_after_.reset();
      why = "Input/output error";
    } else {
      *fail_write_after_ -= bytes.size();
    }
  } else if (happens(rates_.write_is_torn)) {
    bytes.resize(below(bytes.size()));
    why = "Input/output error";
  }
  if (capacity_ != std::numeric_limits<std::uint64_t>::max()) {
    const std::uint64_t has = std::max<std::uint64_t>(node.reserved, node.bytes.size());
    const std::uint64_t end_limit = has + (capacity_ - std::min(capacity_, used_bytes()));
    if (position + bytes.size() > end_limit) {
      bytes.resize(end_limit - std::min(end_limit, position));
      why = "No space left on device";
    }
  }
  const Change fate = next_change();
  if (fate == Change::crashes_before) bytes.resize(below(bytes.size() + 1));
  put(node, position, bytes);
  if (fate != Change::goes_through) {
    die();
    why = crashed;
  }
  if (!why.empty()) return failure("write", path, why);
  return {};
}

void SimulatedFileSystem::put(Node& node, std::uint64_t position, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::uint64_t old_size = node.bytes.size();
  const std::uint64_t end = position + bytes.size();
  Undo undo{position, bytes.size(), old_size, {}};
  if (position < old_size)
    undo.old_bytes.assign(node.bytes.begin() + static_cast<std::ptrdiff_t>(position),
                          node.bytes.begin() + static_cast<std::ptrdiff_t>(std::min(end, old_size)));
  node.unsynced.push_back(std::move(undo));
  if (end > old_size) node.bytes.resize(end);
  std::ranges::copy(bytes, node.bytes.begin() + static_cast<std::ptrdiff_t>(position));
}

void SimulatedFileSystem::truncate(Node& node, std::uint64_t size) {
  node.reserved = 0;
  Undo undo{size, 0, node.bytes.size(), {}};
  if (size < node.bytes.size())
    undo.old_bytes.assign(node.bytes.begin() + static_cast<std::ptrdiff_t>(size), node.bytes.end());
  node.unsynced.push_back(std::move(undo));
  node.bytes.resize(size);
}

void SimulatedFileSystem::undo_last(Node& node) {
  const Undo& undo = node.unsynced.back();
  node.bytes.resize(undo.old_size);
  std::ranges::copy(undo.old_bytes, node.bytes.begin() + static_cast<std::ptrdiff_t>(undo.position));
  node.unsynced.pop_back();
}

void SimulatedFileSystem::lose_unsynced(Node& node) {
  node.reserved = 0;
  if (node.unsynced.empty()) return;
  const std::uint64_t had_size = node.bytes.size();
  std::uint64_t synced_size = had_size;
  for (const Undo& undo : node.unsynced) synced_size = std::min(synced_size, undo.old_size);
  const std::uint64_t kept = below(node.unsynced.size() + 1);
  while (node.unsynced.size() > kept + 1) undo_last(node);
  if (node.unsynced.size() == kept + 1) {
    const Undo& torn = node.unsynced.back();
    const std::uint64_t position = torn.position;
    const std::uint64_t size = below(torn.written + 1);
    const auto from = node.bytes.begin() + static_cast<std::ptrdiff_t>(position);
    const std::vector<std::byte> part(from, from + static_cast<std::ptrdiff_t>(size));
    undo_last(node);
    if (position + size > node.bytes.size()) node.bytes.resize(position + size);
    std::ranges::copy(part, node.bytes.begin() + static_cast<std::ptrdiff_t>(position));
  }
  // The size may reach the disk before the bytes do, and pages reach it in any order.
  if (had_size > node.bytes.size() && happens(damage_rate))
    node.bytes.resize(node.bytes.size() + below(had_size - node.bytes.size() + 1));
  if (node.bytes.size() > synced_size && happens(damage_rate)) {
    const std::uint64_t hole = synced_size + below(node.bytes.size() - synced_size);
    const std::uint64_t end = std::min<std::uint64_t>((hole / page_size + 1) * page_size, node.bytes.size());
    const std::uint64_t begin = std::max(hole / page_size * page_size, synced_size);
    std::fill(node.bytes.begin() + static_cast<std::ptrdiff_t>(begin),
              node.bytes.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
  }
  node.unsynced.clear();
}

Result<std::unique_ptr<File>> SimulatedFileSystem::open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(mutex_);
  if (dead_) return failure("open", path, crashed);
  const auto found = names_.find(path);
  if (found != names_.end()) {
    const NodePtr node = found->second;
    if (mode == OpenMode::create)
      if (Result<void> done = make_change("open", path, [&] { truncate(*node, 0); }); !done)
        return std::unexpected(done.error());
    return std::make_unique<OpenFile>(*this, node, path);
  }
  if (mode == OpenMode::read || !folders_.contains(folder_of(path))) return missing("open", path);
  const auto node = std::make_shared<Node>();
  const Result<void> done = make_change("open", path, [&] {
    change_names(folder_of(path), {{path, nullptr}});
    set_name(path, node);
  });
  if (!done) return std::unexpected(done.error());
  return std::make_unique<OpenFile>(*this, node, path);
}

Result<std::unique_ptr<FileLock>> SimulatedFileSystem::lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (dead_) return failure("open", path, crashed);
  if (!folders_.contains(folder_of(path))) return missing("open", path);
  if (!locked_.insert(path).second)
    return fail(ErrorCode::unsupported, fmt::format("{} is held by another writer; stop it first", path));
  if (!names_.contains(path)) {
    change_names(folder_of(path), {{path, nullptr}});
    set_name(path, std::make_shared<Node>());
  }
  return std::make_unique<HeldLock>(*this, path);
}

Result<void> SimulatedFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (dead_) return failure("remove", path, crashed);
  const auto found = names_.find(path);
  if (found == names_.end()) return {};
  return make_change("remove", path, [&] {
    change_names(folder_of(path), {{path, found->second}});
    set_name(path, nullptr);
  });
}

Result<void> SimulatedFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  if (dead_) return failure("rename", from, crashed);
  CHECK(folder_of(from) == folder_of(to));
  const auto found = names_.find(from);
  if (found == names_.end()) return missing("rename", from);
  if (from == to) return {};
  const NodePtr node = found->second;
  const auto replaced = names_.find(to);
  return make_change("rename", from, [&] {
    change_names(folder_of(from),
                 {{from, node}, {to, replaced == names_.end() ? nullptr : replaced->second}});
    set_name(from, nullptr);
    set_name(to, node);
  });
}

Result<std::vector<std::string>> SimulatedFileSystem::list(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  if (dead_) return failure("list", folder, crashed);
  if (!folders_.contains(folder)) return missing("list", folder);
  std::vector<std::string> entries;
  const auto add = [&](const std::string& path) {
    if (folder_of(path) == folder && path != folder) entries.push_back(path.substr(path.rfind('/') + 1));
  };
  for (const auto& [path, node] : names_) add(path);
  for (const std::string& path : folders_) add(path);
  std::ranges::sort(entries);
  return entries;
}

Result<void> SimulatedFileSystem::make_folder(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  if (dead_) return failure("make", folder, crashed);
  for (std::string at = folder; folders_.insert(at).second && folder_of(at) != at;) at = folder_of(at);
  return {};
}

Result<void> SimulatedFileSystem::sync_folder(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  ++sync_calls_;
  if (dead_) return failure("sync", folder, crashed);
  if (!folders_.contains(folder)) return missing("sync", folder);
  if (std::exchange(fail_next_sync_, false) || happens(rates_.sync_fails))
    return failure("sync", folder, "Input/output error");
  return make_change("sync", folder, [&] { unsynced_names_.erase(folder); });
}

Result<std::uint64_t> SimulatedFileSystem::free_bytes(const std::string&) {
  const std::lock_guard lock(mutex_);
  return capacity_ - std::min(capacity_, used_bytes());
}

void SimulatedFileSystem::set_fault_rates(const FaultRates& rates) {
  const std::lock_guard lock(mutex_);
  rates_ = rates;
}

void SimulatedFileSystem::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

void SimulatedFileSystem::fail_write_after(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  fail_write_after_ = bytes;
}

void SimulatedFileSystem::fail_next_sync() {
  const std::lock_guard lock(mutex_);
  fail_next_sync_ = true;
}

void SimulatedFileSystem::crash_process() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  locked_.clear();
}

void SimulatedFileSystem::crash_at_change(std::uint64_t calls) {
  const std::lock_guard lock(mutex_);
  CHECK(calls > 0);
  changes_left_ = calls;
}

SimulatedFileSystem::Change SimulatedFileSystem::count_change() {
  const std::lock_guard lock(mutex_);
  if (dead_) return Change::crashes_before;
  const Change fate = next_change();
  if (fate != Change::goes_through) die();
  return fate;
}

bool SimulatedFileSystem::has_crashed() const {
  const std::lock_guard lock(mutex_);
  return dead_;
}

void SimulatedFileSystem::restart() {
  const std::lock_guard lock(mutex_);
  dead_ = false;
  changes_left_.reset();
}

void SimulatedFileSystem::call_off_crash() {
  const std::lock_guard lock(mutex_);
  changes_left_.reset();
}

std::uint64_t SimulatedFileSystem::used() const {
  const std::lock_guard lock(mutex_);
  return used_bytes();
}

void SimulatedFileSystem::lose_everything() {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, node] : names_) node->named = false;
  names_.clear();
  unsynced_names_.clear();
}

void SimulatedFileSystem::lose_power() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  locked_.clear();
  for (auto& [folder, changes] : unsynced_names_) {
    const std::uint64_t kept = below(changes.size() + 1);
    for (; changes.size() > kept; changes.pop_back())
      for (const auto& [path, node] : std::views::reverse(changes.back())) set_name(path, node);
  }
  unsynced_names_.clear();
  for (const auto& [path, node] : names_) lose_unsynced(*node);
}

std::vector<std::byte> SimulatedFileSystem::content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  CHECK(found != names_.end());
  return found->second->bytes;
}

void SimulatedFileSystem::set_content(const std::string& path, std::vector<std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  CHECK(found != names_.end());
  found->second->bytes = std::move(bytes);
  found->second->unsynced.clear();
}

std::uint64_t SimulatedFileSystem::write_calls() const {
  const std::lock_guard lock(mutex_);
  return write_calls_;
}

std::uint64_t SimulatedFileSystem::read_calls() const {
  const std::lock_guard lock(mutex_);
  return read_calls_;
}

std::uint64_t SimulatedFileSystem::sync_calls() const {
  const std::lock_guard lock(mutex_);
  return sync_calls_;
}

std::uint64_t SimulatedFileSystem::failed_calls() const {
  const std::lock_guard lock(mutex_);
  return failed_calls_;
}

}  // namespace tapeline::os
