#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "market/types.h"

namespace tapeline::capture {

// An IPv6 address, or an IPv4 address in the last four bytes behind ::ffff (RFC 4291, section 2.5.5.2).
struct IpAddress {
  std::array<std::uint8_t, 16> bytes = {};

  [[nodiscard]] static constexpr IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c,
                                              std::uint8_t d) {
    return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
  }
  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

enum class Transport : std::uint8_t { udp, tcp };

// The payload of a UDP datagram, or a run of bytes of one direction of a TCP connection, in order.
struct Packet {
  std::span<const std::byte> payload;  // Followed by decode_padding readable bytes (base/bytes.h).
  CaptureTime capture_time;
  Endpoint source;
  Endpoint destination;
  Transport transport = Transport::udp;
  std::uint32_t stream = 0;  // TCP: number of the connection's direction, from 1 in order of appearance.
  std::uint64_t bytes_missing_before = 0;  // TCP: lost from the capture right before this payload.
};

struct PacketCounters {
  std::uint64_t frames = 0;             // As captured, of any kind.
  std::uint64_t packets = 0;            // Delivered.
  std::uint64_t other_protocols = 0;    // Neither UDP nor TCP over IP.
  std::uint64_t fragments = 0;          // IP fragments; they are not put together.
  std::uint64_t cut_off = 0;            // Shorter in the capture than on the wire (snap length).
  std::uint64_t malformed = 0;          // Headers that contradict themselves.
  std::uint64_t tcp_retransmitted = 0;  // Bytes seen before.
  std::uint64_t tcp_missing = 0;        // Bytes that the capture lacks.
};

struct PacketProgress {
  std::uint64_t consumed = 0;  // Bytes of the input as it lies on disk.
  std::optional<std::uint64_t> total;
};

// A source of packets: a capture file, a socket. Used by one thread.
class PacketSource {
 public:
  virtual ~PacketSource() = default;

  // The next packet, which stays valid until the next call; nullopt at the clean end. A failure comes after
  // everything that could be read before it, and repeats.
  virtual Result<std::optional<Packet>> next() = 0;

  [[nodiscard]] virtual PacketProgress progress() const = 0;
  [[nodiscard]] virtual const PacketCounters& counters() const = 0;
};

}  // namespace tapeline::capture
