#pragma once

#include <cstddef>

#include "market/types.h"
#include "stream/time_ordered.h"

namespace tapeline::stream {

// The two streams of a join, as they wait for its answers: what is late and what is too much is counted. See
// as_of_join.h for what becomes of it.
template <class Left, class Right>
class JoinInputs {
 public:
  explicit JoinInputs(std::size_t most_waiting) : most_waiting_(most_waiting) {}

  bool add_left(EventTime time, const Left& value) {
    if (time < watermark_) {
      ++counters_.late_left;
      return false;
    }
    return add(left_, time, value);
  }
  bool add_right(EventTime time, const Right& value) {
    counters_.late_right += time < watermark_ ? 1u : 0u;
    return add(right_, time, value);
  }

  [[nodiscard]] std::size_t waiting() const { return left_.size(); }
  [[nodiscard]] const JoinCounters& counters() const { return counters_; }

 protected:
  // False where the watermark does not move on.
  bool move_to(EventTime watermark) {
    if (watermark <= watermark_) return false;
    watermark_ = watermark;
    return true;
  }

  TimeOrdered<Left> left_;
  TimeOrdered<Right> right_;

 private:
  template <class T>
  bool add(TimeOrdered<T>& side, EventTime time, const T& value) {
    if (side.size() >= most_waiting_) {
      ++counters_.refused;
      return false;
    }
    side.insert(time, value);
    return true;
  }

  std::size_t most_waiting_;
  EventTime watermark_{0};
  JoinCounters counters_;
};

}  // namespace tapeline::stream
