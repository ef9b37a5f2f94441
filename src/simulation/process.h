#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "event_log/journal/journal.h"
#include "os/simulated/simulated_file_system.h"
#include "pipeline/live/ingest.h"
#include "pipeline/live/log_worker.h"
#include "simulation/event_queue.h"
#include "simulation/link.h"
#include "simulation/log_memory.h"
#include "simulation/simulated_exchange.h"
#include "simulation/simulated_store.h"
#include "simulation/snapshot_connection.h"
#include "simulation/trace.h"
#include "stream/key_groups.h"

namespace tapeline::simulation {

struct ProcessPlan {
  pipeline::IngestConfig ingest;
  pipeline::MarketWorkerConfig worker;
  event_log::TopicOptions feed_topic;
  event_log::TopicOptions rows_topic;
  std::size_t receive_queue = 512;  // Packets that the kernel holds for it; more are dropped.
  std::size_t packets_per_turn = 32;
  std::uint64_t turn_delay_ns = 2'000;    // Of the thread that takes packets in.
  std::uint64_t worker_delay_ns = 5'000;  // Of a worker, up to twice as much.
  std::uint64_t commit_delay_ns = 50'000;
  std::uint64_t sync_interval_ns = 5'000'000;
  std::uint64_t maintain_interval_ns = 3'000'000;
  std::uint64_t retry_ns = 200'000;  // After a full disk.
};

// What a packet is, or rather where it comes from.
enum class Origin : std::uint8_t { line_a, line_b, retransmission };

// The machine and the world around a process. All of it outlives the process.
struct Surroundings {
  EventQueue& events;
  os::SimulatedFileSystem& disk;
  SimulatedStore& store;
  LogMemory& memory;
  Saboteur& saboteur;
  SimulatedExchange& exchange;
  Trace& trace;
  const ConnectionFaults& connection;
  std::function<void(unsigned server, std::span<const std::byte> request)> send_request;
  // It cannot go on and is to be killed, once: `wrong` says what the pipeline did that it must not do; empty
  // where a fault explains it.
  std::function<void(std::string wrong)> on_stop;
  std::function<void(const pipeline::LogWorker&)> on_caught_up;
};

struct ProcessCounters {
  std::uint64_t dropped_packets = 0;
  std::uint64_t recovered_messages = 0;
  std::uint64_t failed_flushes = 0;
  std::uint64_t failed_turns = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t restored_keys = 0;
  std::uint64_t rebuilds = 0;  // Workers that could not use their checkpoints.

  ProcessCounters& operator+=(const ProcessCounters& other);
};

// The live pipeline as one process: packets to log, log to workers, workers to rows, with what its threads do
// on events of one queue. It lives from start() until its owner lets go of it, at once as a crash does.
class Process final : public glimpse::SnapshotSink, public std::enable_shared_from_this<Process> {
 public:
  // The time of day is that of the queue and the offset.
  Process(const ProcessPlan& plan, const Surroundings& around, std::uint64_t seed,
          std::uint64_t wall_offset_ns);
  ~Process() override;

  // Recovers what is on the disk. The caller looks at the log then, before go().
  Result<void> start(unsigned workers);
  void go();

  void receive(Origin origin, unsigned server, const Datagram& datagram);
  // What a clean stop does before the process ends. False where it could not be done.
  [[nodiscard]] bool stop_cleanly();
  // The process is over: it does nothing any more.
  void let_go();

  [[nodiscard]] bool is_running() const { return running_; }
  // Everything that came has been taken in, logged and worked off.
  [[nodiscard]] bool is_settled() const;
  // What it still waits for, for a run that hangs.
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] ProcessCounters counters() const;
  [[nodiscard]] const std::vector<std::unique_ptr<pipeline::LogWorker>>& workers() const { return workers_; }
  [[nodiscard]] event_log::EventLog& log() { return *journal_; }
  void on_exchange_restart();

  void on_snapshot_messages(const feed::MessageBlock& block) override;
  void on_snapshot_complete(std::uint64_t next_sequence) override;
  void on_snapshot_failed(std::string_view reason) override;

 private:
  struct Received {
    Origin origin;
    unsigned server;
    CaptureTime captured;
    Datagram datagram;
  };

  void plan_turn(std::uint64_t at_ns);
  void turn();
  void take_in();
  void take_packet(const Received& packet);
  void carry_out_actions();
  void start_snapshot(const feed::SequencerAction& action);
  void wake_workers();
  void plan_worker(std::size_t number, std::uint64_t delay_ns);
  void turn_worker(std::size_t number);
  void plan_commit(std::size_t number);
  void plan_sync();
  void sync();
  void plan_maintenance();
  // Whether the process lives on after a call that may have failed.
  bool survives(const Error* error, std::string_view what);
  [[nodiscard]] bool has_failed_writer() const;
  void stop(std::string wrong);
  [[nodiscard]] CaptureTime wall() const { return CaptureTime{wall_offset_ns_ + around_.events.now_ns()}; }
  // Runs the action later, if the process is still there.
  template <class F>
  void after(std::uint64_t delay_ns, F action);

  ProcessPlan plan_;
  Surroundings around_;
  simulator::Rng rng_;
  std::uint64_t wall_offset_ns_;
  const stream::KeyGroups& groups_;
  std::unique_ptr<event_log::journal::Journal> journal_;
  std::unique_ptr<ObservedLog> log_;
  std::vector<std::unique_ptr<SimulatedCheckpointWriter>> writers_;
  std::vector<std::unique_ptr<pipeline::LogWorker>> workers_;
  std::unique_ptr<pipeline::Ingest> ingest_;
  std::deque<Received> received_;
  std::shared_ptr<SnapshotConnection> connection_;
  std::uint64_t attempt_ = 0;
  std::uint64_t next_turn_ns_ = UINT64_MAX;
  std::vector<std::uint64_t> next_worker_turn_ns_;
  std::vector<bool> commit_planned_;
  bool running_ = false;
  bool stopping_ = false;
  ProcessCounters counters_;
};

}  // namespace tapeline::simulation
