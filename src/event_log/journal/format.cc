#include "event_log/journal/format.h"

#include <cstring>

#include "base/crc32c.h"

namespace tapeline::event_log::journal {

namespace {

template <class Header>
std::uint32_t checksum_behind_crc(const Header& header) {
  constexpr std::size_t covered_from = offsetof(Header, crc) + sizeof header.crc;
  return crc32c(std::as_bytes(std::span(&header, 1)).subspan(covered_from));
}

}  // namespace

SegmentHeader make_segment_header(std::uint64_t base_offset, std::uint64_t end_offset) {
  SegmentHeader header{segment_magic, 0, format_version, base_offset, end_offset};
  header.crc = checksum_behind_crc(header);
  return header;
}

ParsedSegmentHeader parse_segment_header(Bytes bytes) {
  ParsedSegmentHeader parsed{SegmentState::damaged, {}};
  if (bytes.size() < sizeof parsed.header) return parsed;
  std::memcpy(&parsed.header, bytes.data(), sizeof parsed.header);
  const SegmentHeader& header = parsed.header;
  if (header.magic != segment_magic || header.crc != checksum_behind_crc(header)) return parsed;
  if (header.end_offset != 0 && header.end_offset < header.base_offset) return parsed;
  if (header.base_offset > max_offset || header.end_offset > max_offset + max_record_count) return parsed;
  parsed.state = header.version > format_version ? SegmentState::newer : SegmentState::whole;
  return parsed;
}

void seal(BatchHeader& header, std::span<const Bytes> payload) {
  header.magic = batch_magic;
  header.crc = checksum_behind_crc(header);
  for (const Bytes& piece : payload) header.crc = crc32c(piece, header.crc);
}

ParsedBatch parse_batch(Bytes bytes) {
  ParsedBatch parsed;
  if (bytes.size() < sizeof parsed.header) {
    parsed.state = BatchState::cut_off;
    parsed.size = sizeof parsed.header;
    return parsed;
  }
  std::memcpy(&parsed.header, bytes.data(), sizeof parsed.header);
  const BatchHeader& header = parsed.header;
  if (header.magic != batch_magic || header.payload_size > max_payload_bytes || header.record_count == 0 ||
      header.first_offset > max_offset)
    return parsed;
  parsed.size = size_on_disk(header.payload_size);
  if (bytes.size() < parsed.size) {
    parsed.state = BatchState::cut_off;
    return parsed;
  }
  parsed.payload = bytes.subspan(sizeof header, header.payload_size);
  if (header.crc == crc32c(parsed.payload, checksum_behind_crc(header))) parsed.state = BatchState::whole;
  return parsed;
}

}  // namespace tapeline::event_log::journal
