#pragma once

#include <span>

#include "base/result.h"
#include "trace/span.h"

namespace tapeline::trace {

// The port to where traces go. For one thread, which it may keep waiting for some seconds.
class SpanExporter {
 public:
  virtual ~SpanExporter() = default;

  // All of them or, with an error, perhaps some; sending a trace again does no harm, as its ids are its own.
  virtual Result<void> send(std::span<const Trace> traces) = 0;
};

}  // namespace tapeline::trace
