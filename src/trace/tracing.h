#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "os/clock.h"
#include "trace/recorders.h"
#include "trace/span_exporter.h"

namespace tapeline::trace {

struct TracingConfig {
  std::uint64_t sample_one_in = 0;  // A power of two; 0: none.
  std::uint64_t slow_ns = 0;        // 0: no message is slow.
  std::uint64_t slow_per_second = 10;
  std::size_t most_waiting = 4'096;  // Messages that are to be traced, and traces that are to be sent.
  // From where a message is found until it is told: for its clients, and for stages that are behind, at most.
  std::uint64_t hold_ns = 2'000'000'000;
  std::uint64_t most_hold_ns = 10'000'000'000;
};

struct TracingCounters {
  std::uint64_t sampled = 0;
  std::uint64_t slow = 0;
  std::uint64_t slow_untraced = 0;   // Beyond slow_per_second.
  std::uint64_t sent = 0;            // Traces.
  std::uint64_t dropped = 0;         // The exporter was behind, or out of reach.
  std::uint64_t missed_records = 0;  // Of recorders, overwritten before they were looked at.
  std::string failure{};             // Of the exporter, the latest; empty once it works again.
};

// Whether a sequence in [first, end) is drawn: one in `one_in`, a power of two. Also where the numbers begin
// anew, as nobody knows then.
[[nodiscard]] constexpr bool may_hold_sample(std::uint64_t first, std::uint64_t end, std::uint64_t one_in) {
  return end < first || ((first + one_in - 1) & ~(one_in - 1)) < end;
}
[[nodiscard]] constexpr bool is_sampled(std::uint64_t sequence, std::uint64_t one_in) {
  return (sequence & (one_in - 1)) == 0;
}

// Finds the messages to trace in what the recorders hold, waits until all stages are done with them and sends
// their traces. It only reads, so that no stage knows of it. One thread.
class Tracing {
 public:
  // Which stages this process has; others are read for the sake of the messages that these find slow.
  struct Own {
    bool pipeline = true;  // Ingest, workers, sink.
    bool serve = true;
  };
  Tracing(const TracingConfig& config, Own own, MessageLookup lookup, SpanExporter& exporter);

  // `now_ns` is of any clock that only goes forward.
  void turn(const StageReaders& readers, std::uint64_t now_ns);
  // Sends what waits, though not every stage may be done with it.
  void finish(const StageReaders& readers);

  [[nodiscard]] const TracingCounters& counters() const { return counters_; }

 private:
  struct Waiting {
    LoggedMessage message;
    bool slow = false;
    std::uint64_t due_ns = 0;
  };

  void look_for_samples(const FlightReader& ingest, std::uint64_t now_ns);
  void look_for_slow(const FlightReader& stage, const std::string& name, std::uint64_t now_ns);
  void take_samples(const StageRecord& record, std::uint64_t now_ns);
  void note(const LoggedMessage& message, bool slow, std::uint64_t now_ns);
  [[nodiscard]] bool may_trace_slow(std::uint64_t now_ns);
  void resolve(const StageReaders& readers, std::uint64_t now_ns);
  void send(std::uint64_t now_ns);
  // Calls f(record) for each that has come since the last call of that name.
  template <class F>
  void for_new_records(const FlightReader& reader, const std::string& name, F&& f);

  TracingConfig config_;
  Own own_;
  MessageLookup lookup_;
  SpanExporter& exporter_;
  std::map<std::string, std::uint64_t> places_;  // The next record of each recorder.
  std::deque<Waiting> waiting_;
  std::vector<Trace> ready_;
  double slow_tokens_;
  std::uint64_t slow_tokens_ns_ = 0;
  std::uint64_t retry_ns_ = 0;
  TracingCounters counters_;
};

}  // namespace tapeline::trace
