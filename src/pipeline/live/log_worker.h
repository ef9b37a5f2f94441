#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "book/order_books.h"
#include "event_log/event_log.h"
#include "pipeline/live/ingest.h"
#include "pipeline/market_worker.h"
#include "stream/checkpoint_store.h"
#include "stream/checkpoint_writer.h"
#include "stream/key_groups.h"

namespace tapeline::pipeline {

using Worker = MarketWorker<book::OrderBooks>;

// Reads the topic `feed` for one MarketWorker, whose rows go to a partition of the topic `rows`. One turn
// after the other, by a thread or by a simulation.
class LogWorker {
 public:
  ~LogWorker();

  // `now_ns` is of any clock that only goes forward; it paces checkpoints. True where there was something to
  // do. A failure of the kind `io` (a full disk) is not the end: the next turn tries again.
  Result<bool> turn(std::uint64_t now_ns);
  // The parts of a turn, for who measures them: takes what the log has, several batches where more than one
  // waits; appends their rows; saves some state.
  Result<bool> take_in();
  Result<void> put_out();
  void save_some(std::uint64_t now_ns) { worker_->save_some(now_ns); }

  // Capture times of what the last turn that found anything took: the oldest message's and the newest's.
  [[nodiscard]] CaptureTime oldest_captured() const { return oldest_captured_; }
  [[nodiscard]] CaptureTime newest_captured() const { return newest_captured_; }

  // Instead of turns, for a clean stop or a savepoint: saves all that has changed up to position(), step by
  // step. True once the last of it has been handed to the checkpoint writer.
  Result<bool> save(std::uint64_t now_ns);

  [[nodiscard]] stream::Position position() const { return worker_->position(); }
  // Records of the input that wait, by the end that its writer publishes in this process.
  [[nodiscard]] std::uint64_t lag() const;
  [[nodiscard]] const Worker& worker() const { return *worker_; }
  [[nodiscard]] stream::GroupRange groups() const { return own_; }
  [[nodiscard]] const std::string& warning() const { return warning_; }
  // For those who sync it.
  [[nodiscard]] event_log::Writer& lane();

 private:
  friend class WorkerSet;
  class Lane;
  class Consumer;
  LogWorker(stream::GroupRange own, std::unique_ptr<event_log::Reader> reader, std::unique_ptr<Lane> lane,
            std::unique_ptr<Worker> worker, std::string warning, std::uint64_t interval_ns);
  Result<void> take(const event_log::Batch& batch);

  // Rows are put out before more than this waits, or so many batches have been taken at once.
  static constexpr std::size_t most_waiting_bytes = std::size_t{128} << 10;
  static constexpr unsigned most_batches = 32;

  stream::GroupRange own_;
  std::unique_ptr<event_log::Reader> reader_;
  std::unique_ptr<Lane> lane_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<Consumer> consumer_;
  std::string warning_;
  std::uint64_t interval_ns_;
  enum class Save : std::uint8_t { none, finishing_another, due, running } save_ = Save::none;
  bool end_is_owed_ = false;  // A batch has been taken whose rows have not been put out yet.
  CaptureTime oldest_captured_{0};
  CaptureTime newest_captured_{0};
};

// The workers of a log, with every key group at exactly one of them.
class WorkerSet {
 public:
  // Finds out what the rows in the log cover and plans how each worker goes on. To be called before anything
  // is appended to the feed. `writers` has one checkpoint writer for each worker; groups, log, store and
  // writers outlive the workers.
  static Result<std::vector<std::unique_ptr<LogWorker>>> open(
      const MarketWorkerConfig& config, event_log::EventLog& log, stream::CheckpointStore& store,
      const stream::KeyGroups& groups, std::span<stream::CheckpointWriter* const> writers);
};

}  // namespace tapeline::pipeline
