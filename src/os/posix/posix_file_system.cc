#include "os/posix/posix_file_system.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

namespace tapeline::os {

namespace {

const char* advice_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return "free some space, or keep less";
    case EACCES:
    case EPERM:
    case EROFS: return "choose a folder that this user may write to";
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EEXIST: return "check the path";
    case EMFILE:
    case ENFILE: return "raise the limit of open files (ulimit -n)";
    case EIO: return "check the disk and the kernel's log (dmesg)";
    default: return "check the path and the disk";
  }
}

std::unexpected<Error> failure(std::string_view what, const std::string& path, int error_number) {
  const bool missing = error_number == ENOENT || error_number == ENOTDIR;
  return fail(missing ? ErrorCode::not_found : ErrorCode::io,
              fmt::format("cannot {} {}: {}; {}", what, path, std::generic_category().message(error_number),
                          advice_for(error_number)));
}

// Repeats a system call that a signal cut short.
template <class Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

// Pieces as the kernel wants them, a bounded number at a time, less what is already written.
class PieceCursor {
 public:
  explicit PieceCursor(std::span<const Bytes> pieces) : pieces_(pieces) { skip_empty(); }

  [[nodiscard]] bool done() const { return pieces_.empty(); }

  [[nodiscard]] std::span<iovec> vectors() {
    std::size_t count = std::min(pieces_.size(), vectors_.size());
    for (std::size_t i = 0; i < count; ++i) {
      const Bytes rest = i == 0 ? pieces_[0].subspan(skipped_) : pieces_[i];
      // The kernel only reads from it.
      vectors_[i] = {const_cast<std::byte*>(rest.data()), rest.size()};
    }
    return std::span(vectors_).first(count);
  }

  void advance(std::size_t size) {
    skipped_ += size;
    skip_empty();
  }

 private:
  void skip_empty() {
    while (!pieces_.empty() && skipped_ >= pieces_[0].size()) {
      skipped_ -= pieces_[0].size();
      pieces_ = pieces_.subspan(1);
    }
  }

  std::span<const Bytes> pieces_;
  std::size_t skipped_ = 0;  // Of the first piece.
  std::array<iovec, 16> vectors_;
};

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t position, std::span<std::byte> into) const override {
    // A regular file gives less than was asked for only at its end.
    const ssize_t got = uninterrupted(
        [&] { return ::pread(descriptor_.get(), into.data(), into.size(), static_cast<off_t>(position)); });
    if (got < 0) return failure("read", path_, errno);
    return static_cast<std::size_t>(got);
  }

  Result<void> write_at(std::uint64_t position, std::span<const Bytes> pieces) override {
    PieceCursor cursor(pieces);
    while (!cursor.done()) {
      const std::span<iovec> vectors = cursor.vectors();
      const ssize_t size = uninterrupted([&] {
        return ::pwritev(descriptor_.get(), vectors.data(), static_cast<int>(vectors.size()),
                         static_cast<off_t>(position));
      });
      if (size < 0) return failure("write", path_, errno);
      if (size == 0) return failure("write", path_, ENOSPC);
      position += static_cast<std::uint64_t>(size);
      cursor.advance(static_cast<std::size_t>(size));
    }
    return {};
  }

  [[nodiscard]] Result<FileStatus> status() const override {
    struct stat status = {};
    if (::fstat(descriptor_.get(), &status) != 0) return failure("look at", path_, errno);
    return FileStatus{static_cast<std::uint64_t>(status.st_size), status.st_nlink == 0};
  }

  void start_writing(std::uint64_t position, std::uint64_t size) override {
    (void)::sync_file_range(descriptor_.get(), static_cast<off64_t>(position), static_cast<off64_t>(size),
                            SYNC_FILE_RANGE_WRITE);
  }
  Result<void> sync() override {
    if (uninterrupted([&] { return ::fdatasync(descriptor_.get()); }) != 0)
      return failure("sync", path_, errno);
    return {};
  }

  Result<void> truncate(std::uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(descriptor_.get(), static_cast<off_t>(size)); }) != 0)
      return failure("truncate", path_, errno);
    return {};
  }

  Result<void> preallocate(std::uint64_t size) override {
    if (size == 0) return {};
    const int done = uninterrupted(
        [&] { return ::fallocate(descriptor_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)); });
    // A file system that cannot do it grows the file as it is written.
    if (done != 0 && errno != EOPNOTSUPP) return failure("claim room for", path_, errno);
    return {};
  }

 private:
  Descriptor descriptor_;
  std::string path_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(int descriptor) : descriptor_(descriptor) {}

 private:
  Descriptor
      descriptor_;  // The kernel lets go of the lock when it is closed, also by the end of the process.
};

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read: return O_RDONLY;
    case OpenMode::write: return O_RDWR | O_CREAT;
    case OpenMode::create: return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

Result<void> sync_one_folder(const std::string& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) return failure("open", folder, errno);
  // Some file systems have nothing to sync for a folder and say so.
  if (uninterrupted([&] { return ::fsync(descriptor.get()); }) != 0 && errno != EINVAL)
    return failure("sync", folder, errno);
  return {};
}

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  const int descriptor =
      uninterrupted([&] { return ::open(path.c_str(), flags_of(mode) | O_CLOEXEC, 0666); });
  if (descriptor < 0) return failure("open", path, errno);
  return std::make_unique<PosixFile>(descriptor, path);
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
  const int descriptor =
      uninterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666); });
  if (descriptor < 0) return failure("open", path, errno);
  auto lock = std::make_unique<PosixFileLock>(descriptor);
  if (uninterrupted([&] { return ::flock(descriptor, LOCK_EX | LOCK_NB); }) == 0) return lock;
  if (errno != EWOULDBLOCK) return failure("lock", path, errno);
  return fail(
      ErrorCode::unsupported,
      fmt::format("{} is held by another writer; stop it first (`fuser {}` names its process)", path, path));
}

Result<void> PosixFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failure("remove", path, errno);
  return {};
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failure("rename", from, errno);
  return {};
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open_folder(::opendir(folder.c_str()), ::closedir);
  if (open_folder == nullptr) return failure("list", folder, errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(open_folder.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return failure("list", folder, errno);
  std::ranges::sort(names);
  return names;
}

Result<void> PosixFileSystem::make_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0777) == 0) return sync_one_folder(folder_of(folder));
  if (errno == ENOENT && folder_of(folder) != folder) {
    if (Result<void> above = make_folder(folder_of(folder)); !above) return above;
    if (::mkdir(folder.c_str(), 0777) == 0) return sync_one_folder(folder_of(folder));
  }
  const int reason = errno;
  struct stat status = {};
  if (reason == EEXIST && ::stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  return failure("make folder", folder, reason == EEXIST ? ENOTDIR : reason);
}

Result<void> PosixFileSystem::sync_folder(const std::string& folder) {
  return sync_one_folder(folder);
}

Result<std::uint64_t> PosixFileSystem::free_bytes(const std::string& folder) {
  struct statvfs status = {};
  if (uninterrupted([&] { return ::statvfs(folder.c_str(), &status); }) != 0)
    return failure("look at", folder, errno);
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace tapeline::os
