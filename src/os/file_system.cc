#include "os/file_system.h"

namespace tapeline::os {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::vector<std::byte>> read_whole_file(FileSystem& files, const std::string& path) {
  const Result<std::unique_ptr<File>> file = files.open(path, OpenMode::read);
  if (!file) return std::unexpected(file.error());
  const Result<FileStatus> status = (*file)->status();
  if (!status) return std::unexpected(status.error());
  std::vector<std::byte> content(status->size);
  const Result<std::size_t> got = (*file)->read_at(0, content);
  if (!got) return std::unexpected(got.error());
  content.resize(*got);
  return content;
}

Result<void> replace_file(FileSystem& files, const std::string& path, Bytes content) {
  const std::string temporary = path + std::string(temporary_ending);
  const Result<std::unique_ptr<File>> file = files.open(temporary, OpenMode::create);
  if (!file) return std::unexpected(file.error());
  Result<void> done = (*file)->write_at(0, content);
  if (done) done = (*file)->sync();
  if (done) done = files.rename(temporary, path);
  if (!done) {
    // The first failure is what the caller has to hear of; a leftover is removed by the next attempt.
    (void)files.remove(temporary);
    return done;
  }
  return files.sync_folder(folder_of(path));
}

}  // namespace tapeline::os
