#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "market/types.h"
#include "stream/join_inputs.h"

namespace tapeline::stream {

// Joins each record of a left stream, of time t, with all records of a right stream from t - before to
// t + after, both ends included. As in as_of_join.h both streams may be out of order, an answer is final, and
// it is given once the watermark has passed t + after. Late data:
//   right   taken in at its own time, for the answers that are still to come
//   left    taken in while its interval is not over by the watermark and nothing of it is forgotten, that is
//           where t is not before the watermark; refused otherwise
// At most `most_waiting` records wait on each side; one more is refused. All of it is counted.
template <class Left, class Right>
class IntervalJoin : public JoinInputs<Left, Right> {
  using Inputs = JoinInputs<Left, Right>;
  using Inputs::left_;
  using Inputs::right_;

 public:
  IntervalJoin(std::uint64_t before_ns, std::uint64_t after_ns, std::size_t most_waiting)
      : Inputs(most_waiting), before_ns_(before_ns), after_ns_(after_ns) {}

  // Calls emit(time, left, rights) for each left record whose interval lies before the watermark, in the
  // order of their times; `rights` is a span of entries, in the order of theirs.
  template <class Emit>
  void advance(EventTime watermark, Emit&& emit) {
    if (!this->move_to(watermark)) return;
    const std::size_t ready =
        raw(watermark) < after_ns_ ? 0 : left_.count_before(EventTime{raw(watermark) - after_ns_});
    for (const auto& [time, value] : left_.entries().first(ready)) {
      const std::size_t from = right_.count_before(first_of(time));
      const std::size_t to = right_.count_until(EventTime{raw(time) + after_ns_});
      emit(time, value, right_.entries().subspan(from, to - from));
    }
    left_.drop(ready);
    // Left records to come are not before the watermark, but may be before one that waits.
    const EventTime oldest =
        left_.size() != 0 ? std::min(left_.entries().front().time, watermark) : watermark;
    right_.drop(right_.count_before(first_of(oldest)));
  }

 private:
  [[nodiscard]] EventTime first_of(EventTime time) const {
    return EventTime{raw(time) > before_ns_ ? raw(time) - before_ns_ : 0};
  }

  std::uint64_t before_ns_;
  std::uint64_t after_ns_;
};

}  // namespace tapeline::stream
