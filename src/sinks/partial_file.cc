#include "sinks/partial_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace tapeline::sinks {
namespace {

const char* advice_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return "free some space or write elsewhere";
    case EACCES:
    case EPERM:
    case EROFS: return "choose a folder that you may write to";
    case ENOTDIR:
    case EISDIR:
    case EEXIST: return "choose another path";
    case EPIPE: return "its reader stopped reading";
    default: return "choose another path or repair this one";
  }
}

}  // namespace

Error write_error(const std::string& path, int error_number) {
  const std::string target = path == "-" ? "standard output" : path;
  return Error{ErrorCode::io, "cannot write " + target + ": " +
                                  std::generic_category().message(error_number) + "; " +
                                  advice_for(error_number)};
}

Result<PartialName> PartialName::claim(const std::string& path) {
  if (path == "-") return PartialName(path, "");
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) return std::unexpected(write_error(path, error.value()));
  if (std::filesystem::is_directory(path, error)) return std::unexpected(write_error(path, EISDIR));
  return PartialName(path, path + ".partial");
}

PartialName::PartialName(PartialName&& other) noexcept
    : path_(other.path_), partial_(std::exchange(other.partial_, {})) {}

PartialName::~PartialName() {
  if (!partial_.empty()) ::unlink(partial_.c_str());
}

Result<void> PartialName::publish() {
  if (partial_.empty()) return {};
  if (std::rename(partial_.c_str(), path_.c_str()) != 0) return std::unexpected(write_error(path_, errno));
  partial_.clear();
  return {};
}

Result<PartialFile> PartialFile::create(const std::string& path) {
  Result<PartialName> name = PartialName::claim(path);
  if (!name) return std::unexpected(name.error());
  if (path == "-") return PartialFile(std::move(*name), STDOUT_FILENO);
  const int descriptor = ::open(name->partial_path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return std::unexpected(write_error(path, errno));
  return PartialFile(std::move(*name), descriptor);
}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : name_(std::move(other.name_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

PartialFile::~PartialFile() {
  if (descriptor_ >= 0 && !is_standard_output()) ::close(descriptor_);
}

Result<void> PartialFile::write(std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return std::unexpected(write_error(name_.path(), errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> PartialFile::publish() {
  if (is_standard_output()) return {};
  // A network file system may report a failed write only here.
  if (::close(std::exchange(descriptor_, -1)) != 0) return std::unexpected(write_error(name_.path(), errno));
  return name_.publish();
}

}  // namespace tapeline::sinks
