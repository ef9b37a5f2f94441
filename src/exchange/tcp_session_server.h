#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "os/clock.h"
#include "os/poller.h"
#include "os/tcp_socket.h"

namespace tapeline::exchange {

// One end of a protocol over a byte stream: a pure state machine that somebody else carries.
class ByteSession {
 public:
  virtual ~ByteSession() = default;

  virtual void feed(std::span<const std::byte> bytes, std::uint64_t now_ns) = 0;
  // Makes more output where there is room for it; called whenever some was sent.
  virtual void pump(std::uint64_t now_ns) = 0;
  virtual void on_timer(std::uint64_t now_ns) = 0;
  [[nodiscard]] virtual std::span<const std::byte> output() const = 0;
  virtual void consume_output(std::size_t size) = 0;
  // Nothing more is to be received; the connection goes when the output is sent.
  [[nodiscard]] virtual bool is_over() const = 0;
};

struct TcpServerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;  // More at once than there may be.
  std::uint64_t stalled = 0;  // Dropped because they did not read.
};

struct TcpServerLimits {
  std::size_t max_connections = 16;
  std::uint64_t stall_ns =
      10'000'000'000;  // A peer that takes nothing of what waits for it for so long is dropped.
};

// Accepts connections and carries the bytes of their sessions. Work and memory of one poll() are bounded
// whatever the peers do. Used by one thread.
class TcpSessionServer {
 public:
  using MakeSession = std::function<std::unique_ptr<ByteSession>(std::uint64_t now_ns)>;

  // The clock must outlive it.
  static Result<TcpSessionServer> listen(const os::Endpoint& at, const TcpServerLimits& limits,
                                         MakeSession make_session, const os::Clock& clock);

  // Waits for something to do, at most `timeout_ns`, and does it.
  Result<void> poll(std::uint64_t timeout_ns);

  [[nodiscard]] const os::Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] const TcpServerCounters& counters() const { return counters_; }

 private:
  struct Connection {
    os::TcpConnection socket;
    std::unique_ptr<ByteSession> session;
    bool waits_to_write = false;
    std::uint64_t last_taken_ns = 0;  // When the peer last took something, or nothing waited for it.
  };

  TcpSessionServer(os::TcpListener listener, os::Poller poller, const TcpServerLimits& limits,
                   MakeSession make_session, const os::Clock& clock);
  Result<void> accept_waiting(std::uint64_t now_ns);
  void serve(std::size_t slot, bool readable, std::uint64_t now_ns);
  [[nodiscard]] bool read(Connection& connection, std::uint64_t now_ns);
  [[nodiscard]] bool write(Connection& connection, std::uint64_t now_ns);

  static constexpr std::size_t read_bytes = 4096;
  static constexpr int writes_at_once = 4;
  static constexpr std::uint32_t listener_token = ~std::uint32_t{0};

  os::TcpListener listener_;
  os::Poller poller_;
  TcpServerLimits limits_;
  MakeSession make_session_;
  const os::Clock* clock_;
  os::Endpoint endpoint_;
  std::vector<std::optional<Connection>> connections_;
  TcpServerCounters counters_;
};

}  // namespace tapeline::exchange
