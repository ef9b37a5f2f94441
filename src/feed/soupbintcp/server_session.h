#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "feed/soupbintcp/session.h"

namespace tapeline::soupbintcp {

struct ServerEvent {
  enum class Kind : std::uint8_t {
    login,        // To be answered by accept or reject.
    unsequenced,  // Data of the client.
    logout
  };
  Kind kind;
  LoginRequest login;                  // login
  std::span<const std::byte> payload;  // unsequenced; valid until the next call of next().
};

// Over all sessions of a server.
struct ServerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t messages = 0;                            // Sequenced data, put into an output.
  std::array<std::uint64_t, session_end_count> ended{};  // By SessionEnd: how often a session ended so.
};

// The server's end of one connection: bytes in, events and bytes out. The caller owns the connection and the
// messages; it sends output(), hands in what arrives, calls on_timer, and closes once is_over() and the
// output is sent. A client that does not read costs max_output_bytes at most, then it is dropped.
class ServerSession {
 public:
  // The counters must outlive it.
  ServerSession(const SessionLimits& limits, ServerCounters& counters, std::uint64_t now_ns);

  void feed(std::span<const std::byte> bytes, std::uint64_t now_ns) { link_.feed(bytes, now_ns); }
  [[nodiscard]] std::optional<ServerEvent> next();

  // The answer to a login. `next_sequence` is the number of the first message that will be sent.
  void accept(const FixedText<10>& session, std::uint64_t next_sequence, std::uint64_t now_ns);
  void reject(RejectReason reason, std::uint64_t now_ns);

  // The next message, once accepted; false where the session is over, be it by this very call.
  bool send(std::span<const std::byte> message, std::uint64_t now_ns);
  // How long a message may be so that it does not make the client count as slow.
  [[nodiscard]] std::size_t room() const { return link_.room(); }
  void end_session(std::uint64_t now_ns);

  void on_timer(std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t next_deadline() const { return link_.next_deadline(is_open()); }

  [[nodiscard]] std::span<const std::byte> output() const { return link_.output(); }
  void consume_output(std::size_t size) { link_.consume_output(size); }

  [[nodiscard]] bool is_open() const { return state_ == State::open && !link_.is_over(); }
  [[nodiscard]] bool is_over() const { return link_.is_over(); }
  [[nodiscard]] SessionEnd end() const { return link_.end(); }
  // Of the next message to send.
  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }

 private:
  enum class State : std::uint8_t { waiting_for_login, deciding, open };

  [[nodiscard]] std::optional<ServerEvent> take(const Packet& packet);
  void count_end();

  SessionLink link_;
  ServerCounters& counters_;
  State state_ = State::waiting_for_login;
  bool end_is_counted_ = false;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace tapeline::soupbintcp
