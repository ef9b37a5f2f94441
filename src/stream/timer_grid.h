#pragma once

#include <cstdint>

#include "base/check.h"
#include "market/types.h"

namespace tapeline::stream {

// A timer at the multiples of a width, for what waits for a moment of its own: it is looked at here, as a
// timer that followed from one key's data would move the watermark of the worker that has that key alone.
class TimerGrid {
 public:
  explicit TimerGrid(std::uint64_t width_ns) : width_ns_(width_ns) { CHECK(width_ns > 0); }

  [[nodiscard]] EventTime next() const { return EventTime{next_}; }
  void open(EventTime watermark) { next_ = (raw(watermark) / width_ns_ + 1) * width_ns_; }

  // Whether the watermark has come to the next multiple, or passed it.
  [[nodiscard]] bool advance(EventTime watermark) {
    if (watermark < next()) return false;
    open(watermark);
    return true;
  }

 private:
  std::uint64_t width_ns_;
  std::uint64_t next_ = 0;
};

}  // namespace tapeline::stream
