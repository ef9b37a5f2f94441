#include <benchmark/benchmark.h>

#include "os/posix/system_clock.h"
#include "trace/flight_recorder.h"

namespace tapeline::trace {
namespace {

// What a stage pays for a batch, with the two readings of the clock that a worker needs for it.
void record_a_batch(benchmark::State& state) {
  auto recorder = FlightRecorder::create("", 32'768, {});
  const os::SystemClock clock;
  StageRecord record;
  for (auto _ : state) {
    record.ended_ns = clock.realtime_ns() - (clock.monotonic_ns() - record.from);
    ++record.from;
    (*recorder)->record(record);
  }
}
BENCHMARK(record_a_batch);

void record_without_a_clock(benchmark::State& state) {
  auto recorder = FlightRecorder::create("", 32'768, {});
  StageRecord record;
  for (auto _ : state) {
    ++record.from;
    (*recorder)->record(record);
  }
}
BENCHMARK(record_without_a_clock);

}  // namespace
}  // namespace tapeline::trace
