#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "feed/soupbintcp/frame_parser.h"
#include "feed/soupbintcp/packets.h"

namespace tapeline::soupbintcp {

// Of either end of a connection. Times are of the caller's monotonic clock.
struct SessionLimits {
  std::uint64_t heartbeat_after_ns = 1'000'000'000;  // Without anything sent.
  std::uint64_t silence_ns = 15'000'000'000;         // Without anything received, the other end is gone.
  std::size_t max_packet_size = soupbintcp::max_packet_size;  // Of what the other end may send.
  std::size_t max_output_bytes = std::size_t{1} << 20;        // That wait for the other end to read.
};

// Why a session is over.
enum class SessionEnd : std::uint8_t {
  none,             // It is not.
  end_of_session,   // The server has nothing more to say, ever.
  logged_out,       // The client wanted no more.
  rejected,         // The login was.
  silent,           // Nothing came for too long.
  slow,             // The other end did not read, and what waits for it has reached its maximum.
  damaged,          // Bytes that are no packets.
  against_protocol  // Packets that may not come at this point.
};
inline constexpr std::size_t session_end_count = 8;

// "silent", "slow"… for a log line. Points to a constant.
[[nodiscard]] std::string_view to_string(SessionEnd end);

// What both ends of a session have in common: bytes waiting to be sent, and silence in both directions.
class SessionLink {
 public:
  SessionLink(const SessionLimits& limits, PacketType heartbeat)
      : limits_(limits), heartbeat_(heartbeat), parser_(limits.max_packet_size) {}

  // Starts anew, for a new connection.
  void reset(std::uint64_t now_ns);

  // Bytes to send, and how many of them were sent.
  [[nodiscard]] std::span<const std::byte> output() const { return std::span(output_).subspan(sent_); }
  void consume_output(std::size_t size);
  // Payload that a packet may have to fit in the output for sure.
  [[nodiscard]] std::size_t room() const;

  // False, and the session over, where there is no room.
  bool send(PacketType type, std::span<const std::byte> payload, std::uint64_t now_ns);
  template <class LoginPacket>
  void send_login(const LoginPacket& packet, std::uint64_t now_ns) {
    encode(packet, output_);
    last_sent_ns_ = now_ns;
  }

  void feed(std::span<const std::byte> bytes, std::uint64_t now_ns);
  // The next packet; nothing where more bytes are needed or the session is over.
  [[nodiscard]] std::optional<Packet> next();

  // Over where the other end was silent. Whether it is `open` decides if heartbeats are sent.
  void on_timer(std::uint64_t now_ns, bool open);
  [[nodiscard]] std::uint64_t next_deadline(bool open) const;

  // The first end counts.
  void finish(SessionEnd end);
  [[nodiscard]] SessionEnd end() const { return end_; }
  [[nodiscard]] bool is_over() const { return end_ != SessionEnd::none; }

 private:
  SessionLimits limits_;
  PacketType heartbeat_;
  FrameParser parser_;
  std::vector<std::byte> output_;
  std::size_t sent_ = 0;  // Of output_.
  std::uint64_t last_sent_ns_ = 0;
  std::uint64_t last_received_ns_ = 0;
  SessionEnd end_ = SessionEnd::none;
};

}  // namespace tapeline::soupbintcp
