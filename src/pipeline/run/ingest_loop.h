#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/live_packet_source.h"
#include "metrics/latency_histogram.h"
#include "os/clock.h"
#include "os/doorbell.h"
#include "os/endpoint.h"
#include "pipeline/live/ingest.h"
#include "pipeline/run/published.h"
#include "pipeline/run/snapshot_fetcher.h"
#include "trace/flight_recorder.h"

namespace tapeline::pipeline {

struct IngestLoopConfig {
  std::size_t lines = 2;  // Channels 0 … lines - 1 are the feed's, the next one is where replies come.
  std::vector<os::Endpoint> retransmission_servers;
  std::optional<SnapshotServer> snapshot_server;
};

// How the ingest stands, as of some milliseconds ago.
struct IngestReport {
  feed::SequencerCounters sequencer;
  feed::RetransmissionCounters retransmission;
  IngestCounters log;
  feed::FeedPosition position;
  bool has_gap = false;
  std::array<bool, feed::line_count> down{};
  std::size_t held_bytes = 0;
  std::vector<capture::ChannelCounters> channels;
  std::uint64_t started_ns = 0;           // Monotonic.
  std::uint64_t longest_recovery_ns = 0;  // From where something was missing until nothing was.
  std::uint64_t recoveries = 0;
  std::string blocked;  // Why the log takes nothing at the moment; empty where it does.
  std::string snapshot_failure;
};

// Drives an Ingest from a network: packets, replies and snapshots in, requests out, the time by its clock.
// One turn after the other by one thread; report() and waits() from any.
class IngestLoop {
 public:
  // All must outlive it. `published` is rung behind every batch that the log has taken. The recorder may be
  // null.
  IngestLoop(const IngestLoopConfig& config, Ingest& ingest, capture::LivePacketSource& source,
             capture::DatagramSender& sender, const os::Clock& clock, os::Doorbell& published,
             std::shared_ptr<trace::FlightRecorder> recorder);

  // Waits for packets, at most so long. A failure is the machine's and ends the capture; a log that takes
  // nothing is not: then packets stay with the kernel, and are asked for again where it drops them.
  Result<void> turn(std::uint64_t most_wait_ns);

  [[nodiscard]] IngestReport report() const { return report_.get(); }
  // From a packet's time of arrival to the log, of the oldest packet of each batch.
  [[nodiscard]] metrics::HistogramSnapshot delays() const { return delays_.snapshot(); }

 private:
  void take(const capture::Packet& packet, std::uint64_t now_ns);
  void act(std::uint64_t now_ns);
  bool flush();
  void note_append(std::uint64_t began_ns, std::uint64_t ended_ns);
  void note_recovery(std::uint64_t now_ns);
  void publish_report(std::uint64_t now_ns);

  static constexpr std::uint64_t report_interval_ns = 10'000'000;
  static constexpr std::uint64_t blocked_wait_ns = 10'000'000;
  static constexpr std::uint64_t snapshot_wait_ns = 200'000;

  IngestLoopConfig config_;
  Ingest& ingest_;
  capture::LivePacketSource& source_;
  capture::DatagramSender& sender_;
  const os::Clock& clock_;
  os::Doorbell& published_;
  std::shared_ptr<trace::FlightRecorder> recorder_;
  std::optional<SnapshotFetcher> snapshots_;
  std::uint64_t batches_told_ = 0;
  std::uint64_t oldest_captured_ns_ = 0;  // Of what is not in the log yet.
  std::uint64_t taken_ns_ = 0;            // Monotonic: when the packets of this turn were there.
  std::uint64_t recorded_end_ = 0;        // Of the log, and the session's next sequence there.
  std::uint64_t recorded_sequence_ = 0;
  std::uint64_t last_report_ns_ = 0;
  std::optional<std::uint64_t> gap_since_ns_;
  IngestReport draft_;
  Published<IngestReport> report_;
  metrics::LatencyHistogram delays_;
};

}  // namespace tapeline::pipeline
