#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace tapeline::os {

// Memory that processes share by a file, or that this process alone has. What is written survives the
// process, not the machine.
class MappedFile {
 public:
  // Made of zeros, in place of any file of that name; who has mapped that one keeps it.
  static Result<std::unique_ptr<MappedFile>> create(const std::string& path, std::size_t bytes);
  // For reading. not_found where there is none.
  static Result<std::unique_ptr<MappedFile>> open(const std::string& path);
  // Without a file.
  static Result<std::unique_ptr<MappedFile>> anonymous(std::size_t bytes);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Begins at a page. Must not be written to where it was opened for reading.
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

}  // namespace tapeline::os
