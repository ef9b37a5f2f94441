#include "capture/udp/udp_packet_source.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace tapeline::capture {

namespace {

constexpr std::size_t max_channels = 64;

Result<void> validate(const UdpCaptureConfig& config) {
  if (config.channels.empty() || config.channels.size() > max_channels)
    return fail(ErrorCode::usage, fmt::format("{} channels cannot be captured; name 1 to {}",
                                              config.channels.size(), max_channels));
  if (config.batch_packets == 0 || config.batch_packets > 1024)
    return fail(ErrorCode::usage,
                fmt::format("a batch of {} packets makes no sense; choose 1 to 1024", config.batch_packets));
  if (config.datagram_bytes < 64 || config.datagram_bytes > 65'536)
    return fail(ErrorCode::usage, fmt::format("buffers of {} bytes make no sense for datagrams; choose 64 to "
                                              "65536",
                                              config.datagram_bytes));
  return {};
}

std::string small_buffer_note(const std::string& name, std::size_t granted, std::size_t wanted) {
  return fmt::format(
      "channel {}: the kernel granted a receive buffer of {} bytes instead of {}; bursts may be lost. Allow "
      "more "
      "with `sysctl -w net.core.rmem_max={}`, or run with CAP_NET_ADMIN",
      name, granted, wanted, wanted);
}

}  // namespace

Result<UdpPacketSource> UdpPacketSource::open(const UdpCaptureConfig& config, const os::Clock& clock) {
  if (auto valid = validate(config); !valid) return std::unexpected(valid.error());
  Result<os::Poller> poller = os::Poller::open();
  if (!poller) return std::unexpected(poller.error());
  UdpPacketSource source(std::move(*poller), config, clock);
  for (const UdpChannel& channel : config.channels)
    if (auto added = source.add(channel, config); !added)
      return fail(added.error().code, fmt::format("channel {}: {}", channel.name, added.error().message));
  source.counters_.resize(config.channels.size());
  source.packets_.reserve(config.channels.size() * config.batch_packets);
  return source;
}

Result<os::TimestampOrigin> UdpPacketSource::tune(os::UdpSocket& socket, const UdpChannel& channel,
                                                  const UdpCaptureConfig& config) {
  if (auto counting = socket.enable_drop_counter(); !counting) return std::unexpected(counting.error());
  if (config.busy_poll_us > 0)
    if (auto polling = socket.set_busy_poll_us(config.busy_poll_us); !polling)
      notes_.push_back(fmt::format("channel {}: {}", channel.name, polling.error().message));
  Result<os::TimestampOrigin> stamps =
      socket.enable_timestamps(config.hardware_timestamps, channel.interface);
  if (stamps && *stamps == os::TimestampOrigin::none)
    notes_.push_back(fmt::format(
        "channel {}: the kernel gives no times of arrival; packets carry the time when they were read",
        channel.name));
  return stamps;
}

Result<void> UdpPacketSource::add(const UdpChannel& channel, const UdpCaptureConfig& config) {
  Result<os::UdpSocket> socket = os::UdpSocket::bind(channel.at);
  if (!socket) return std::unexpected(socket.error());
  // Room first: from the moment the group is joined, packets come.
  const Result<std::size_t> granted = socket->set_receive_buffer(config.receive_buffer_bytes);
  if (!granted) return std::unexpected(granted.error());
  if (*granted < config.receive_buffer_bytes)
    notes_.push_back(small_buffer_note(channel.name, *granted, config.receive_buffer_bytes));
  const Result<os::TimestampOrigin> stamps = tune(*socket, channel, config);
  if (!stamps) return std::unexpected(stamps.error());
  if (channel.at.address.is_v4_multicast())
    if (auto joined = socket->join(channel.at.address, channel.interface); !joined) return joined;
  const Result<Endpoint> at = socket->local_endpoint();
  if (!at) return std::unexpected(at.error());
  const auto token = static_cast<std::uint32_t>(channels_.size());
  if (auto added = poller_.add(socket->descriptor(), token); !added) return added;
  channels_.push_back(
      {std::move(*socket), os::ReceiveBatch(config.batch_packets, config.datagram_bytes, decode_padding)});
  status_.push_back({channel.name, *at, *granted, *stamps});
  return {};
}

Result<void> UdpPacketSource::read(std::size_t number) {
  Channel& channel = channels_[number];
  const Result<std::span<const os::ReceivedDatagram>> got = channel.socket.receive(channel.batch);
  if (!got) return std::unexpected(got.error());
  ChannelCounters& counters = counters_[number];
  counters.largest_batch = std::max<std::uint64_t>(counters.largest_batch, got->size());
  std::uint64_t read_ns = 0;
  for (const os::ReceivedDatagram& datagram : *got) {
    ++counters.packets;
    counters.bytes += datagram.payload.size();
    counters.truncated += datagram.truncated;
    // The difference is right also where the kernel's 32 bits have wrapped.
    counters.dropped += datagram.dropped - channel.kernel_dropped;
    channel.kernel_dropped = datagram.dropped;
    std::uint64_t time_ns = datagram.time_ns;
    if (datagram.time_origin == os::TimestampOrigin::none) {
      if (read_ns == 0) read_ns = clock_->realtime_ns();
      time_ns = read_ns;
      ++counters.stamped_late;
    }
    Packet& packet = packets_.emplace_back();
    packet.payload = datagram.payload;
    packet.capture_time = CaptureTime{time_ns};
    packet.source = datagram.source;
    packet.destination = status_[number].at;
    packet.channel = static_cast<std::uint16_t>(number);
  }
  return {};
}

Result<void> UdpPacketSource::read_ready(std::uint64_t timeout_ns) {
  const Result<std::span<const os::Poller::Ready>> ready = poller_.wait(timeout_ns);
  if (!ready) return std::unexpected(ready.error());
  for (const os::Poller::Ready& report : *ready)
    if (auto done = read(report.token); !done) return done;
  return {};
}

Result<void> UdpPacketSource::read_spinning(std::uint64_t timeout_ns) {
  const std::uint64_t start_ns = clock_->monotonic_ns();
  do {
    for (std::size_t i = 0; i < channels_.size(); ++i)
      if (auto done = read(i); !done) return done;
  } while (packets_.empty() && clock_->monotonic_ns() - start_ns < timeout_ns);
  return {};
}

Result<std::span<const Packet>> UdpPacketSource::poll(std::uint64_t timeout_ns) {
  packets_.clear();
  const Result<void> done = wait_ == UdpWait::spin ? read_spinning(timeout_ns) : read_ready(timeout_ns);
  if (!done) return std::unexpected(done.error());
  return packets_;
}

Result<void> UdpPacketSource::send(std::size_t channel, const Endpoint& to,
                                   std::span<const std::byte> payload) {
  const os::OutgoingDatagram datagram{payload, to};
  const Result<std::size_t> sent = channels_[channel].socket.send({&datagram, 1});
  if (!sent) return std::unexpected(sent.error());
  return {};
}

}  // namespace tapeline::capture
