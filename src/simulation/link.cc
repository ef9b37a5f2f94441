#include "simulation/link.h"

#include "base/bytes.h"

namespace tapeline::simulation {

namespace {

exchange::Faults injected(const LinkFaults& faults) {
  exchange::Faults injected;
  injected.loss = faults.loss;
  injected.duplicate = faults.duplicate;
  injected.corrupt = faults.corrupt;
  return injected;
}

}  // namespace

std::span<const std::byte> Datagram::payload() const {
  return std::span(bytes).first(bytes.size() - decode_padding);
}

LinkCounters& LinkCounters::operator+=(const LinkCounters& other) {
  sent += other.sent;
  lost += other.lost;
  duplicated += other.duplicated;
  corrupted += other.corrupted;
  delayed += other.delayed;
  suppressed += other.suppressed;
  return *this;
}

Link::Link(EventQueue& events, const LinkFaults& faults, std::uint64_t seed, Deliver deliver)
    : events_(events),
      faults_(faults),
      injector_(injected(faults), exchange::Feed::a, seed),
      rng_(seed),
      deliver_(std::move(deliver)),
      batch_(exchange::FaultInjector::max_entries_per_packet) {}

void Link::heal() {
  healed_ = true;
  cut_ = false;
}

void Link::send(std::span<const std::byte> payload) {
  ++counters_.sent;
  if (cut_) {
    ++counters_.suppressed;
    return;
  }
  if (healed_) return carry(payload);
  batch_.clear();
  injector_.pass(payload, 0, 0, batch_);
  for (const exchange::DatagramBatch::Entry& entry : batch_.entries()) carry(entry.payload);
}

void Link::carry(std::span<const std::byte> payload) {
  auto datagram = std::make_shared<Datagram>();
  datagram->bytes.reserve(payload.size() + decode_padding);
  datagram->bytes.assign(payload.begin(), payload.end());
  datagram->bytes.resize(payload.size() + decode_padding);
  std::uint64_t takes_ns = faults_.latency_ns;
  if (!healed_) {
    if (faults_.jitter_ns > 0) takes_ns += rng_.between(0, faults_.jitter_ns);
    if (rng_.chance(faults_.delay)) {
      ++counters_.delayed;
      takes_ns += faults_.delay_ns;
    }
  }
  ++in_flight_;
  events_.after(takes_ns, [this, datagram] {
    --in_flight_;
    deliver_(*datagram);
  });
}

LinkCounters Link::counters() const {
  LinkCounters counters = counters_;
  const exchange::FaultCounters& injected = injector_.counters();
  counters.lost = injected.lost;
  counters.duplicated = injected.duplicated;
  counters.corrupted = injected.corrupted;
  return counters;
}

}  // namespace tapeline::simulation
