#pragma once

#include "os/clock_quality.h"
#include "pipeline/run/live_pipeline.h"
#include "status/status.h"

namespace tapeline::pipeline {

// Puts the account of a running pipeline together. Asked once a second by one thread, which rates need.
class PipelineStatus {
 public:
  // Both must outlive it.
  PipelineStatus(const LivePipeline& pipeline, const os::ClockQualityMonitor& clock_quality,
                 std::string version, std::uint64_t process_started_ns);

  [[nodiscard]] status::Status take();

 private:
  void add_feed(status::Status& status, const IngestReport& ingest, std::uint64_t now_ns) const;
  void add_market(status::Status& status, const std::vector<WorkerReport>& workers) const;
  void add_latencies(status::Status& status, const WorkerPool::Timings& timings) const;
  void add_checkpoints(status::Status& status, const std::vector<WorkerReport>& workers,
                       std::uint64_t now_ns) const;
  void add_warnings(status::Status& status, const IngestReport& ingest,
                    const std::vector<WorkerReport>& workers) const;

  const LivePipeline& pipeline_;
  const os::ClockQualityMonitor& clock_quality_;
  std::string version_;
  std::uint64_t started_ns_;
  status::RateHistory captured_;
  status::RateHistory sequenced_;
  status::RateHistory logged_;
  status::RateHistory computed_;
  status::RateHistory rows_;
};

}  // namespace tapeline::pipeline
