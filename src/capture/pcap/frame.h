#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "capture/packet_source.h"

namespace tapeline::capture {

// LINKTYPE_ numbers of the pcap registry.
enum class LinkType : std::uint32_t {
  bsd_loopback = 0,
  ethernet = 1,
  raw_ip_openbsd = 12,
  raw_ip_bsd = 14,
  raw_ip = 101,
  openbsd_loopback = 108,
  linux_sll = 113,
  ipv4 = 228,
  ipv6 = 229,
  linux_sll2 = 276,
};

enum class FrameContent : std::uint8_t {
  udp,
  tcp,
  other,      // Neither, or not IP, or a link type not known here.
  fragment,   // Of an IP packet.
  cut_off,    // The capture holds less than the packet says it has.
  malformed,  // Its lengths contradict one another.
};

struct TcpHeader {
  std::uint32_t sequence = 0;
  bool syn = false;
  bool fin = false;
  bool reset = false;
};

// What a captured frame carries. For udp and tcp all of it is set.
struct Frame {
  FrameContent content = FrameContent::other;
  Endpoint source;
  Endpoint destination;
  std::span<const std::byte> payload;  // Points into the frame; without Ethernet padding or trailers.
  TcpHeader tcp;
};

// `original_size` is the frame's size on the wire.
[[nodiscard]] Frame parse_frame(LinkType link, std::span<const std::byte> bytes, std::uint32_t original_size);

}  // namespace tapeline::capture
