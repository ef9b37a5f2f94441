#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/file/byte_cursor.h"
#include "capture/file/byte_source.h"
#include "market/types.h"

namespace tapeline::capture {

// One captured frame.
struct CaptureRecord {
  std::span<const std::byte> bytes;  // Followed by decode_padding readable bytes.
  std::uint32_t original_size = 0;   // On the wire.
  std::uint32_t link_type = 0;       // LINKTYPE_ number, see capture/pcap/frame.h.
  CaptureTime time = CaptureTime{0};
};

// Reads the records of a pcap or pcapng file, of either byte order, and both in turn where files were
// concatenated section by section. Memory is bounded by max_record_size whatever the file says.
//   pcap:   draft-ietf-opsawg-pcap        pcapng: draft-ietf-opsawg-pcapng
class RecordReader {
 public:
  // Far above every link's frames, far below what would hurt.
  static constexpr std::uint32_t max_record_size = 16U << 20;

  // Whether a file that starts with these bytes (4 suffice) is a capture.
  [[nodiscard]] static bool recognises(std::span<const std::byte> head);

  RecordReader(std::unique_ptr<ByteStream> stream, std::string name, ReadAheadOptions options = {});

  // The next record, which stays valid until the next call; nullopt at the clean end. A failure repeats.
  Result<std::optional<CaptureRecord>> next();

  [[nodiscard]] InputProgress progress() const { return source_.progress(); }

 private:
  struct Interface {
    std::uint32_t link_type = 0;
    std::uint64_t ticks_per_second = 1'000'000;
    std::int64_t offset_seconds = 0;
    std::uint32_t snap_length = 0;  // 0: none.
  };

  Result<void> open();
  Result<void> read_pcap_header(std::span<const std::byte> magic);
  Result<std::optional<CaptureRecord>> next_pcap();
  Result<std::optional<CaptureRecord>> next_pcapng();
  Result<void> read_section_header();
  Result<void> add_interface(std::span<const std::byte> body);
  Result<CaptureRecord> enhanced_packet(std::span<const std::byte> body) const;
  Result<CaptureRecord> simple_packet(std::span<const std::byte> body) const;

  [[nodiscard]] std::uint16_t u16(const std::byte* from) const;
  [[nodiscard]] std::uint32_t u32(const std::byte* from) const;
  [[nodiscard]] std::unexpected<Error> corrupt(const std::string& what) const;
  [[nodiscard]] std::unexpected<Error> torn(const std::string& where) const;

  ByteSource source_;
  ByteCursor cursor_;
  std::string name_;
  bool opened_ = false;
  bool big_endian_ = false;
  bool pcapng_ = false;
  std::uint64_t record_offset_ = 0;
  std::vector<Interface> interfaces_;  // pcap: exactly one.
  std::optional<Result<std::optional<CaptureRecord>>> end_;
};

}  // namespace tapeline::capture
