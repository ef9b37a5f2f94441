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
//   next_timer()                        the watermark from which on there is something to close, which
//   follows
//                                       from the last one alone, or no_timer
//   save_key(key, writer)               one key's state, at any moment between two records
//   open(watermark)                     an instance without state goes on where the watermark was …
//   load_key(key, reader)               … and takes in the keys one by one, each once, when the records that
//                                       it reads have come to where the key was saved
//
// and is a deterministic function of its input and its saved state: it reads no clock, and its rows do not
// depend on how the keys are spread over workers. What all keys share follows from the watermark alone. A
// timer emits at least one row of every key whose state it changes: that is how whoever saves the keys learns
// of the change.
//
// `process` and `on_timer` are templates over the collector, so no call on the message path is virtual; this
// concept holds what does not depend on it.
template <class Op>
concept KeyedOperator =
    requires(Op op, const Op& saved, Locate key, EventTime time, StateWriter& writer, StateReader& reader) {
      { saved.next_timer() } -> std::same_as<EventTime>;
      saved.save_key(key, writer);
      op.open(time);
      op.load_key(key, reader);
    };

inline constexpr EventTime no_timer{UINT64_MAX};

// The watermark once the input is over: beyond every window, and far enough from overflow.
inline constexpr EventTime end_of_time{std::uint64_t{1} << 62};

}  // namespace tapeline::stream
