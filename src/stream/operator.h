#pragma once

#include <concepts>

#include "market/quality.h"
#include "market/types.h"
#include "stream/state.h"

namespace tapeline::stream {

// What an operator knows of the record at hand besides its content. The key is the symbol's locate: all
// records of one key reach one instance of the operator, in the order of the log.
struct Context {
  Locate key;
  Sequence sequence;
  EventTime time;
  CaptureTime captured;
  Quality quality;  // Of the book that the record came from.
};

// Receives the rows of an operator; replay, the live pipeline, benchmarks and tests each have their own.
template <class Out, class Row>
concept Collector = requires(Out& out, const Row& row) { out.emit(row); };

// A keyed, event-time operator is a class with
//
//   process(context, input…, out)       takes one record and may emit rows
//   on_timer(watermark, state…, out)    closes what the watermark has passed; called before any record of
//                                       that time or later is processed
//   save(writer), load(reader)          carry its state through a checkpoint
//
// and is a deterministic function of its input and its saved state: it reads no clock, and its rows do not
// depend on how the keys are spread over workers. `process` and `on_timer` are templates over the collector,
// so no call on the message path is virtual; this concept holds what does not depend on it.
template <class Op>
concept KeyedOperator = requires(Op op, const Op& saved, StateWriter& writer, StateReader& reader) {
  { op.next_timer() } -> std::same_as<EventTime>;
  saved.save(writer);
  op.load(reader);
};

inline constexpr EventTime no_timer{UINT64_MAX};

}  // namespace tapeline::stream
