#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/state.h"

namespace tapeline::stream {

// Windows of one width aligned to midnight, [start, end), and the keys that have state in the open one. Only
// one window is open at a time: all keys share the grid, and the watermark closes it for all of them.
//
// Late data: a record whose time lies before the open window counts in the open window. The books have taken
// it in anyway, and a closed window is never reopened, so that outputs are final.
class TumblingWindows {
 public:
  explicit TumblingWindows(std::uint64_t width_ns) : width_ns_(width_ns) { CHECK(width_ns > 0); }

  [[nodiscard]] EventTime start() const { return EventTime{start_}; }
  [[nodiscard]] EventTime end() const { return EventTime{start_ + width_ns_}; }
  [[nodiscard]] std::uint64_t width_ns() const { return width_ns_; }
  [[nodiscard]] EventTime next_timer() const { return keys_.empty() ? no_timer : end(); }

  // Notes that a key has state in the window of `time`; the caller has closed earlier windows by then.
  void add(Locate key, EventTime time) {
    if (keys_.empty()) start_ = std::max(start_, raw(time) / width_ns_ * width_ns_);
    keys_.push_back(key);
  }

  // If the watermark has reached the end of the window: calls close(key) for its keys in increasing order,
  // whatever the order in which they came, and opens the window of the watermark, still without keys.
  template <class Close>
  void advance(EventTime watermark, Close&& close) {
    if (watermark < end()) return;
    std::sort(keys_.begin(), keys_.end());
    for (const Locate key : keys_) close(key);
    keys_.clear();
    start_ = raw(watermark) / width_ns_ * width_ns_;
  }

  void save(StateWriter& writer) const {
    writer.put(start_);
    writer.put(keys_.size());
    for (const Locate key : keys_) writer.put(key);
  }
  void load(StateReader& reader) {
    start_ = reader.get<std::uint64_t>();
    keys_.clear();
    const auto count = reader.get<std::size_t>();
    for (std::size_t i = 0; i < count && reader.ok(); ++i) keys_.push_back(reader.get<Locate>());
  }
  [[nodiscard]] const std::vector<Locate>& keys() const { return keys_; }

 private:
  std::uint64_t width_ns_;
  std::uint64_t start_ = 0;
  std::vector<Locate> keys_;
};

}  // namespace tapeline::stream
