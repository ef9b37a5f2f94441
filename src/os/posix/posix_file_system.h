#pragma once

#include <memory>
#include <string>
#include <vector>

#include "os/file_system.h"

namespace tapeline::os {

// The kernel's files. Has no state: any number of them are the same one.
class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<void> make_folder(const std::string& folder) override;
  Result<void> sync_folder(const std::string& folder) override;
  Result<std::uint64_t> free_bytes(const std::string& folder) override;
};

}  // namespace tapeline::os
