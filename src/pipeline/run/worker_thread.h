#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "metrics/delay_statistics.h"
#include "metrics/latency_histogram.h"
#include "os/clock.h"
#include "os/doorbell.h"
#include "pipeline/live/log_worker.h"
#include "pipeline/run/book_survey.h"
#include "pipeline/run/published.h"
#include "stream/checkpoint_writer.h"
#include "stream/idle_strategy.h"
#include "trace/flight_recorder.h"

namespace tapeline::pipeline {

// What a worker does while the log has nothing new.
enum class WorkerIdle : std::uint8_t {
  park,     // Sleeps until the log rings.
  backoff,  // Sleeps ever longer, up to `max_idle_ns`, and asks again.
  spin,     // Never sleeps: for a core of its own.
};

struct WorkerThreadConfig {
  WorkerIdle idle = WorkerIdle::park;
  std::uint64_t max_idle_ns = 1'000'000;
  // Exchange times count from midnight there, which comes so long after that of UTC.
  std::int64_t midnight_after_utc_ns = 0;
};

// How a worker stands, as of some milliseconds ago.
struct WorkerReport {
  unsigned number = 0;
  stream::GroupRange groups;
  stream::Position position = stream::log_start;
  std::uint64_t lag = 0;  // Records of the feed's log that wait.
  MarketWorkerCounters counters;
  book::BookCounters books;
  std::uint64_t live_orders = 0;
  std::uint64_t live_levels = 0;
  std::uint64_t book_bytes = 0;
  BookCensus census;      // As of a second ago or less.
  char system_event = 0;  // See MarketWorker.
  std::uint64_t rows_end = 0;
  stream::KeyCheckpointer::Counters checkpoints;
  std::uint64_t last_checkpoint_ns = 0;      // Monotonic; 0: none yet.
  std::uint64_t checkpoint_duration_ns = 0;  // Of the last one, from its barrier to its last key.
  std::string checkpoint_failure;
  double busy = 0;           // Share of the last second in which it worked; of none yet, 0.
  double back_pressure = 0;  // The share in which more was in the log than one turn takes.
  std::string warning;       // From the restart, or why rows cannot be appended.
};

// One worker and its thread.
class WorkerThread {
 public:
  // `worker` and `writer` are for this thread from now on. The recorder may be null. The rest as for
  // WorkerPool.
  WorkerThread(unsigned number, const WorkerThreadConfig& config, std::optional<unsigned> cpu,
               std::unique_ptr<stream::CheckpointThread> writer, std::unique_ptr<LogWorker> worker,
               const os::Clock& clock, os::Doorbell& input, os::Doorbell& output,
               const std::function<void(const Error&)>& on_failure,
               std::shared_ptr<trace::FlightRecorder> recorder);

  void start();
  // Tells it to end: at once, or with all state saved. Ring `input` behind it.
  void end(bool drain) { order_.store(drain ? Order::drain : Order::end, std::memory_order_release); }
  [[nodiscard]] bool has_ended() const { return ended_.load(std::memory_order_acquire); }
  void join() { thread_.join(); }

  [[nodiscard]] WorkerReport report() const { return report_.get(); }
  [[nodiscard]] metrics::HistogramSnapshot delays() const { return delays_.snapshot(); }
  [[nodiscard]] metrics::HistogramSnapshot stalls() const { return stalls_.snapshot(); }
  // Of one turn: the time for books and analytics, and that for handing rows to the log.
  [[nodiscard]] metrics::HistogramSnapshot computing() const { return computing_.snapshot(); }
  [[nodiscard]] metrics::HistogramSnapshot appending() const { return appending_.snapshot(); }
  [[nodiscard]] metrics::DelaySnapshot feed_delays() const { return feed_delays_.snapshot(); }
  // The newest time of the exchange that has been taken in, since its midnight, as of the last turn; 0: none.
  [[nodiscard]] std::uint64_t newest_event_ns() const {
    return newest_event_ns_.load(std::memory_order_relaxed);
  }
  // The exchange's midnight in UTC by the last turn whose messages were of today; 0: they are of another day.
  [[nodiscard]] std::uint64_t midnight_ns() const { return midnight_ns_.load(std::memory_order_relaxed); }
  [[nodiscard]] LogWorker& worker() { return *worker_; }

 private:
  enum class Order : std::uint8_t { none, drain, end };

  void run();
  Result<void> work();
  Result<bool> turn();
  Result<bool> drain();
  void note_delays();
  void record(std::uint64_t begin_ns, std::uint64_t taken_ns, std::uint64_t put_out_ns);
  void idle(std::uint32_t ticket);
  void note_turn(bool worked);
  void note_checkpoint(std::uint64_t now_ns);
  void publish_report(std::uint64_t now_ns);

  static constexpr std::uint64_t report_interval_ns = 20'000'000;
  static constexpr std::uint64_t most_unsaved_ns = 5'000'000;
  static constexpr std::uint64_t retry_ns = 10'000'000;

  const unsigned number_;
  const WorkerThreadConfig config_;
  const std::optional<unsigned> cpu_;
  std::unique_ptr<stream::CheckpointThread> writer_;
  std::unique_ptr<LogWorker> worker_;
  const os::Clock& clock_;
  os::Doorbell& input_;
  os::Doorbell& output_;
  const std::function<void(const Error&)>& on_failure_;
  std::shared_ptr<trace::FlightRecorder> recorder_;
  stream::Position recorded_end_;
  std::atomic<Order> order_{Order::none};
  std::atomic<bool> ended_{false};
  std::atomic<std::uint64_t> newest_event_ns_{0};
  std::atomic<std::uint64_t> midnight_ns_{0};
  metrics::LatencyHistogram delays_;
  metrics::LatencyHistogram stalls_;
  metrics::LatencyHistogram computing_;
  metrics::LatencyHistogram appending_;
  metrics::DelayStatistics feed_delays_;
  stream::DutyCycle duty_;
  stream::DutyCycle::Totals reported_duty_;
  std::uint64_t last_turn_ns_ = 0;
  std::uint64_t output_batches_ = 0;
  std::uint64_t backoff_ns_ = 0;
  bool checkpoint_in_progress_ = false;
  std::uint64_t checkpoint_begun_ns_ = 0;
  std::uint64_t last_report_ns_ = 0;
  std::uint64_t sized_ns_ = 0;
  std::uint64_t saved_ns_ = 0;
  std::string output_failure_;
  BookSurvey survey_;
  WorkerReport draft_;
  Published<WorkerReport> report_;
  std::thread thread_;  // Last: it uses the members above.
};

}  // namespace tapeline::pipeline
