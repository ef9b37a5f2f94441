#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "feed/message_source.h"

// What a file of evidence is made of; docs/formats/evidence.md. Little-endian.
namespace tapeline::evidence::format {

inline constexpr std::array<char, 8> magic{'T', 'A', 'P', 'E', 'V', 'I', 'D', '\n'};
inline constexpr std::uint32_t version = 1;
// Each part is followed by zeros up to a multiple of it.
inline constexpr std::size_t alignment = 8;

struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t detectors_version;
  std::uint64_t first_offset;
  std::uint64_t last_offset;
  feed::SessionName session;
  std::array<std::uint8_t, 2> reserved;
  std::uint32_t alert_bytes;
  std::uint32_t program_bytes;
  std::uint32_t source_bytes;
  std::uint32_t parameter_bytes;
  std::uint32_t item_count;
  std::uint64_t state_bytes;
};
static_assert(sizeof(feed::SessionName) == 10 && sizeof(Header) == 72);

struct ItemHeader {
  std::uint8_t kind;
  std::uint8_t reserved;
  std::uint16_t byte_count;  // Of what follows, without the padding.
  std::uint32_t reserved2;
  std::uint64_t sequence;
  std::uint64_t captured;
};
static_assert(sizeof(ItemHeader) == 24);

}  // namespace tapeline::evidence::format
