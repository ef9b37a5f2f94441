#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "os/descriptor.h"
#include "os/endpoint.h"

namespace tapeline::os {

// A connection that never blocks. Used by one thread.
class TcpConnection {
 public:
  // Begins to connect; the socket becomes writable when that is decided, and connected() tells how.
  static Result<TcpConnection> connect(const Endpoint& to);

  // True once the connection stands, false while it is being made; a failure says why there is none.
  Result<bool> connected() const;

  struct Transfer {
    std::size_t bytes = 0;  // 0 without `closed`: nothing can be moved right now.
    bool closed = false;    // The peer has closed its side, or the connection is broken.
  };

  Result<Transfer> read(std::span<std::byte> to);
  // Takes what the kernel has room for. A peer that went away is `closed`, not a signal.
  Result<Transfer> write(std::span<const std::byte> bytes);

  [[nodiscard]] Result<Endpoint> local_endpoint() const;
  [[nodiscard]] Result<Endpoint> peer_endpoint() const;
  [[nodiscard]] int descriptor() const { return socket_.number(); }

 private:
  friend class TcpListener;
  explicit TcpConnection(Descriptor socket) : socket_(std::move(socket)) {}

  Descriptor socket_;
};

// Accepts connections without ever blocking.
class TcpListener {
 public:
  // Port 0 takes a free one; local_endpoint() tells which.
  static Result<TcpListener> listen(const Endpoint& at, int backlog = 16);

  // The next connection that is waiting, if any.
  Result<std::optional<TcpConnection>> accept();

  [[nodiscard]] Result<Endpoint> local_endpoint() const;
  [[nodiscard]] int descriptor() const { return socket_.number(); }

 private:
  explicit TcpListener(Descriptor socket) : socket_(std::move(socket)) {}

  Descriptor socket_;
};

}  // namespace tapeline::os
