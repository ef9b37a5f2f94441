#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace tapeline::app {

// A file that is either whole or not there: bytes go to a temporary name in the same directory, and close()
// gives it its own. "-" is standard output, and devices and pipes are written to as they are. A name that
// ends in .gz or .zst asks for compression.
class OutputFile {
 public:
  static Result<OutputFile> open(const std::string& path);

  // Removes the temporary file if close() has not been called.
  ~OutputFile();
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;

  Result<void> write(std::span<const std::byte> bytes);
  // Writes what is left and gives the file its name.
  Result<void> close();

  // As stored, after compression.
  [[nodiscard]] std::uint64_t bytes_written() const;

 private:
  class Sink;
  class Compressor;
  class Gzip;
  class Zstd;

  OutputFile(std::unique_ptr<Sink> sink, std::unique_ptr<Compressor> compressor);

  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Compressor> compressor_;  // None: bytes are stored as they are.
};

}  // namespace tapeline::app
