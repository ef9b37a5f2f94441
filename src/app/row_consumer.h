#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "event_log/event_log.h"
#include "metrics/latency_histogram.h"
#include "os/clock.h"
#include "pipeline/row_digests.h"

namespace tapeline::app {

// Reads all lanes of the topic `rows` as they grow, as a program would that makes use of them.
class RowConsumer {
 public:
  // Both must outlive it.
  RowConsumer(event_log::EventLog& log, const os::Clock& clock) : log_(log), clock_(clock) {}

  // Takes what there is. False where there was nothing.
  Result<bool> turn();

  [[nodiscard]] const pipeline::RowDigests& digests() const { return digests_; }
  // From the arrival of a row's packet to its reading here, of every row whose table tells it.
  [[nodiscard]] const metrics::HistogramSnapshot& delays() const { return delays_; }
  [[nodiscard]] std::uint64_t batches() const { return batches_; }
  [[nodiscard]] std::uint64_t missed() const { return missed_; }  // Offsets that retention had removed.

 private:
  Result<void> open_new_lanes();
  Result<void> take(const event_log::Batch& batch);

  static constexpr std::uint64_t look_interval_ns = 200'000'000;

  event_log::EventLog& log_;
  const os::Clock& clock_;
  std::vector<std::unique_ptr<event_log::Reader>> lanes_;
  std::uint64_t looked_ns_ = 0;
  pipeline::RowDigests digests_;
  metrics::HistogramSnapshot delays_;
  std::uint64_t batches_ = 0;
  std::uint64_t missed_ = 0;
};

// The percentiles of a histogram of nanoseconds as members of a JSON object, in microseconds.
[[nodiscard]] std::string delays_json(const metrics::HistogramSnapshot& delays);
// {"bbo":{"rows":1,"digest":"…"},…}
[[nodiscard]] std::string digests_json(const pipeline::RowDigests& digests);

}  // namespace tapeline::app
