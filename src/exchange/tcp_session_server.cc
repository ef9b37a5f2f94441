#include "exchange/tcp_session_server.h"

namespace tapeline::exchange {

TcpSessionServer::TcpSessionServer(os::TcpListener listener, os::Poller poller, const TcpServerLimits& limits,
                                   MakeSession make_session, const os::Clock& clock)
    : listener_(std::move(listener)),
      poller_(std::move(poller)),
      limits_(limits),
      make_session_(std::move(make_session)),
      clock_(&clock),
      connections_(limits.max_connections) {}

Result<TcpSessionServer> TcpSessionServer::listen(const os::Endpoint& at, const TcpServerLimits& limits,
                                                  MakeSession make_session, const os::Clock& clock) {
  Result<os::TcpListener> listener = os::TcpListener::listen(at);
  if (!listener) return std::unexpected(listener.error());
  const Result<os::Endpoint> endpoint = listener->local_endpoint();
  if (!endpoint) return std::unexpected(endpoint.error());
  Result<os::Poller> poller = os::Poller::open();
  if (!poller) return std::unexpected(poller.error());
  if (auto added = poller->add(listener->descriptor(), listener_token); !added)
    return std::unexpected(added.error());
  TcpSessionServer server(std::move(*listener), std::move(*poller), limits, std::move(make_session), clock);
  server.endpoint_ = *endpoint;
  return server;
}

std::size_t TcpSessionServer::connections() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(connections_, [](const auto& connection) { return connection.has_value(); }));
}

Result<void> TcpSessionServer::accept_waiting(std::uint64_t now_ns) {
  // As many as there may be; the rest waits for the next call.
  for (std::size_t i = 0; i < limits_.max_connections; ++i) {
    Result<std::optional<os::TcpConnection>> socket = listener_.accept();
    if (!socket) return std::unexpected(socket.error());
    if (!*socket) return {};
    const auto free = std::ranges::find_if(connections_, [](const auto& slot) { return !slot.has_value(); });
    if (free == connections_.end()) {
      ++counters_.refused;
      continue;
    }
    const auto token = static_cast<std::uint32_t>(free - connections_.begin());
    if (auto added = poller_.add((*socket)->descriptor(), token); !added) return added;
    ++counters_.accepted;
    *free = Connection{std::move(**socket), make_session_(now_ns), false, now_ns};
  }
  return {};
}

// False where the connection is gone.
bool TcpSessionServer::read(Connection& connection, std::uint64_t now_ns) {
  std::array<std::byte, read_bytes> bytes;
  const Result<os::TcpConnection::Transfer> got = connection.socket.read(bytes);
  if (!got || got->closed) return false;
  // Whatever comes behind the end of a session is read, so that the peer gets to see the end, and ignored.
  if (got->bytes > 0 && !connection.session->is_over())
    connection.session->feed(std::span(bytes).first(got->bytes), now_ns);
  return true;
}

bool TcpSessionServer::write(Connection& connection, std::uint64_t now_ns) {
  for (int i = 0; i < writes_at_once; ++i) {
    connection.session->pump(now_ns);
    const std::span<const std::byte> output = connection.session->output();
    if (output.empty()) break;
    const Result<os::TcpConnection::Transfer> taken = connection.socket.write(output);
    if (!taken || taken->closed) return false;
    if (taken->bytes == 0) break;
    connection.session->consume_output(taken->bytes);
    connection.last_taken_ns = now_ns;
  }
  if (connection.session->output().empty()) {
    connection.last_taken_ns = now_ns;
    return !connection.session->is_over();
  }
  if (now_ns - connection.last_taken_ns < limits_.stall_ns) return true;
  ++counters_.stalled;
  return false;
}

void TcpSessionServer::serve(std::size_t slot, bool readable, std::uint64_t now_ns) {
  Connection& connection = *connections_[slot];
  const bool alive = (!readable || read(connection, now_ns)) && write(connection, now_ns);
  const bool waits = alive && !connection.session->output().empty();
  if (alive && waits == connection.waits_to_write) return;
  connection.waits_to_write = waits;
  const auto token = static_cast<std::uint32_t>(slot);
  if (!alive || !poller_.change(connection.socket.descriptor(), token, {.reading = true, .writing = waits}))
    connections_[slot].reset();
}

Result<void> TcpSessionServer::poll(std::uint64_t timeout_ns) {
  const Result<std::span<const os::Poller::Ready>> ready = poller_.wait(timeout_ns);
  if (!ready) return std::unexpected(ready.error());
  const std::uint64_t now_ns = clock_->monotonic_ns();
  bool waiting = false;
  for (const os::Poller::Ready& report : *ready) {
    if (report.token == listener_token)
      waiting = true;
    else if (connections_[report.token])
      serve(report.token, report.readable || report.failed, now_ns);
  }
  for (std::size_t slot = 0; slot < connections_.size(); ++slot) {
    if (!connections_[slot]) continue;
    connections_[slot]->session->on_timer(now_ns);
    serve(slot, false, now_ns);
  }
  // Last, so that no report of a connection that is gone can meet the one that takes its place.
  return waiting ? accept_waiting(now_ns) : Result<void>{};
}

}  // namespace tapeline::exchange
