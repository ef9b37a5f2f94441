#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "capture/live_packet_source.h"
#include "os/clock.h"
#include "os/poller.h"
#include "os/udp_socket.h"

namespace tapeline::capture {

struct UdpChannel {
  std::string name;  // For messages and metrics: "A", "B", "retransmission".
  // A multicast group, which is joined, or an address of this machine. Port 0 takes a free one.
  Endpoint at;
  std::string interface = "lo";  // Where a group is joined, and whose card may tell the time.
};

// What poll() does while there is nothing.
enum class UdpWait : std::uint8_t {
  block,  // Sleeps in the kernel: no processor time, some microseconds to wake up.
  spin,   // Keeps reading: one core is busy for good, nothing has to wake up.
};

struct UdpCaptureConfig {
  std::vector<UdpChannel> channels;
  UdpWait wait = UdpWait::block;
  std::size_t receive_buffer_bytes = std::size_t{32} << 20;  // Wanted of the kernel, for each channel.
  std::size_t batch_packets = 64;                            // By one read of a channel.
  std::size_t datagram_bytes = 2048;  // Longer ones are cut off; 9216 serves jumbo frames.
  bool hardware_timestamps = true;    // Where the card has them.
  int busy_poll_us = 0;               // The kernel polls the card for so long; 0 leaves it off.
};

// Live UDP capture over the kernel's sockets: a batch per system call into buffers allocated once, times of
// arrival by the card or the kernel, drops counted. Wait for the first packets with poll(), send requests
// with send().
class UdpPacketSource final : public LivePacketSource, public DatagramSender {
 public:
  // `clock` gives the time of packets that came without one; it must outlive the source.
  static Result<UdpPacketSource> open(const UdpCaptureConfig& config, const os::Clock& clock);

  Result<std::span<const Packet>> poll(std::uint64_t timeout_ns) override;
  [[nodiscard]] std::span<const ChannelCounters> counters() const override { return counters_; }
  Result<void> send(std::size_t channel, const Endpoint& to, std::span<const std::byte> payload) override;

  struct ChannelStatus {
    std::string name;
    Endpoint at;  // As bound, with its port.
    std::size_t receive_buffer_bytes;
    os::TimestampOrigin timestamps;
  };
  [[nodiscard]] std::span<const ChannelStatus> status() const { return status_; }

  // What is less than was asked for, one sentence each, with what to do about it. Empty when all is well.
  [[nodiscard]] std::span<const std::string> notes() const { return notes_; }

 private:
  struct Channel {
    os::UdpSocket socket;
    os::ReceiveBatch batch;
    std::uint32_t kernel_dropped = 0;  // As the kernel last told.
  };

  UdpPacketSource(os::Poller poller, const UdpCaptureConfig& config, const os::Clock& clock)
      : poller_(std::move(poller)), clock_(&clock), wait_(config.wait) {}
  Result<void> add(const UdpChannel& channel, const UdpCaptureConfig& config);
  Result<os::TimestampOrigin> tune(os::UdpSocket& socket, const UdpChannel& channel,
                                   const UdpCaptureConfig& config);
  Result<void> read(std::size_t channel);
  Result<void> read_ready(std::uint64_t timeout_ns);
  Result<void> read_spinning(std::uint64_t timeout_ns);

  os::Poller poller_;
  const os::Clock* clock_;
  UdpWait wait_;
  std::vector<Channel> channels_;
  std::vector<ChannelCounters> counters_;
  std::vector<ChannelStatus> status_;
  std::vector<std::string> notes_;
  std::vector<Packet> packets_;  // Room for a batch of every channel is reserved once.
};

}  // namespace tapeline::capture
