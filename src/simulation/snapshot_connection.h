#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "feed/glimpse/snapshot_client.h"
#include "simulation/event_queue.h"
#include "simulation/simulated_exchange.h"
#include "simulator/rng.h"

namespace tapeline::simulation {

struct ConnectionFaults {
  double refused = 0;
  double breaks = 0;  // Of each piece that is sent.
  double stalls = 0;  // The same: that piece and all behind it never arrive.
  std::uint64_t latency_ns = 10'000;
  std::uint64_t jitter_ns = 0;
  std::size_t max_piece = 16'384;
};

// A TCP connection from a snapshot client to the exchange: bytes in order, in pieces, until it breaks. It
// lives as long as anybody holds it, be it an event that is still to come; once closed it does nothing.
class SnapshotConnection : public std::enable_shared_from_this<SnapshotConnection> {
 public:
  // Queue, exchange and sink must outlive it, or its close(). `wake` is called when there is work().
  SnapshotConnection(EventQueue& events, SimulatedExchange& exchange, const ConnectionFaults& faults,
                     std::uint64_t seed, glimpse::SnapshotSink& sink, std::function<void()> wake);

  void open(const feed::SessionName& session);
  // The client's end: takes in what has arrived. The sink is called from here alone.
  void work(CaptureTime captured);
  [[nodiscard]] bool has_work() const { return !closed_ && (!arrived_.empty() || lost_ || timer_is_due_); }
  void close();
  // The server's process has died.
  void on_server_gone();

 private:
  void pump();
  void send_up();
  void send_down();
  void serve(std::span<const std::byte> bytes);
  void plan_server_timer();
  void plan_client_timer();
  void lose();
  [[nodiscard]] bool goes_wrong();
  [[nodiscard]] std::uint64_t arrival(std::uint64_t& last_ns);

  EventQueue& events_;
  SimulatedExchange& exchange_;
  ConnectionFaults faults_;
  simulator::Rng rng_;
  std::function<void()> wake_;
  glimpse::SnapshotClient client_;
  std::unique_ptr<exchange::ByteSession> server_;
  std::deque<std::vector<std::byte>> arrived_;
  std::uint64_t last_up_ns_ = 0;
  std::uint64_t last_down_ns_ = 0;
  bool closed_ = false;
  bool lost_ = false;  // And the client is still to hear of it.
  bool timer_is_due_ = false;
  bool stalled_ = false;
};

}  // namespace tapeline::simulation
