#include "os/udp_socket.h"

#include <cerrno>
#include <vector>

#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "os/posix/socket_address.h"

namespace tapeline::os {

namespace {

// Room for a timestamp (three of them from a card) and the drop counter.
constexpr std::size_t control_bytes =
    CMSG_SPACE(3 * sizeof(timespec)) + CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(std::uint32_t));
constexpr std::size_t cache_line = 64;

std::uint64_t nanoseconds(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

void take_time(ReceivedDatagram& datagram, const timespec& time, TimestampOrigin origin) {
  if (time.tv_sec == 0 && time.tv_nsec == 0) return;
  datagram.time_ns = nanoseconds(time);
  datagram.time_origin = origin;
}

void take_control(ReceivedDatagram& datagram, msghdr& header) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET) continue;
    if (control->cmsg_type == SO_RXQ_OVFL) {
      std::memcpy(&datagram.dropped, CMSG_DATA(control), sizeof datagram.dropped);
    } else if (control->cmsg_type == SCM_TIMESTAMPNS) {
      timespec time;
      std::memcpy(&time, CMSG_DATA(control), sizeof time);
      take_time(datagram, time, TimestampOrigin::kernel);
    } else if (control->cmsg_type == SCM_TIMESTAMPING) {
      // The kernel's, one that is no longer used, the card's (Linux, Documentation/networking/timestamping).
      std::array<timespec, 3> times;
      std::memcpy(times.data(), CMSG_DATA(control), sizeof times);
      take_time(datagram, times[0], TimestampOrigin::kernel);
      take_time(datagram, times[2], TimestampOrigin::hardware);
    }
  }
}

// Tells the card to stamp every packet it receives; whether it can.
bool stamp_in_hardware(int socket, const std::string& interface) {
  ifreq request{};
  if (interface.size() >= sizeof request.ifr_name) return false;
  std::copy(interface.begin(), interface.end(), request.ifr_name);
  hwtstamp_config config{};
  request.ifr_data = reinterpret_cast<char*>(&config);
  if (::ioctl(socket, SIOCGHWTSTAMP, &request) == 0 && config.rx_filter == HWTSTAMP_FILTER_ALL) return true;
  config = {.flags = 0, .tx_type = HWTSTAMP_TX_OFF, .rx_filter = HWTSTAMP_FILTER_ALL};
  return ::ioctl(socket, SIOCSHWTSTAMP, &request) == 0 && config.rx_filter == HWTSTAMP_FILTER_ALL;
}

}  // namespace

struct ReceiveBatch::Buffers {
  std::size_t datagram_bytes;
  std::size_t stride;  // From one buffer to the next: whole cache lines.
  std::vector<std::byte> bytes;
  std::vector<iovec> vectors;
  std::vector<sockaddr_in> sources;
  std::vector<std::array<std::byte, control_bytes>> controls;
  std::vector<mmsghdr> headers;
  std::vector<ReceivedDatagram> datagrams;
  std::size_t used = 0;  // Headers that the last call may have changed.

  void prepare(std::size_t i) {
    vectors[i] = {bytes.data() + i * stride, datagram_bytes};
    msghdr& header = headers[i].msg_hdr;
    header = {};
    header.msg_name = &sources[i];
    header.msg_namelen = sizeof sources[i];
    header.msg_iov = &vectors[i];
    header.msg_iovlen = 1;
    header.msg_control = controls[i].data();
    header.msg_controllen = controls[i].size();
  }
};

ReceiveBatch::ReceiveBatch(std::size_t datagrams, std::size_t datagram_bytes, std::size_t padding)
    : buffers_(std::make_unique<Buffers>()) {
  Buffers& all = *buffers_;
  all.datagram_bytes = datagram_bytes;
  all.stride = (datagram_bytes + padding + cache_line - 1) / cache_line * cache_line;
  all.bytes.resize(datagrams * all.stride);
  all.vectors.resize(datagrams);
  all.sources.resize(datagrams);
  all.controls.resize(datagrams);
  all.headers.resize(datagrams);
  all.datagrams.resize(datagrams);
  for (std::size_t i = 0; i < datagrams; ++i) all.prepare(i);
}
ReceiveBatch::~ReceiveBatch() = default;
ReceiveBatch::ReceiveBatch(ReceiveBatch&&) noexcept = default;
ReceiveBatch& ReceiveBatch::operator=(ReceiveBatch&&) noexcept = default;

std::size_t ReceiveBatch::capacity() const {
  return buffers_->headers.size();
}

Result<UdpSocket> UdpSocket::bind(const Endpoint& at) {
  if (auto valid = require_v4(at); !valid) return std::unexpected(valid.error());
  Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return failure("cannot open a UDP socket");
  // A group's port is shared on purpose. One that the kernel is to choose is not: it would be allowed to
  // choose the port of another feed.
  const bool shared = at.address.is_v4_multicast() && at.port != 0;
  if (shared)
    if (auto set = set_option(socket.number(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"); !set)
      return std::unexpected(set.error());
  const sockaddr_in address = to_kernel(at);
  if (::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failure(fmt::format("cannot bind UDP {}; choose another port, or 0 for a free one", to_text(at)));
  if (at.address.is_v4_multicast() && !shared)
    if (auto set = set_option(socket.number(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"); !set)
      return std::unexpected(set.error());
  return UdpSocket(std::move(socket));
}

Result<void> UdpSocket::join(const IpAddress& group, const std::string& interface) {
  if (!group.is_v4_multicast())
    return fail(ErrorCode::usage, fmt::format("{} is not a multicast group; those of IPv4 are 224.0.0.0 to "
                                              "239.255.255.255",
                                              to_text(group)));
  const Result<unsigned> index = interface_index(interface);
  if (!index) return std::unexpected(index.error());
  ip_mreqn request{};
  request.imr_multiaddr = to_kernel(group);
  request.imr_ifindex = static_cast<int>(*index);
  if (::setsockopt(descriptor(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) == 0) return {};
  if (errno == ENOBUFS)
    return fail(ErrorCode::io, fmt::format("cannot join {}: the machine's limit of groups is reached; raise "
                                           "it with `sysctl -w net.ipv4.igmp_max_memberships=256`",
                                           to_text(group)));
  return failure(fmt::format("cannot join {} on {}", to_text(group), interface));
}

Result<std::size_t> UdpSocket::set_buffer(int force_name, int name, std::size_t bytes) {
  const int wanted = static_cast<int>(std::min<std::size_t>(bytes, 1u << 30));
  if (::setsockopt(descriptor(), SOL_SOCKET, force_name, &wanted, sizeof wanted) != 0)
    if (auto set = set_option(descriptor(), SOL_SOCKET, name, wanted, "the buffer size"); !set)
      return std::unexpected(set.error());
  int granted = 0;
  socklen_t size = sizeof granted;
  if (::getsockopt(descriptor(), SOL_SOCKET, name, &granted, &size) != 0)
    return failure("cannot tell the buffer size of a socket");
  return static_cast<std::size_t>(granted) / 2;
}

Result<std::size_t> UdpSocket::set_receive_buffer(std::size_t bytes) {
  return set_buffer(SO_RCVBUFFORCE, SO_RCVBUF, bytes);
}

Result<std::size_t> UdpSocket::set_send_buffer(std::size_t bytes) {
  return set_buffer(SO_SNDBUFFORCE, SO_SNDBUF, bytes);
}

Result<TimestampOrigin> UdpSocket::enable_timestamps(bool want_hardware, const std::string& interface) {
  if (want_hardware && stamp_in_hardware(descriptor(), interface)) {
    const int flags = SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE |
                      SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    if (::setsockopt(descriptor(), SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) == 0)
      return TimestampOrigin::hardware;
  }
  const int on = 1;
  if (::setsockopt(descriptor(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0)
    return TimestampOrigin::kernel;
  return TimestampOrigin::none;
}

Result<void> UdpSocket::enable_drop_counter() {
  return set_option(descriptor(), SOL_SOCKET, SO_RXQ_OVFL, 1, "SO_RXQ_OVFL");
}

Result<void> UdpSocket::set_busy_poll_us(int microseconds) {
  if (::setsockopt(descriptor(), SOL_SOCKET, SO_BUSY_POLL, &microseconds, sizeof microseconds) == 0)
    return {};
  return failure(
      "cannot let the kernel poll the network card (SO_BUSY_POLL); run with CAP_NET_ADMIN, or "
      "leave it off");
}

Result<void> UdpSocket::set_multicast_output(const MulticastOutput& output) {
  const Result<unsigned> index = interface_index(output.interface);
  if (!index) return std::unexpected(index.error());
  ip_mreqn by{};
  by.imr_ifindex = static_cast<int>(*index);
  if (auto set = set_option(descriptor(), IPPROTO_IP, IP_MULTICAST_IF, by, "the multicast interface"); !set)
    return set;
  if (auto set = set_option(descriptor(), IPPROTO_IP, IP_MULTICAST_TTL, output.ttl, "the multicast TTL");
      !set)
    return set;
  return set_option(descriptor(), IPPROTO_IP, IP_MULTICAST_LOOP, static_cast<int>(output.loop),
                    "the multicast loop");
}

Result<std::span<const ReceivedDatagram>> UdpSocket::receive(ReceiveBatch& batch) {
  ReceiveBatch::Buffers& all = *batch.buffers_;
  for (std::size_t i = 0; i < all.used; ++i) all.prepare(i);
  all.used = 0;
  const int got = ::recvmmsg(descriptor(), all.headers.data(), static_cast<unsigned>(all.headers.size()),
                             MSG_DONTWAIT, nullptr);
  if (got < 0) {
    // A refused connection tells of a datagram that this socket sent to nobody.
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNREFUSED)
      return std::span<const ReceivedDatagram>{};
    return failure("cannot receive datagrams");
  }
  all.used = static_cast<std::size_t>(got);
  for (std::size_t i = 0; i < all.used; ++i) {
    mmsghdr& header = all.headers[i];
    ReceivedDatagram& datagram = all.datagrams[i];
    datagram = {};
    datagram.payload = std::span(all.bytes).subspan(i * all.stride, header.msg_len);
    datagram.source = from_kernel(all.sources[i]);
    datagram.truncated = (header.msg_hdr.msg_flags & MSG_TRUNC) != 0;
    take_control(datagram, header.msg_hdr);
  }
  return std::span<const ReceivedDatagram>(all.datagrams).first(all.used);
}

Result<std::size_t> UdpSocket::send(std::span<const OutgoingDatagram> datagrams) {
  constexpr std::size_t per_call = 64;
  std::array<mmsghdr, per_call> headers;
  std::array<iovec, per_call> vectors;
  std::array<sockaddr_in, per_call> destinations;
  std::size_t sent = 0;
  while (sent < datagrams.size()) {
    const std::size_t count = std::min(per_call, datagrams.size() - sent);
    for (std::size_t i = 0; i < count; ++i) {
      const OutgoingDatagram& datagram = datagrams[sent + i];
      // The kernel's interface has no const; it does not write there.
      vectors[i] = {const_cast<std::byte*>(datagram.payload.data()), datagram.payload.size()};
      destinations[i] = to_kernel(datagram.to);
      headers[i] = {};
      headers[i].msg_hdr.msg_name = &destinations[i];
      headers[i].msg_hdr.msg_namelen = sizeof destinations[i];
      headers[i].msg_hdr.msg_iov = &vectors[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    const int taken = ::sendmmsg(descriptor(), headers.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (taken < 0) {
      const bool full = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == EINTR;
      if (full || sent > 0) return sent;
      return failure(fmt::format("cannot send to {}", to_text(datagrams[sent].to)));
    }
    sent += static_cast<std::size_t>(taken);
    if (static_cast<std::size_t>(taken) < count) return sent;
  }
  return sent;
}

Result<Endpoint> UdpSocket::local_endpoint() const {
  return local_endpoint_of(descriptor());
}

}  // namespace tapeline::os
