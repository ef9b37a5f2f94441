#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "trace/span.h"

namespace tapeline::trace {

struct WaterfallOptions {
  std::size_t width = 100;
  bool colour = false;
};

// A trace for a terminal: when each span began, counted from the capture, how long it took, and both as a
// bar. `symbol` may be empty.
[[nodiscard]] std::string draw_waterfall(const Trace& trace, std::string_view symbol,
                                         const WaterfallOptions& options);

// The same as one line of JSON, for programs.
[[nodiscard]] std::string waterfall_json(const Trace& trace, std::string_view symbol);

}  // namespace tapeline::trace
