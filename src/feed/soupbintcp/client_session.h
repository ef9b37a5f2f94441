#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "feed/soupbintcp/session.h"

namespace tapeline::soupbintcp {

struct ClientEvent {
  enum class Kind : std::uint8_t {
    accepted,     // session() and next_sequence() are set.
    message,      // Sequenced data.
    unsequenced,  // Data without a number.
    end_of_session
  };
  Kind kind;
  std::uint64_t sequence;              // Of a message, counted from what the server accepted.
  std::span<const std::byte> payload;  // Valid until the next call of next().
};

// The client's end of SoupBinTCP: bytes in, events and bytes out. The caller owns the connection; it sends
// output(), hands in what arrives, calls on_timer and closes once is_over() and the output is sent.
class ClientSession {
 public:
  explicit ClientSession(const SessionLimits& limits = {}) : link_(limits, PacketType::client_heartbeat) {}

  // A new connection is there. A blank session asks for the current one.
  void log_in(const LoginRequest& request, std::uint64_t now_ns);
  // Asks the server to close the connection.
  void log_out(std::uint64_t now_ns);
  // Unsequenced data; false, and the session over, where the server does not read. Only once accepted.
  bool send(std::span<const std::byte> payload, std::uint64_t now_ns);

  // Bytes that arrived; they must live until next() has returned nothing.
  void feed(std::span<const std::byte> bytes, std::uint64_t now_ns) { link_.feed(bytes, now_ns); }
  [[nodiscard]] std::optional<ClientEvent> next();

  void on_timer(std::uint64_t now_ns) { link_.on_timer(now_ns, open_); }
  [[nodiscard]] std::uint64_t next_deadline() const { return link_.next_deadline(open_); }

  [[nodiscard]] std::span<const std::byte> output() const { return link_.output(); }
  void consume_output(std::size_t size) { link_.consume_output(size); }

  [[nodiscard]] bool is_open() const { return open_ && !link_.is_over(); }
  [[nodiscard]] bool is_over() const { return link_.is_over(); }
  [[nodiscard]] SessionEnd end() const { return link_.end(); }
  [[nodiscard]] std::optional<RejectReason> reject_reason() const { return reject_reason_; }
  [[nodiscard]] const FixedText<10>& session() const { return session_; }
  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }

 private:
  [[nodiscard]] std::optional<ClientEvent> take(const Packet& packet);
  [[nodiscard]] std::optional<ClientEvent> take_login_answer(const Packet& packet);

  SessionLink link_;
  bool open_ = false;  // Accepted.
  FixedText<10> session_ = FixedText<10>("");
  std::uint64_t next_sequence_ = 0;
  std::optional<RejectReason> reject_reason_;
};

}  // namespace tapeline::soupbintcp
