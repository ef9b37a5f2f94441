#include "feed/moldudp64/packet.h"

#include <cstring>
#include <limits>

#include "base/bytes.h"
#include "base/check.h"

namespace tapeline::moldudp64 {

namespace {

constexpr std::size_t sequence_at = 10;
constexpr std::size_t count_at = 18;

Header load_header(const std::byte* from) {
  Header header;
  std::memcpy(header.session.bytes.data(), from, header.session.bytes.size());
  header.sequence = load_be<std::uint64_t>(from + sequence_at);
  header.count = load_be<std::uint16_t>(from + count_at);
  return header;
}

}  // namespace

Packet parse_packet(std::span<const std::byte> datagram) {
  Packet packet;
  if (datagram.size() < header_size) {
    packet.defect = Defect::header_cut_off;
    return packet;
  }
  packet.header = load_header(datagram.data());
  const std::span<const std::byte> rest = datagram.subspan(header_size);
  if (packet.header.count == heartbeat_count || packet.header.count == end_of_session_count) {
    packet.kind = packet.header.count == heartbeat_count ? PacketKind::heartbeat : PacketKind::end_of_session;
    packet.trailing_bytes = rest.size();
    return packet;
  }
  if (packet.header.sequence > std::numeric_limits<std::uint64_t>::max() - packet.header.count) {
    packet.defect = Defect::sequence_overflow;
    return packet;
  }
  std::size_t at = 0;
  for (unsigned i = 0; i < packet.header.count; ++i) {
    if (rest.size() - at < length_size) {
      packet.defect = Defect::length_cut_off;
      return packet;
    }
    const std::size_t length = load_be<std::uint16_t>(rest.data() + at);
    at += length_size;
    if (rest.size() - at < length) {
      packet.defect = Defect::message_cut_off;
      return packet;
    }
    at += length;
  }
  packet.blocks = rest.first(at);
  packet.trailing_bytes = rest.size() - at;
  return packet;
}

std::size_t size_of_messages(std::span<const std::byte> blocks, std::uint64_t count) {
  std::size_t at = 0;
  for (; count > 0; --count) {
    CHECK(blocks.size() - at >= length_size);
    at += length_size + load_be<std::uint16_t>(blocks.data() + at);
    CHECK(at <= blocks.size());
  }
  return at;
}

void encode_header(const Header& header, std::span<std::byte, header_size> to) {
  std::memcpy(to.data(), header.session.bytes.data(), header.session.bytes.size());
  store_be(to.data() + sequence_at, header.sequence);
  store_be(to.data() + count_at, header.count);
}

std::optional<Header> parse_request(std::span<const std::byte> datagram) {
  if (datagram.size() != header_size) return std::nullopt;
  return load_header(datagram.data());
}

void PacketBuilder::start(const Session& session, std::uint64_t sequence) {
  count_ = 0;
  bytes_.resize(header_size);
  encode_header({session, sequence, heartbeat_count},
                std::span<std::byte, header_size>(bytes_.data(), header_size));
}

bool PacketBuilder::append(std::span<const std::byte> message) {
  CHECK(bytes_.size() >= header_size && message.size() <= 0xffff);
  if (bytes_.size() + length_size + message.size() > max_size_ || count_ == max_message_count) return false;
  const std::size_t at = bytes_.size();
  bytes_.resize(at + length_size + message.size());
  store_be(bytes_.data() + at, static_cast<std::uint16_t>(message.size()));
  std::copy(message.begin(), message.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at + length_size));
  write_count(++count_);
  return true;
}

void PacketBuilder::make_end_of_session() {
  CHECK(bytes_.size() == header_size);
  write_count(end_of_session_count);
}

void PacketBuilder::write_count(std::uint16_t count) {
  store_be(bytes_.data() + count_at, count);
}

}  // namespace tapeline::moldudp64
