#pragma once

#include <cstddef>
#include <string>

#include "status/status.h"

namespace tapeline::status {

struct PageOptions {
  std::size_t width = 100;  // Columns; at least 80 are used.
  bool colour = false;
};

// A page about a running pipeline.
[[nodiscard]] std::string draw_status(const Status& status, const PageOptions& options);

}  // namespace tapeline::status
