#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "market/types.h"

namespace tapeline::stream {

// Records of a stream that wait, by their time, and by their arrival among those of one time. In order they
// are appended; a record that comes late is moved to its place.
template <class T>
class TimeOrdered {
 public:
  struct Entry {
    EventTime time;
    T value;
  };

  void insert(EventTime time, const T& value) {
    const auto place =
        std::upper_bound(entries_.begin() + static_cast<std::ptrdiff_t>(first_), entries_.end(), time,
                         [](EventTime at, const Entry& entry) { return at < entry.time; });
    entries_.insert(place, Entry{time, value});
  }
  [[nodiscard]] std::span<const Entry> entries() const { return std::span(entries_).subspan(first_); }
  [[nodiscard]] std::size_t size() const { return entries_.size() - first_; }
  // How many are at this time or before it.
  [[nodiscard]] std::size_t count_until(EventTime time) const {
    const std::span<const Entry> all = entries();
    return static_cast<std::size_t>(
        std::upper_bound(all.begin(), all.end(), time,
                         [](EventTime at, const Entry& entry) { return at < entry.time; }) -
        all.begin());
  }
  // How many are before it.
  [[nodiscard]] std::size_t count_before(EventTime time) const {
    return raw(time) == 0 ? 0 : count_until(EventTime{raw(time) - 1});
  }
  // Forgets the first so many. Their memory is used again once they are the larger part.
  void drop(std::size_t count) {
    first_ += count;
    if (first_ < 64 || first_ * 2 < entries_.size()) return;
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }

 private:
  std::vector<Entry> entries_;
  std::size_t first_ = 0;
};

// What a join has had to do with records that came late or too many.
struct JoinCounters {
  std::uint64_t late_left = 0;   // Refused: the watermark had passed them.
  std::uint64_t late_right = 0;  // Taken in for what is still to be answered.
  std::uint64_t refused = 0;     // There was no room.
};

}  // namespace tapeline::stream
