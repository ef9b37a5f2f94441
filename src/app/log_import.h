#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tapeline::app {

struct LogImportOptions {
  std::string file;
  std::string data;              // The folder of the log.
  std::string session = "FILE";  // The name of a session that the file does not name.
  std::uint64_t rate = 0;        // Messages a second; 0: as fast as they can be read.
  double speed = 0;              // Times that of the day, behind `from`; 0: as fast as they can be read.
  std::string from;              // A time of day; empty: from the start on.
  bool open_end = false;         // The session is not over behind the last message.
};

// Appends a file of the feed to the log's topic `feed`, as if it had been received.
Result<void> import_into_log(const LogImportOptions& options);

}  // namespace tapeline::app
