#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace tapeline::os {

using Bytes = std::span<const std::byte>;

struct FileStatus {
  std::uint64_t size = 0;
  bool removed = false;  // No name leads to it any more; it lives on while it is open.
};

// An open file. Reads and sync() may be called from any thread while another one writes; writes, truncate()
// and preallocate() are for one thread at a time. Errors name the file and say what to do.
class File {
 public:
  virtual ~File() = default;
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // As many bytes as there are, up to into.size(): fewer only where the file ends.
  virtual Result<std::size_t> read_at(std::uint64_t position, std::span<std::byte> into) const = 0;

  // Writes the pieces one behind the other from `position` on, in one system call where the system allows.
  // After an error any part of them may be in the file.
  virtual Result<void> write_at(std::uint64_t position, std::span<const Bytes> pieces) = 0;

  [[nodiscard]] virtual Result<FileStatus> status() const = 0;

  // Returns once everything written before the call, and the file's size, would survive a power loss. The
  // file's name needs FileSystem::sync_folder. After an error nobody knows what is on the disk, and later
  // calls that succeed do not tell: the caller must stop trusting what it wrote since the last success.
  virtual Result<void> sync() = 0;

  // Has the system begin to write that stretch to the disk, and does not wait for it: a sync() that follows
  // has less to do. A hint, which may do nothing.
  virtual void start_writing(std::uint64_t position, std::uint64_t size) {
    (void)position;
    (void)size;
  }

  virtual Result<void> truncate(std::uint64_t size) = 0;

  // Claims room on the disk for a file of `size` bytes without changing its size.
  virtual Result<void> preallocate(std::uint64_t size) = 0;

  Result<void> write_at(std::uint64_t position, Bytes bytes) { return write_at(position, {&bytes, 1}); }
};

// Held until it is destroyed, or its process ends.
class FileLock {
 public:
  virtual ~FileLock() = default;
  FileLock() = default;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
};

enum class OpenMode : std::uint8_t {
  read,    // A file that is there.
  write,   // For reading and writing; made when it is not there.
  create,  // For reading and writing; empty, whatever was there before.
};

// The one door to files: the kernel's behind posix/, one in memory with faults behind simulated/. All
// functions may be called from any thread. Paths are UTF-8, with slashes.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  // not_found where mode is `read` and there is no such file.
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;

  // Refused with `unsupported` at once while anyone else, in this process or another, holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;

  // A file that is not there is no error.
  virtual Result<void> remove(const std::string& path) = 0;
  // Within one folder, at once, in place of any file of the new name.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;

  // The names in a folder without the folder's, sorted; not_found where it is not there.
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
  // With the folders above it; they survive a power loss.
  virtual Result<void> make_folder(const std::string& folder) = 0;
  // Returns once the names that were made, changed and removed in the folder would survive a power loss.
  virtual Result<void> sync_folder(const std::string& folder) = 0;

  // Left for files on the disk that holds the folder.
  virtual Result<std::uint64_t> free_bytes(const std::string& folder) = 0;
};

// Whole small files, in one call each. Replacing goes by a temporary name, so that there is always a whole
// file, the old or the new one; it survives a power loss once this returns.
Result<std::vector<std::byte>> read_whole_file(FileSystem& files, const std::string& path);
Result<void> replace_file(FileSystem& files, const std::string& path, Bytes content);

// What replace_file appends to the name; who opens a folder may remove leftovers that end in it.
inline constexpr std::string_view temporary_ending = ".temporary";

[[nodiscard]] std::string folder_of(const std::string& path);  // "." where there is none.
[[nodiscard]] inline std::string join(const std::string& folder, std::string_view name) {
  return folder + "/" + std::string(name);
}

}  // namespace tapeline::os
