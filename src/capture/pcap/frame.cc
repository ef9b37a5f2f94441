#include "capture/pcap/frame.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"

namespace tapeline::capture {

namespace {

constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;

Frame with(FrameContent content) {
  Frame frame;
  frame.content = content;
  return frame;
}

std::uint8_t u8(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}
std::uint16_t u16(std::span<const std::byte> bytes, std::size_t at) {
  return load_be<std::uint16_t>(&bytes[at]);
}

// What is missing is the capture's doing where the wire had more, else the packet's own contradiction.
Frame too_short(bool captured_whole) {
  return with(captured_whole ? FrameContent::malformed : FrameContent::cut_off);
}

Frame parse_udp(std::span<const std::byte> bytes, Frame frame) {
  constexpr std::size_t header_size = 8;
  if (bytes.size() < header_size) return with(FrameContent::malformed);
  frame.source.port = u16(bytes, 0);
  frame.destination.port = u16(bytes, 2);
  // RFC 768. Behind IP padding the UDP length may be less than what is there, but never more.
  const std::size_t length = u16(bytes, 4);
  if (length < header_size || length > bytes.size()) return with(FrameContent::malformed);
  frame.payload = bytes.subspan(header_size, length - header_size);
  frame.content = FrameContent::udp;
  return frame;
}

Frame parse_tcp(std::span<const std::byte> bytes, Frame frame) {
  constexpr std::size_t least_header_size = 20;
  if (bytes.size() < least_header_size) return with(FrameContent::malformed);
  const std::size_t header_size = std::size_t{u8(bytes, 12)} / 16 * 4;
  if (header_size < least_header_size || header_size > bytes.size()) return with(FrameContent::malformed);
  frame.source.port = u16(bytes, 0);
  frame.destination.port = u16(bytes, 2);
  frame.tcp.sequence = load_be<std::uint32_t>(&bytes[4]);
  const unsigned flags = u8(bytes, 13);
  frame.tcp.fin = (flags & 1) != 0;
  frame.tcp.syn = (flags & 2) != 0;
  frame.tcp.reset = (flags & 4) != 0;
  frame.payload = bytes.subspan(header_size);
  frame.content = FrameContent::tcp;
  return frame;
}

Frame parse_transport(std::uint8_t protocol, std::span<const std::byte> bytes, const Frame& addressed) {
  if (protocol == protocol_udp) return parse_udp(bytes, addressed);
  if (protocol == protocol_tcp) return parse_tcp(bytes, addressed);
  return with(FrameContent::other);
}

// RFC 791.
Frame parse_ipv4(std::span<const std::byte> bytes, bool captured_whole) {
  constexpr std::size_t least_header_size = 20;
  if (bytes.size() < least_header_size) return too_short(captured_whole);
  const std::size_t header_size = std::size_t{u8(bytes, 0)} % 16 * 4;
  std::size_t total = u16(bytes, 2);
  // Segmentation offload leaves 0 in packets that were captured before the network card filled it in.
  if (total == 0) total = bytes.size();
  if (u8(bytes, 0) / 16 != 4 || header_size < least_header_size || header_size > total)
    return with(FrameContent::malformed);
  if (total > bytes.size()) return too_short(captured_whole);
  constexpr unsigned more_fragments = 0x2000;
  constexpr unsigned fragment_offset = 0x1fff;
  if ((u16(bytes, 6) & (more_fragments | fragment_offset)) != 0) return with(FrameContent::fragment);
  Frame frame;
  frame.source.address = IpAddress::v4(u8(bytes, 12), u8(bytes, 13), u8(bytes, 14), u8(bytes, 15));
  frame.destination.address = IpAddress::v4(u8(bytes, 16), u8(bytes, 17), u8(bytes, 18), u8(bytes, 19));
  return parse_transport(u8(bytes, 9), bytes.subspan(header_size, total - header_size), frame);
}

IpAddress address_at(std::span<const std::byte> bytes, std::size_t at) {
  IpAddress address;
  std::memcpy(address.bytes.data(), &bytes[at], address.bytes.size());
  return address;
}

// RFC 8200, with the extension headers that may stand before UDP.
Frame parse_ipv6(std::span<const std::byte> bytes, bool captured_whole) {
  constexpr std::size_t header_size = 40;
  if (bytes.size() < header_size) return too_short(captured_whole);
  if (u8(bytes, 0) / 16 != 6) return with(FrameContent::malformed);
  const std::size_t length = u16(bytes, 4);
  if (length > bytes.size() - header_size) return too_short(captured_whole);
  Frame frame;
  frame.source.address = address_at(bytes, 8);
  frame.destination.address = address_at(bytes, 24);
  std::uint8_t next = u8(bytes, 6);
  std::span<const std::byte> rest = bytes.subspan(header_size, length);
  for (;;) {
    constexpr std::uint8_t hop_by_hop = 0;
    constexpr std::uint8_t routing = 43;
    constexpr std::uint8_t fragment = 44;
    constexpr std::uint8_t destination_options = 60;
    if (next == fragment) return with(FrameContent::fragment);
    if (next != hop_by_hop && next != routing && next != destination_options)
      return parse_transport(next, rest, frame);
    if (rest.size() < 8) return with(FrameContent::malformed);
    const std::size_t size = (std::size_t{u8(rest, 1)} + 1) * 8;
    if (size > rest.size()) return with(FrameContent::malformed);
    next = u8(rest, 0);
    rest = rest.subspan(size);
  }
}

Frame parse_ip(std::span<const std::byte> bytes, bool captured_whole) {
  if (bytes.empty()) return too_short(captured_whole);
  return u8(bytes, 0) / 16 == 6 ? parse_ipv6(bytes, captured_whole) : parse_ipv4(bytes, captured_whole);
}

// Behind a field that holds an EtherType, which VLAN tags push back: 802.1Q and 802.1ad, any number of them.
Frame parse_ethertype(std::uint16_t type, std::span<const std::byte> bytes, bool captured_whole) {
  constexpr std::uint16_t vlan = 0x8100;
  constexpr std::uint16_t service_vlan = 0x88a8;
  constexpr std::uint16_t old_service_vlan = 0x9100;
  while (type == vlan || type == service_vlan || type == old_service_vlan) {
    if (bytes.size() < 4) return too_short(captured_whole);
    type = u16(bytes, 2);
    bytes = bytes.subspan(4);
  }
  if (type == ethertype_ipv4) return parse_ipv4(bytes, captured_whole);
  if (type == ethertype_ipv6) return parse_ipv6(bytes, captured_whole);
  return with(FrameContent::other);
}

struct LinkHeader {
  std::size_t size;
  std::size_t ethertype_at;
};

std::optional<LinkHeader> header_with_ethertype(LinkType link) {
  switch (link) {
    case LinkType::ethernet: return LinkHeader{14, 12};
    case LinkType::linux_sll: return LinkHeader{16, 14};
    case LinkType::linux_sll2: return LinkHeader{20, 0};
    default: return std::nullopt;
  }
}

}  // namespace

Frame parse_frame(LinkType link, std::span<const std::byte> bytes, std::uint32_t original_size) {
  const bool captured_whole = bytes.size() >= original_size;
  if (const std::optional<LinkHeader> header = header_with_ethertype(link)) {
    if (bytes.size() < header->size) return too_short(captured_whole);
    return parse_ethertype(u16(bytes, header->ethertype_at), bytes.subspan(header->size), captured_whole);
  }
  switch (link) {
    case LinkType::raw_ip_openbsd:
    case LinkType::raw_ip_bsd:
    case LinkType::raw_ip:
    case LinkType::ipv4:
    case LinkType::ipv6: return parse_ip(bytes, captured_whole);
    case LinkType::bsd_loopback:
    case LinkType::openbsd_loopback: {
      // Four bytes of address family, whose numbers differ from system to system: the IP version tells as
      // well.
      constexpr std::size_t family_size = 4;
      if (bytes.size() < family_size) return too_short(captured_whole);
      return parse_ip(bytes.subspan(family_size), captured_whole);
    }
    default: return with(FrameContent::other);
  }
}

}  // namespace tapeline::capture
