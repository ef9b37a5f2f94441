#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace tapeline::app {

// Standard output as a drawing finds it.
struct StandardOutput {
  bool is_terminal;
  bool colour;        // A terminal, and the user has not said NO_COLOR (https://no-color.org).
  std::size_t width;  // Columns; 100 where it is no terminal.
};

[[nodiscard]] StandardOutput standard_output();

// Writes all of it; a full disk or a closed pipe is an error.
Result<void> write_standard_output(std::string_view text);

}  // namespace tapeline::app
