#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "event_log/event_log.h"
#include "os/clock.h"
#include "os/file_system.h"
#include "pipeline/row_tables.h"
#include "sinks/table_sink.h"
#include "stream/row_log.h"

namespace tapeline::pipeline {

struct FileSinkConfig {
  std::string folder;  // TABLE/LANE-FROM-TO.EXT below it.
  sinks::TableFormat format = sinks::TableFormat::csv;
  std::size_t levels = 10;                          // Of the snapshots.
  std::uint64_t part_ns = 60'000'000'000;           // A part is closed after so long …
  std::uint64_t part_rows = 1'000'000;              // … or with so many rows.
  std::vector<const table::Schema*> user_tables{};  // By their place.
};

// Writes the rows of the log's topic `rows` to files as they come, each row once, whatever crashes.
//
// A part holds the rows of one table from a stretch [FROM, TO) of a lane's offsets, which its name tells. It
// gets that name when it is whole. Behind the parts of a stretch, PROGRESS in the folder says how far a lane
// has been written; what a crash left beyond that is removed at the start and written anew, with the same
// rows.
class FileSink {
 public:
  // Both must outlive it.
  FileSink(const FileSinkConfig& config, event_log::EventLog& log, os::FileSystem& files);

  // Finds out where the last run stopped.
  Result<void> open();
  // Takes what there is, of each lane some; whether there was any. `now_ns` is of any clock that only goes
  // forward.
  Result<bool> turn(std::uint64_t now_ns);
  // Closes the parts that are open.
  Result<void> finish();

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::uint64_t missed_records() const { return missed_; }  // Removed before they were read.

 private:
  static constexpr std::size_t max_tables = stream::RowBatchBuilder::max_tables;

  struct Lane {
    std::unique_ptr<event_log::Reader> reader;
    std::uint64_t from = 0;  // Where the open part begins.
    std::uint64_t to = 0;
    std::uint64_t begun_ns = 0;
    std::uint64_t rows = 0;
    std::array<std::unique_ptr<sinks::TableSink>, max_tables> tables;
    std::array<std::string, max_tables> paths;
  };

  Result<void> open_new_lanes();
  Result<void> read_progress();
  Result<void> remove_leftovers();
  Result<void> take(std::size_t number, const event_log::Batch& batch);
  Result<sinks::TableSink*> table_of(std::size_t number, std::uint16_t table);
  Result<void> close_part(std::size_t number);
  Result<void> write_progress();
  // Of the table with this number; null where there is none.
  [[nodiscard]] const table::Schema* schema_of_table(std::uint16_t table) const;
  [[nodiscard]] std::string table_folder(std::uint16_t table) const;

  static constexpr unsigned batches_per_turn = 64;

  FileSinkConfig config_;
  event_log::EventLog& log_;
  os::FileSystem& files_;
  std::vector<Lane> lanes_;
  std::vector<std::uint64_t> progress_;  // By lane: what is written before that.
  std::uint64_t rows_ = 0;
  std::uint64_t missed_ = 0;
  std::uint64_t looked_ns_ = 0;
};

// A file sink and its thread, which nobody waits for.
class FileSinkThread {
 public:
  // All must outlive it. A failure that does not pass by itself is told on the thread, which ends then.
  static Result<std::unique_ptr<FileSinkThread>> start(const FileSinkConfig& config, event_log::EventLog& log,
                                                       os::FileSystem& files, const os::Clock& clock,
                                                       std::function<void(const Error&)> on_failure);
  // Takes what the log has by now, closes the parts and ends.
  ~FileSinkThread();
  FileSinkThread(const FileSinkThread&) = delete;
  FileSinkThread& operator=(const FileSinkThread&) = delete;

 private:
  FileSinkThread(const FileSinkConfig& config, event_log::EventLog& log, os::FileSystem& files,
                 const os::Clock& clock, std::function<void(const Error&)> on_failure)
      : sink_(config, log, files), clock_(clock), on_failure_(std::move(on_failure)) {}
  void run();

  FileSink sink_;
  const os::Clock& clock_;
  std::function<void(const Error&)> on_failure_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace tapeline::pipeline
