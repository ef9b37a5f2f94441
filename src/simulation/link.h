#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "exchange/faults.h"
#include "simulation/event_queue.h"
#include "simulator/rng.h"

namespace tapeline::simulation {

// Bytes on their way, followed by decode_padding more.
struct Datagram {
  std::vector<std::byte> bytes;
  [[nodiscard]] std::span<const std::byte> payload() const;
};

// What a way through the network does to datagrams.
struct LinkFaults {
  double loss = 0;
  double duplicate = 0;
  double corrupt = 0;  // As exchange::FaultInjector does: damage that a receiver can tell.
  double delay = 0;    // So often one takes `delay_ns` longer.
  std::uint64_t delay_ns = 0;
  std::uint64_t latency_ns = 5'000;
  std::uint64_t jitter_ns = 0;  // Up to so much longer each, which changes their order.
};

struct LinkCounters {
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t delayed = 0;
  std::uint64_t suppressed = 0;  // While the way was cut.

  LinkCounters& operator+=(const LinkCounters& other);
};

// One way from one end to another.
class Link {
 public:
  using Deliver = std::function<void(const Datagram&)>;

  // The queue must outlive it.
  Link(EventQueue& events, const LinkFaults& faults, std::uint64_t seed, Deliver deliver);

  void send(std::span<const std::byte> payload);
  // Nothing gets through while it is cut.
  void cut(bool is_cut) { cut_ = is_cut; }
  // Nothing goes wrong any more.
  void heal();
  [[nodiscard]] LinkCounters counters() const;
  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_; }

 private:
  void carry(std::span<const std::byte> payload);

  EventQueue& events_;
  LinkFaults faults_;
  exchange::FaultInjector injector_;
  simulator::Rng rng_;
  Deliver deliver_;
  exchange::DatagramBatch batch_;
  bool cut_ = false;
  bool healed_ = false;
  std::uint64_t in_flight_ = 0;
  LinkCounters counters_;
};

}  // namespace tapeline::simulation
