#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "feed/message_source.h"

namespace tapeline::moldudp64 {

// MoldUDP64 1.00: session 10, sequence u64, count u16, all big-endian, then `count` times { length u16,
// message }.
inline constexpr std::size_t header_size = 20;
inline constexpr std::size_t length_size = 2;
inline constexpr std::uint16_t heartbeat_count = 0;
inline constexpr std::uint16_t end_of_session_count = 0xffff;
// As many as a downstream packet can state; 0xffff means something else.
inline constexpr std::uint16_t max_message_count = 0xfffe;

using Session = feed::SessionName;

struct Header {
  Session session;
  std::uint64_t sequence;  // Of the first message; of the next one in a heartbeat or an end of session.
  std::uint16_t count;
};

enum class PacketKind : std::uint8_t { messages, heartbeat, end_of_session };

enum class Defect : std::uint8_t {
  none,
  header_cut_off,     // Fewer than 20 bytes.
  length_cut_off,     // The datagram ends inside a message's length.
  message_cut_off,    // The datagram ends inside a message.
  sequence_overflow,  // The last message's number does not fit 64 bits.
};

struct Packet {
  Defect defect = Defect::none;
  PacketKind kind = PacketKind::messages;
  Header header = {};                 // Set unless header_cut_off.
  std::span<const std::byte> blocks;  // The `header.count` messages behind their lengths; empty if defective.
  std::size_t trailing_bytes = 0;     // Behind the last message.
};

// Checks the count and every length against the datagram's end.
[[nodiscard]] Packet parse_packet(std::span<const std::byte> datagram);

// The bytes of the first `count` messages of `blocks`, which must hold as many.
[[nodiscard]] std::size_t size_of_messages(std::span<const std::byte> blocks, std::uint64_t count);

// A request is a header by itself, unicast to the server: the first message wanted and how many.
void encode_header(const Header& header, std::span<std::byte, header_size> to);
inline void encode_request(const Header& request, std::span<std::byte, header_size> to) {
  encode_header(request, to);
}
// Exactly a header, or nothing.
[[nodiscard]] std::optional<Header> parse_request(std::span<const std::byte> datagram);

// Builds downstream packets. Append messages until one does not fit, then send bytes() and start again.
class PacketBuilder {
 public:
  // `max_size` is of the datagram's payload: 1472 fits Ethernet's 1500 behind IPv4 and UDP.
  explicit PacketBuilder(std::size_t max_size = 1472) : max_size_(max_size) { bytes_.reserve(max_size); }

  void start(const Session& session, std::uint64_t sequence);
  // False, and nothing appended, where the message does not fit.
  [[nodiscard]] bool append(std::span<const std::byte> message);
  void make_end_of_session();

  [[nodiscard]] std::uint16_t count() const { return count_; }
  // The packet; a heartbeat while no message was appended. Valid until the next call of a non-const member.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void write_count(std::uint16_t count);

  std::size_t max_size_;
  std::uint16_t count_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace tapeline::moldudp64
