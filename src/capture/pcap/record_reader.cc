#include "capture/pcap/record_reader.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace tapeline::capture {

namespace {

constexpr std::uint32_t pcap_microseconds = 0xa1b2c3d4;
constexpr std::uint32_t pcap_nanoseconds = 0xa1b23c4d;
constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::size_t pcap_header_size = 24;
constexpr std::size_t pcap_record_header_size = 16;

// pcapng block types and options.
constexpr std::uint32_t section_header_block = 0x0a0d0d0a;  // Reads the same in both byte orders.
constexpr std::uint32_t interface_block = 1;
constexpr std::uint32_t simple_packet_block = 3;
constexpr std::uint32_t enhanced_packet_block = 6;
constexpr std::size_t block_frame_size = 12;  // Type, length, and the length again at the end.
constexpr std::uint16_t option_end = 0;
constexpr std::uint16_t option_ts_resolution = 9;
constexpr std::uint16_t option_ts_offset = 14;
constexpr std::size_t max_interfaces = 4096;

std::uint32_t load_le32(const std::byte* from) {
  return __builtin_bswap32(load_be<std::uint32_t>(from));
}

bool is_pcap_magic(std::uint32_t magic) {
  return magic == pcap_microseconds || magic == pcap_nanoseconds;
}

__extension__ typedef unsigned __int128 Wide;

// Ticks since 1970 to nanoseconds, exact where the resolution is a power of ten or the product fits.
CaptureTime to_time(std::uint64_t ticks, std::uint64_t ticks_per_second, std::int64_t offset_seconds) {
  const std::uint64_t seconds = ticks / ticks_per_second + static_cast<std::uint64_t>(offset_seconds);
  const auto part = static_cast<Wide>(ticks % ticks_per_second) * nanoseconds_per_second;
  return CaptureTime{seconds * nanoseconds_per_second + static_cast<std::uint64_t>(part / ticks_per_second)};
}

// if_tsresol: a negative power of ten, or of two where the top bit is set; 0 where it is beyond use.
std::uint64_t ticks_of_resolution(unsigned resolution) {
  const unsigned exponent = resolution & 0x7f;
  if ((resolution & 0x80) != 0) return exponent < 64 ? std::uint64_t{1} << exponent : 0;
  std::uint64_t ticks = 1;
  if (exponent > 19) return 0;
  for (unsigned i = 0; i < exponent; ++i) ticks *= 10;
  return ticks;
}

}  // namespace

bool RecordReader::recognises(std::span<const std::byte> head) {
  if (head.size() < 4) return false;
  const auto magic = load_be<std::uint32_t>(head.data());
  return magic == section_header_block || is_pcap_magic(magic) || is_pcap_magic(load_le32(head.data()));
}

RecordReader::RecordReader(std::unique_ptr<ByteStream> stream, std::string name, ReadAheadOptions options)
    : source_(std::move(stream), options), cursor_(source_), name_(std::move(name)) {}

std::uint16_t RecordReader::u16(const std::byte* from) const {
  const auto value = load_be<std::uint16_t>(from);
  return big_endian_ ? value : __builtin_bswap16(value);
}

std::uint32_t RecordReader::u32(const std::byte* from) const {
  return big_endian_ ? load_be<std::uint32_t>(from) : load_le32(from);
}

std::unexpected<Error> RecordReader::corrupt(const std::string& what) const {
  return fail(ErrorCode::corrupt, fmt::format("{}: not a valid capture file: {}, at byte offset {}", name_,
                                              what, record_offset_));
}

std::unexpected<Error> RecordReader::torn(const std::string& where) const {
  return fail(ErrorCode::corrupt,
              fmt::format("{}: the capture ends inside {} at byte offset {}: it is truncated", name_, where,
                          record_offset_));
}

Result<std::optional<CaptureRecord>> RecordReader::next() {
  if (end_) return *end_;
  if (!opened_) {
    opened_ = true;
    if (const Result<void> opened = open(); !opened) end_ = std::unexpected(opened.error());
    if (end_) return *end_;
  }
  Result<std::optional<CaptureRecord>> record = pcapng_ ? next_pcapng() : next_pcap();
  if (!record || !*record) end_ = record;
  return record;
}

Result<void> RecordReader::open() {
  const auto magic = cursor_.take(4);
  if (!magic) return std::unexpected(magic.error());
  if (magic->size() < 4) return torn("its header");
  const auto big = load_be<std::uint32_t>(magic->data());
  if (big == section_header_block) {
    pcapng_ = true;
    return read_section_header();
  }
  big_endian_ = is_pcap_magic(big);
  if (!big_endian_ && !is_pcap_magic(load_le32(magic->data())))
    return corrupt("it has no capture's magic number");
  return read_pcap_header(*magic);
}

Result<void> RecordReader::read_pcap_header(std::span<const std::byte> magic) {
  Interface interface;
  if (u32(magic.data()) == pcap_nanoseconds) interface.ticks_per_second = nanoseconds_per_second;
  const auto header = cursor_.take(pcap_header_size - 4);
  if (!header) return std::unexpected(header.error());
  if (header->size() < pcap_header_size - 4) return torn("its header");
  interface.snap_length = u32(header->data() + 12);
  // The upper bits say whether frames carry a checksum at their end, which the IP length tells from the
  // payload.
  interface.link_type = u32(header->data() + 16) & 0xffff;
  interfaces_.assign(1, interface);
  return {};
}

Result<std::optional<CaptureRecord>> RecordReader::next_pcap() {
  record_offset_ = cursor_.offset();
  const auto header = cursor_.take(pcap_record_header_size);
  if (!header) return std::unexpected(header.error());
  if (header->empty()) return std::nullopt;
  if (header->size() < pcap_record_header_size) return torn("a packet's header");
  const std::uint32_t seconds = u32(header->data());
  const std::uint32_t fraction = u32(header->data() + 4);
  const std::uint32_t size = u32(header->data() + 8);
  const Interface& interface = interfaces_.front();
  CaptureRecord record;
  record.original_size = u32(header->data() + 12);
  record.link_type = interface.link_type;
  record.time = to_time(seconds * interface.ticks_per_second + fraction, interface.ticks_per_second, 0);
  // Some writers state a snap length below what they write, so only absurd sizes are refused.
  if (size > max_record_size) return corrupt(fmt::format("a packet claims {} bytes", size));
  const auto bytes = cursor_.take(size);
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() < size) return torn("a packet");
  record.bytes = *bytes;
  return record;
}

// Behind the block type. Sets the byte order of the section.
Result<void> RecordReader::read_section_header() {
  const auto start = cursor_.take(8);
  if (!start) return std::unexpected(start.error());
  if (start->size() < 8) return torn("a section header");
  const auto magic = load_be<std::uint32_t>(start->data() + 4);
  big_endian_ = magic == byte_order_magic;
  if (!big_endian_ && __builtin_bswap32(magic) != byte_order_magic)
    return corrupt("a section header has no byte-order magic");
  const std::uint32_t length = u32(start->data());
  constexpr std::uint32_t smallest = 28;
  if (length < smallest || length % 4 != 0)
    return corrupt(fmt::format("a section header claims {} bytes", length));
  const auto skipped = cursor_.skip(length - 12);
  if (!skipped) return std::unexpected(skipped.error());
  if (*skipped < length - 12) return torn("a section header");
  interfaces_.clear();
  return {};
}

Result<std::optional<CaptureRecord>> RecordReader::next_pcapng() {
  for (;;) {
    record_offset_ = cursor_.offset();
    const auto type_bytes = cursor_.take(4);
    if (!type_bytes) return std::unexpected(type_bytes.error());
    if (type_bytes->empty()) return std::nullopt;
    if (type_bytes->size() < 4) return torn("a block");
    const std::uint32_t type = u32(type_bytes->data());
    if (type == section_header_block) {
      if (const Result<void> section = read_section_header(); !section)
        return std::unexpected(section.error());
      continue;
    }
    const auto length_bytes = cursor_.take(4);
    if (!length_bytes) return std::unexpected(length_bytes.error());
    if (length_bytes->size() < 4) return torn("a block");
    const std::uint32_t length = u32(length_bytes->data());
    if (length < block_frame_size || length % 4 != 0)
      return corrupt(fmt::format("a block claims {} bytes", length));
    const std::uint32_t body_size = length - 8;  // With the length at the end.
    const bool wanted =
        type == interface_block || type == simple_packet_block || type == enhanced_packet_block;
    if (!wanted) {
      const auto skipped = cursor_.skip(body_size);
      if (!skipped) return std::unexpected(skipped.error());
      if (*skipped < body_size) return torn("a block");
      continue;
    }
    if (length > max_record_size) return corrupt(fmt::format("a block claims {} bytes", length));
    const auto body = cursor_.take(body_size);
    if (!body) return std::unexpected(body.error());
    if (body->size() < body_size) return torn("a block");
    if (u32(body->data() + body_size - 4) != length) return corrupt("a block's two lengths differ");
    const std::span<const std::byte> content = body->first(body_size - 4);
    if (type == interface_block) {
      if (const Result<void> added = add_interface(content); !added) return std::unexpected(added.error());
      continue;
    }
    return type == enhanced_packet_block ? enhanced_packet(content) : simple_packet(content);
  }
}

Result<void> RecordReader::add_interface(std::span<const std::byte> body) {
  if (body.size() < 8) return corrupt("an interface description is too short");
  if (interfaces_.size() >= max_interfaces) return corrupt("it describes too many interfaces");
  Interface interface;
  interface.link_type = u16(body.data());
  interface.snap_length = u32(body.data() + 4);
  std::size_t at = 8;
  while (body.size() - at >= 4) {
    const std::uint16_t code = u16(body.data() + at);
    const std::size_t length = u16(body.data() + at + 2);
    at += 4;
    if (code == option_end) break;
    if (body.size() - at < length) return corrupt("an interface's option passes the end of its block");
    if (code == option_ts_resolution && length >= 1) {
      interface.ticks_per_second = ticks_of_resolution(std::to_integer<unsigned>(body[at]));
      if (interface.ticks_per_second == 0)
        return corrupt("an interface's timestamp resolution is out of range");
    }
    if (code == option_ts_offset && length >= 8) {
      const std::uint64_t first = u32(body.data() + at);
      const std::uint64_t second = u32(body.data() + at + 4);
      interface.offset_seconds =
          static_cast<std::int64_t>(big_endian_ ? first << 32 | second : second << 32 | first);
    }
    at += std::min((length + 3) / 4 * 4, body.size() - at);
  }
  interfaces_.push_back(interface);
  return {};
}

Result<CaptureRecord> RecordReader::enhanced_packet(std::span<const std::byte> body) const {
  constexpr std::size_t header_size = 20;
  if (body.size() < header_size) return corrupt("a packet block is too short");
  const std::uint32_t number = u32(body.data());
  if (number >= interfaces_.size())
    return corrupt(fmt::format("a packet names interface {}, never described", number));
  const Interface& interface = interfaces_[number];
  const std::uint64_t ticks = std::uint64_t{u32(body.data() + 4)} << 32 | u32(body.data() + 8);
  const std::uint32_t size = u32(body.data() + 12);
  if (size > body.size() - header_size) return corrupt("a packet passes the end of its block");
  return CaptureRecord{body.subspan(header_size, size), u32(body.data() + 16), interface.link_type,
                       to_time(ticks, interface.ticks_per_second, interface.offset_seconds)};
}

// A simple packet has no time, and its captured size follows from the snap length.
Result<CaptureRecord> RecordReader::simple_packet(std::span<const std::byte> body) const {
  if (body.size() < 4) return corrupt("a packet block is too short");
  if (interfaces_.empty()) return corrupt("a packet comes before any interface description");
  const Interface& interface = interfaces_.front();
  const std::uint32_t original = u32(body.data());
  const std::uint32_t size =
      interface.snap_length == 0 ? original : std::min(original, interface.snap_length);
  if (size > body.size() - 4) return corrupt("a packet passes the end of its block");
  return CaptureRecord{body.subspan(4, size), original, interface.link_type, CaptureTime{0}};
}

}  // namespace tapeline::capture
