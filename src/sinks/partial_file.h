#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace tapeline::sinks {

// The name of a file while it is being written, and the promise to tidy up: unless `publish` succeeded, the
// destructor removes it. The folders of `path` are made.
class PartialName {
 public:
  static Result<PartialName> claim(const std::string& path);

  PartialName(PartialName&& other) noexcept;
  PartialName& operator=(PartialName&&) = delete;
  ~PartialName();

  [[nodiscard]] const std::string& path() const { return path_; }  // The final one.
  [[nodiscard]] const std::string& partial_path() const { return partial_; }

  // Gives the file its final name. It is not synced to the disk first: tables are derived data, and a replay
  // writes them again.
  Result<void> publish();

 private:
  PartialName(std::string path, std::string partial) : path_(std::move(path)), partial_(std::move(partial)) {}

  std::string path_;
  std::string partial_;  // Empty when there is nothing to remove.
};

// A file written from its beginning to its end; "-" is standard output.
class PartialFile {
 public:
  static Result<PartialFile> create(const std::string& path);

  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&&) = delete;
  ~PartialFile();

  Result<void> write(std::span<const char> bytes);
  Result<void> publish();

 private:
  PartialFile(PartialName name, int descriptor) : name_(std::move(name)), descriptor_(descriptor) {}
  [[nodiscard]] bool is_standard_output() const { return name_.path() == "-"; }

  PartialName name_;
  int descriptor_;
};

// "cannot write PATH: REASON; WHAT TO DO" of an errno.
[[nodiscard]] Error write_error(const std::string& path, int error_number);

}  // namespace tapeline::sinks
