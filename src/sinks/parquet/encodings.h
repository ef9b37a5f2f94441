#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace tapeline::sinks::parquet {

// The value encodings of Parquet that the writer uses; each appends to `out`.
// https://parquet.apache.org/docs/file-format/data-pages/encodings/

void append_varint(std::string& out, std::uint64_t value);

// Values below 2^width, least significant bit first, zeros up to a multiple of eight values. width: 1 to 64.
void append_bit_packed(std::string& out, std::span<const std::uint64_t> values, unsigned width);
void append_bit_packed(std::string& out, std::span<const std::uint32_t> values, unsigned width);

// RLE_DICTIONARY's body: the width in one byte, then the RLE/bit-packing hybrid: one run when all values are
// equal, else all of them bit-packed.
void append_dictionary_indices(std::string& out, std::span<const std::uint32_t> indices, unsigned width);

// Definition levels of a flat optional column, with their length in front: `present` holds one 0 or 1 per
// row.
void append_definition_levels(std::string& out, std::span<const std::uint8_t> present,
                              std::size_t present_count);

// DELTA_BINARY_PACKED of 64-bit values. Differences wrap around, as the format has it.
void append_delta_packed(std::string& out, std::span<const std::uint64_t> values);

}  // namespace tapeline::sinks::parquet
