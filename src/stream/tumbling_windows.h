#pragma once

#include <cstdint>

#include "base/check.h"
#include "market/types.h"
#include "stream/key_set.h"

namespace tapeline::stream {

// Windows of one width aligned to midnight, [start, end), and the keys that have state in the open one. Only
// one window is open at a time: all keys share the grid, and the watermark closes it for all of them. Which
// one is open follows from the watermark alone; that a key is in it belongs to the key's state.
//
// Late data: a record whose time lies before the open window counts in the open window. The books have taken
// it in anyway, and a closed window is never reopened, so that outputs are final.
class TumblingWindows {
 public:
  explicit TumblingWindows(std::uint64_t width_ns) : end_(width_ns) { CHECK(width_ns > 0); }

  [[nodiscard]] EventTime start() const { return EventTime{start_}; }
  [[nodiscard]] EventTime end() const { return EventTime{end_}; }
  [[nodiscard]] std::uint64_t width_ns() const { return end_ - start_; }

  // Opens the window of the watermark, without keys.
  void open(EventTime watermark) {
    keys_.clear();
    move_to(watermark);
  }

  // Notes that a key, not in it so far, has state in the open window. The watermark has taken in the time of
  // the record by then.
  void add(Locate key) { keys_.add(key); }

  // If the watermark has reached the end of the window: calls close(key) for its keys in increasing order,
  // whatever the order in which they came, and opens the window of the watermark, still without keys.
  // ahead(key) is called some keys earlier, to load what close(key) will look at.
  template <class Close, class Ahead>
  void advance(EventTime watermark, Close&& close, Ahead&& ahead) {
    if (watermark < end()) return;
    keys_.take_all(close, ahead);
    move_to(watermark);
  }
  template <class Close>
  void advance(EventTime watermark, Close&& close) {
    advance(watermark, close, [](Locate) {});
  }

 private:
  void move_to(EventTime watermark) {
    const std::uint64_t width = end_ - start_;
    start_ = raw(watermark) / width * width;
    end_ = start_ + width;
  }

  std::uint64_t start_ = 0;
  std::uint64_t end_;
  KeySet keys_;
};

}  // namespace tapeline::stream
