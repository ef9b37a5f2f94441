#include "os/tcp_socket.h"

#include <cerrno>

#include <netinet/tcp.h>

#include "os/posix/socket_address.h"

namespace tapeline::os {

namespace {

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

bool peer_is_gone(int error) {
  return error == EPIPE || error == ECONNRESET || error == ETIMEDOUT;
}

Result<Descriptor> open_stream_socket() {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return failure("cannot open a TCP socket");
  return socket;
}

// Heartbeats and small messages must not wait for an acknowledgement of what was sent before.
Result<void> send_at_once(int socket) {
  return set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
}

}  // namespace

Result<TcpConnection> TcpConnection::connect(const Endpoint& to) {
  if (auto valid = require_v4(to); !valid) return std::unexpected(valid.error());
  Result<Descriptor> socket = open_stream_socket();
  if (!socket) return std::unexpected(socket.error());
  if (auto set = send_at_once(socket->number()); !set) return std::unexpected(set.error());
  const sockaddr_in address = to_kernel(to);
  if (::connect(socket->number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS)
    return failure(fmt::format("cannot connect to {}", to_text(to)));
  return TcpConnection(std::move(*socket));
}

Result<bool> TcpConnection::connected() const {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(descriptor(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return failure("cannot connect; is the server running there?", error);
  sockaddr_in peer{};
  size = sizeof peer;
  if (::getpeername(descriptor(), reinterpret_cast<sockaddr*>(&peer), &size) == 0) return true;
  if (errno == ENOTCONN) return false;
  return failure("cannot connect");
}

Result<TcpConnection::Transfer> TcpConnection::read(std::span<std::byte> to) {
  const ssize_t got = ::recv(descriptor(), to.data(), to.size(), 0);
  if (got > 0) return Transfer{static_cast<std::size_t>(got), false};
  if (got == 0) return Transfer{0, !to.empty()};
  if (would_block(errno)) return Transfer{};
  if (peer_is_gone(errno)) return Transfer{0, true};
  return failure("cannot read from a connection");
}

Result<TcpConnection::Transfer> TcpConnection::write(std::span<const std::byte> bytes) {
  const ssize_t taken = ::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (taken >= 0) return Transfer{static_cast<std::size_t>(taken), false};
  if (would_block(errno)) return Transfer{};
  if (peer_is_gone(errno)) return Transfer{0, true};
  return failure("cannot write to a connection");
}

Result<Endpoint> TcpConnection::local_endpoint() const {
  return local_endpoint_of(descriptor());
}

Result<Endpoint> TcpConnection::peer_endpoint() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getpeername(descriptor(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return failure("cannot tell a connection's peer");
  return from_kernel(address);
}

Result<TcpListener> TcpListener::listen(const Endpoint& at, int backlog) {
  if (auto valid = require_v4(at); !valid) return std::unexpected(valid.error());
  Result<Descriptor> socket = open_stream_socket();
  if (!socket) return std::unexpected(socket.error());
  // A server that is started anew must not wait for its old connections to be forgotten.
  if (auto set = set_option(socket->number(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"); !set)
    return std::unexpected(set.error());
  const sockaddr_in address = to_kernel(at);
  if (::bind(socket->number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failure(fmt::format("cannot listen on {}; choose another port, or 0 for a free one", to_text(at)));
  if (::listen(socket->number(), backlog) != 0)
    return failure(fmt::format("cannot listen on {}", to_text(at)));
  return TcpListener(std::move(*socket));
}

Result<std::optional<TcpConnection>> TcpListener::accept() {
  Descriptor socket(::accept4(descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.is_open()) {
    // A connection that was given up while it waited is as good as none.
    if (would_block(errno) || errno == ECONNABORTED) return std::nullopt;
    return failure("cannot accept a connection");
  }
  if (auto set = send_at_once(socket.number()); !set) return std::unexpected(set.error());
  return TcpConnection(std::move(socket));
}

Result<Endpoint> TcpListener::local_endpoint() const {
  return local_endpoint_of(descriptor());
}

}  // namespace tapeline::os
