#include "simulation/snapshot_connection.h"

#include <algorithm>

namespace tapeline::simulation {

namespace {

constexpr std::uint64_t server_timer_ns = 1'000'000;

}  // namespace

SnapshotConnection::SnapshotConnection(EventQueue& events, SimulatedExchange& exchange,
                                       const ConnectionFaults& faults, std::uint64_t seed,
                                       glimpse::SnapshotSink& sink, std::function<void()> wake)
    : events_(events),
      exchange_(exchange),
      faults_(faults),
      rng_(seed),
      wake_(std::move(wake)),
      client_({}, FixedText<6>("sim"), FixedText<10>(""), sink) {}

void SnapshotConnection::open(const feed::SessionName& session) {
  client_.connect(events_.now_ns(), session);
  if (rng_.chance(faults_.refused)) return lose();
  server_ = exchange_.make_session();
  send_up();
  plan_server_timer();
  plan_client_timer();
}

void SnapshotConnection::close() {
  closed_ = true;
  server_.reset();
  arrived_.clear();
}

void SnapshotConnection::on_server_gone() {
  if (closed_ || server_ == nullptr) return;
  server_.reset();
  lose();
}

// The client hears of it after a while.
void SnapshotConnection::lose() {
  server_.reset();
  events_.after(faults_.latency_ns, [self = shared_from_this()] {
    if (self->closed_) return;
    self->lost_ = true;
    self->wake_();
  });
}

bool SnapshotConnection::goes_wrong() {
  if (rng_.chance(faults_.breaks)) {
    lose();
    return true;
  }
  stalled_ = stalled_ || rng_.chance(faults_.stalls);
  return stalled_;
}

// No byte overtakes another.
std::uint64_t SnapshotConnection::arrival(std::uint64_t& last_ns) {
  std::uint64_t at_ns = events_.now_ns() + faults_.latency_ns;
  if (faults_.jitter_ns > 0) at_ns += rng_.between(0, faults_.jitter_ns);
  return last_ns = std::max(last_ns, at_ns);
}

void SnapshotConnection::send_up() {
  if (client_.output().empty()) return;
  std::vector<std::byte> bytes(client_.output().begin(), client_.output().end());
  client_.consume_output(bytes.size());
  if (server_ == nullptr || goes_wrong()) return;
  events_.at(arrival(last_up_ns_), [self = shared_from_this(), bytes = std::move(bytes)] {
    if (!self->closed_ && self->server_ != nullptr) self->serve(bytes);
  });
}

void SnapshotConnection::serve(std::span<const std::byte> bytes) {
  server_->feed(bytes, events_.now_ns());
  pump();
}

void SnapshotConnection::pump() {
  exchange_.follow();
  server_->pump(events_.now_ns());
  send_down();
}

void SnapshotConnection::send_down() {
  while (server_ != nullptr && !server_->output().empty()) {
    const std::size_t most = std::min(server_->output().size(), faults_.max_piece);
    const std::size_t size = 1 + rng_.below(static_cast<std::uint32_t>(most));
    std::vector<std::byte> bytes(server_->output().begin(),
                                 server_->output().begin() + static_cast<std::ptrdiff_t>(size));
    server_->consume_output(size);
    server_->pump(events_.now_ns());
    if (goes_wrong()) continue;
    events_.at(arrival(last_down_ns_), [self = shared_from_this(), bytes = std::move(bytes)] {
      if (self->closed_) return;
      self->arrived_.push_back(bytes);
      self->wake_();
    });
  }
  if (server_ != nullptr && server_->is_over()) lose();
}

// Logins that wait for a newer snapshot are looked at again then.
void SnapshotConnection::plan_server_timer() {
  events_.after(server_timer_ns, [self = shared_from_this()] {
    if (self->closed_ || self->server_ == nullptr) return;
    self->server_->on_timer(self->events_.now_ns());
    self->pump();
    self->plan_server_timer();
  });
}

void SnapshotConnection::plan_client_timer() {
  events_.at(client_.next_deadline(), [self = shared_from_this()] {
    if (self->closed_ || self->client_.is_over()) return;
    self->timer_is_due_ = true;
    self->wake_();
    self->plan_client_timer();
  });
}

void SnapshotConnection::work(CaptureTime captured) {
  const std::uint64_t now_ns = events_.now_ns();
  while (!closed_ && !arrived_.empty()) {
    const std::vector<std::byte> bytes = std::move(arrived_.front());
    arrived_.pop_front();
    client_.on_bytes(bytes, captured, now_ns);
  }
  if (closed_) return;
  if (std::exchange(timer_is_due_, false)) client_.on_timer(now_ns);
  if (std::exchange(lost_, false)) client_.on_disconnect();
  send_up();
}

}  // namespace tapeline::simulation
