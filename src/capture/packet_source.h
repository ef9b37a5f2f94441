#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "market/types.h"
#include "os/endpoint.h"

namespace tapeline::capture {

using os::Endpoint;
using os::IpAddress;

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
  std::uint16_t channel = 0;  // Live: which of the source's channels, in the order of its configuration.
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
