#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "capture/file/byte_stream.h"
#include "capture/packet_source.h"

namespace tapeline::capture::testing {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

inline void append(Bytes& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

inline void append_number(Bytes& to, std::uint64_t value, std::size_t size, bool big_endian) {
  for (std::size_t i = 0; i < size; ++i)
    to.push_back(static_cast<std::byte>(value >> 8 * (big_endian ? size - 1 - i : i)));
}

// An IPv4 packet of 10.0.0.1:1000 to 233.54.12.111:26477.
inline Bytes ipv4_packet(std::uint8_t protocol, std::span<const std::byte> content) {
  Bytes bytes = bytes_of({0x45, 0});
  append_number(bytes, 20 + content.size(), 2, true);
  append(bytes, bytes_of({0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 233, 54, 12, 111}));
  append(bytes, content);
  return bytes;
}

inline Bytes udp_datagram(std::span<const std::byte> payload) {
  Bytes bytes;
  append_number(bytes, 1000, 2, true);
  append_number(bytes, 26477, 2, true);
  append_number(bytes, 8 + payload.size(), 2, true);
  append_number(bytes, 0, 2, true);
  append(bytes, payload);
  return bytes;
}

inline Bytes tcp_segment(std::uint32_t sequence, int flags, std::span<const std::byte> payload) {
  Bytes bytes;
  append_number(bytes, 1000, 2, true);
  append_number(bytes, 26477, 2, true);
  append_number(bytes, sequence, 4, true);
  append_number(bytes, 0, 4, true);
  append(bytes, bytes_of({0x50, flags, 0, 0, 0, 0, 0, 0}));
  append(bytes, payload);
  return bytes;
}

inline Bytes ethernet_frame(std::span<const std::byte> ip,
                            std::initializer_list<int> tags_and_type = {8, 0}) {
  Bytes bytes(12, std::byte{0xee});
  append(bytes, bytes_of(tags_and_type));
  append(bytes, ip);
  return bytes;
}

inline Bytes udp_frame(std::span<const std::byte> payload) {
  return ethernet_frame(ipv4_packet(17, udp_datagram(payload)));
}

struct PcapFormat {
  bool big_endian = false;
  bool nanoseconds = true;
  std::uint32_t link_type = 1;
};

inline Bytes pcap_header(PcapFormat format = {}) {
  Bytes bytes;
  append_number(bytes, format.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4, format.big_endian);
  append_number(bytes, 2, 2, format.big_endian);
  append_number(bytes, 4, 2, format.big_endian);
  append_number(bytes, 0, 8, format.big_endian);
  append_number(bytes, 65535, 4, format.big_endian);
  append_number(bytes, format.link_type, 4, format.big_endian);
  return bytes;
}

inline void append_pcap_record(Bytes& file, std::span<const std::byte> frame, std::uint32_t seconds = 1,
                               std::uint32_t fraction = 2, PcapFormat format = {}) {
  append_number(file, seconds, 4, format.big_endian);
  append_number(file, fraction, 4, format.big_endian);
  append_number(file, frame.size(), 4, format.big_endian);
  append_number(file, frame.size(), 4, format.big_endian);
  append(file, frame);
}

// A pcapng block around `body`, which is padded.
inline void append_block(Bytes& file, std::uint32_t type, Bytes body, bool big_endian = false) {
  while (body.size() % 4 != 0) body.push_back(std::byte{0});
  append_number(file, type, 4, big_endian);
  append_number(file, body.size() + 12, 4, big_endian);
  append(file, body);
  append_number(file, body.size() + 12, 4, big_endian);
}

inline Bytes section_header(bool big_endian = false) {
  Bytes body;
  append_number(body, 0x1a2b3c4d, 4, big_endian);
  append_number(body, 1, 2, big_endian);
  append_number(body, 0, 2, big_endian);
  append_number(body, ~std::uint64_t{0}, 8, big_endian);
  Bytes file;
  append_block(file, 0x0a0d0d0a, body, big_endian);
  return file;
}

inline Bytes enhanced_packet(std::uint32_t interface, std::uint64_t ticks, std::span<const std::byte> frame,
                             bool big_endian = false) {
  Bytes body;
  append_number(body, interface, 4, big_endian);
  append_number(body, ticks >> 32, 4, big_endian);
  append_number(body, ticks & 0xffffffff, 4, big_endian);
  append_number(body, frame.size(), 4, big_endian);
  append_number(body, frame.size(), 4, big_endian);
  append(body, frame);
  return body;
}

// A stream over bytes in memory.
class MemoryStream final : public ByteStream {
 public:
  explicit MemoryStream(Bytes bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t size = std::min(into.size(), bytes_.size() - at_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), size, into.begin());
    at_ += size;
    return size;
  }
  [[nodiscard]] InputProgress progress() const override { return {at_, bytes_.size()}; }
  void interrupt() noexcept override {}

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

}  // namespace tapeline::capture::testing
