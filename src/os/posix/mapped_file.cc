#include "os/mapped_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/descriptor.h"

namespace tapeline::os {

namespace {

std::unexpected<Error> failed(const std::string& path, const char* what) {
  return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
              fmt::format("{}: could not {} it: {}", path, what, std::strerror(errno)));
}

std::span<std::byte> map(int file, std::size_t bytes, int protection, int flags) {
  void* const memory = ::mmap(nullptr, bytes, protection, flags, file, 0);
  if (memory == MAP_FAILED) return {};
  return {static_cast<std::byte*>(memory), bytes};
}

}  // namespace

Result<std::unique_ptr<MappedFile>> MappedFile::create(const std::string& path, std::size_t bytes) {
  // A new file, not the old one emptied: its readers would be killed by the access behind its end.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed(path, "replace");
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600));
  if (!file.is_open()) return failed(path, "make");
  // The room is claimed now: a disk that is full later must not end the program at a write.
  if (const int error = ::posix_fallocate(file.number(), 0, static_cast<off_t>(bytes)); error != 0) {
    errno = error;
    return failed(path, "make room for");
  }
  const std::span<std::byte> mapped = map(file.number(), bytes, PROT_READ | PROT_WRITE, MAP_SHARED);
  if (mapped.empty()) return failed(path, "map");
  return std::unique_ptr<MappedFile>(new MappedFile(mapped));
}

Result<std::unique_ptr<MappedFile>> MappedFile::open(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return failed(path, "open");
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return failed(path, "look at");
  if (status.st_size == 0) return fail(ErrorCode::corrupt, fmt::format("{}: the file is empty", path));
  const std::span<std::byte> mapped =
      map(file.number(), static_cast<std::size_t>(status.st_size), PROT_READ, MAP_SHARED);
  if (mapped.empty()) return failed(path, "map");
  return std::unique_ptr<MappedFile>(new MappedFile(mapped));
}

Result<std::unique_ptr<MappedFile>> MappedFile::anonymous(std::size_t bytes) {
  const std::span<std::byte> mapped = map(-1, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  if (mapped.empty()) return failed("memory", "map");
  return std::unique_ptr<MappedFile>(new MappedFile(mapped));
}

MappedFile::~MappedFile() {
  ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace tapeline::os
