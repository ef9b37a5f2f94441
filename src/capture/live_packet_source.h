#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "capture/packet_source.h"

namespace tapeline::capture {

// What one channel (a feed's group, the socket that retransmissions come to) has brought since the start.
struct ChannelCounters {
  std::uint64_t packets = 0;  // Delivered.
  std::uint64_t bytes = 0;    // Of their payloads.
  // Dropped by the kernel or the card because nobody read them in time; known from the next packet on.
  std::uint64_t dropped = 0;
  std::uint64_t truncated = 0;      // Longer than the buffers; delivered cut off.
  std::uint64_t stamped_late = 0;   // Without a time of arrival: they carry the time when they were read.
  std::uint64_t largest_batch = 0;  // Packets by one read: near the batch size, reading is falling behind.
};

// Packets as they come off a network: sockets today, with room for AF_XDP and DPDK. It has no end. Used by
// one thread.
class LivePacketSource {
 public:
  virtual ~LivePacketSource() = default;

  // Waits until there are packets, at most `timeout_ns` (0: only looks), and returns what is there, some
  // dozens at most; empty after the timeout or a signal. In order within a channel; channels follow one
  // another. Everything stays valid until the next call. A failure is the machine's and ends the capture.
  virtual Result<std::span<const Packet>> poll(std::uint64_t timeout_ns) = 0;

  // By channel, in the order of the configuration.
  [[nodiscard]] virtual std::span<const ChannelCounters> counters() const = 0;
};

// Sends single datagrams, such as requests for retransmission, whose replies come back to the channel that
// sent them. Used by the thread that polls.
class DatagramSender {
 public:
  virtual ~DatagramSender() = default;

  // Whatever is sent may be lost, also where the machine has no room for it right now; a failure says that it
  // cannot be sent at all (no route, no permission).
  virtual Result<void> send(std::size_t channel, const Endpoint& to, std::span<const std::byte> payload) = 0;
};

}  // namespace tapeline::capture
