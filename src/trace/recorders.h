#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/file_system.h"
#include "trace/flight_recorder.h"

namespace tapeline::trace {

// What can be read of each stage.
struct StageReaders {
  std::optional<FlightReader> ingest{};
  std::vector<FlightReader> workers{};
  std::vector<FlightReader> lanes{};  // Of the file sink.
  std::optional<FlightReader> serve{};
  std::optional<FlightReader> clients{};

  void add(std::string_view name, FlightReader reader);
};

// The recorders that a pipeline has left in a folder, or is writing. None is no error.
[[nodiscard]] Result<StageReaders> open_readers(os::FileSystem& files, const std::string& folder);

// The recorders of one process, a file each: ingest, worker-N, sink-N, serve, clients. From any thread.
class Recorders {
 public:
  // With `records` of 0 nothing is recorded. An empty folder keeps all in memory; in a folder that is there,
  // recorders of an earlier run are removed.
  static Result<std::unique_ptr<Recorders>> open(os::FileSystem& files, const std::string& folder,
                                                 std::uint64_t records);

  // In place of one of the same name. Null where nothing is recorded.
  Result<std::shared_ptr<FlightRecorder>> make(const std::string& name,
                                               const FlightRecorder::Owner& owner = {});
  // Those whose names begin so.
  void remove(std::string_view prefix);

  [[nodiscard]] StageReaders readers() const;

 private:
  Recorders(os::FileSystem& files, std::string folder, std::uint64_t records)
      : files_(files), folder_(std::move(folder)), records_(records) {}
  [[nodiscard]] std::string path_of(std::string_view name) const;

  os::FileSystem& files_;
  std::string folder_;
  std::uint64_t records_;
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, std::shared_ptr<FlightRecorder>>> made_;
};

}  // namespace tapeline::trace
