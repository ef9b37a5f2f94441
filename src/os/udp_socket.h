#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "os/descriptor.h"
#include "os/endpoint.h"

namespace tapeline::os {

// Who says when a datagram arrived.
enum class TimestampOrigin : std::uint8_t {
  none,      // Nobody; ask a clock.
  kernel,    // The kernel when the packet reached it, in CLOCK_REALTIME.
  hardware,  // The network card, in its own clock, which something like phc2sys must keep on real time.
};

struct ReceivedDatagram {
  std::span<const std::byte> payload;  // Followed by the batch's padding, which is readable.
  Endpoint source;
  std::uint64_t time_ns = 0;  // Since the Unix epoch; 0 where the origin is none.
  TimestampOrigin time_origin = TimestampOrigin::none;
  bool truncated = false;  // It was longer than the batch's buffers; the rest is lost.
  // How many datagrams the kernel has dropped for want of room since the socket was opened, modulo 2^32.
  std::uint32_t dropped = 0;
};

// Buffers for the datagrams of one receive call, allocated once. Used by one thread.
class ReceiveBatch {
 public:
  // So many datagrams at once of at most so many bytes, each buffer followed by `padding` bytes.
  ReceiveBatch(std::size_t datagrams, std::size_t datagram_bytes, std::size_t padding);
  ~ReceiveBatch();
  ReceiveBatch(ReceiveBatch&&) noexcept;
  ReceiveBatch& operator=(ReceiveBatch&&) noexcept;

  [[nodiscard]] std::size_t capacity() const;

 private:
  friend class UdpSocket;
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

struct OutgoingDatagram {
  std::span<const std::byte> payload;
  Endpoint to;
};

// How multicast leaves the machine.
struct MulticastOutput {
  std::string interface = "lo";
  int ttl = 0;       // 0: it never leaves this machine, 1: not beyond the local network.
  bool loop = true;  // Receivers on this machine get it too.
};

// A UDP socket over IPv4 that never blocks. Used by one thread.
class UdpSocket {
 public:
  // Bound to an address of this machine, or to a multicast group, which then is all that it receives; several
  // sockets may share a group and its port. Port 0 takes a free one.
  static Result<UdpSocket> bind(const Endpoint& at);

  // Receives what is sent to the group on an interface ("lo" included).
  Result<void> join(const IpAddress& group, const std::string& interface);

  // Asks for room for bytes that wait to be received, and says how many the kernel granted: without the right
  // to override it (CAP_NET_ADMIN), no more than net.core.rmem_max. The kernel doubles it for its own needs;
  // both numbers here are before that.
  Result<std::size_t> set_receive_buffer(std::size_t bytes);
  // The same of what waits to be sent; the limit is net.core.wmem_max.
  Result<std::size_t> set_send_buffer(std::size_t bytes);

  // From here on datagrams carry the time of their arrival and the drop counter. Returns who tells the time:
  // the card of `interface` where that was wanted and it can, else the kernel.
  Result<TimestampOrigin> enable_timestamps(bool want_hardware, const std::string& interface);
  Result<void> enable_drop_counter();

  // Lets the kernel poll the card for so long before a receive call returns empty-handed.
  Result<void> set_busy_poll_us(int microseconds);

  Result<void> set_multicast_output(const MulticastOutput& output);

  // All that waits, up to the batch's capacity; empty if nothing does. Valid until the batch is used again.
  Result<std::span<const ReceivedDatagram>> receive(ReceiveBatch& batch);

  // Hands datagrams to the kernel in order and returns how many it took: fewer where its buffer is full. A
  // failure concerns the first one; none was sent then.
  Result<std::size_t> send(std::span<const OutgoingDatagram> datagrams);

  [[nodiscard]] Result<Endpoint> local_endpoint() const;
  [[nodiscard]] int descriptor() const { return socket_.number(); }

 private:
  explicit UdpSocket(Descriptor socket) : socket_(std::move(socket)) {}
  Result<std::size_t> set_buffer(int force_name, int name, std::size_t bytes);

  Descriptor socket_;
};

}  // namespace tapeline::os
