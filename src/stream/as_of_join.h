#pragma once

#include <cstddef>

#include "market/types.h"
#include "stream/join_inputs.h"

namespace tapeline::stream {

// Joins each record of a left stream with what stood on a right stream at its time: the latest right record
// at or before it, those of that very nanosecond included. For one key, or for two keys whose rows are joined
// after their operators, so that operators stay apart by key.
//
// Both streams may be out of order. A left record is answered once the watermark has passed its time: when
// nothing more of that time or before is expected on either stream. Then its answer is final. Late data:
//   right   taken in at its own time; answers that are still to come see it, those given do not change
//   left    refused, since what stood then may be forgotten
// At most `most_waiting` records wait on each side; one more is refused. All of it is counted.
template <class Left, class Right>
class AsOfJoin : public JoinInputs<Left, Right> {
  using Inputs = JoinInputs<Left, Right>;
  using Inputs::left_;
  using Inputs::right_;

 public:
  using Inputs::Inputs;

  // Calls emit(time, left, right) for each left record before the watermark, in the order of their times;
  // `right` points to the record that stood then, null where there was none.
  template <class Emit>
  void advance(EventTime watermark, Emit&& emit) {
    if (!this->move_to(watermark)) return;
    const std::size_t ready = left_.count_before(watermark);
    for (const auto& [time, value] : left_.entries().first(ready)) {
      const std::size_t standing = right_.count_until(time);
      emit(time, value, standing == 0 ? nullptr : &right_.entries()[standing - 1].value);
    }
    left_.drop(ready);
    const std::size_t passed = right_.count_before(watermark);
    if (passed > 1) right_.drop(passed - 1);
  }
};

}  // namespace tapeline::stream
