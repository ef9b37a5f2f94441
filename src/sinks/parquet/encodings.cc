#include "sinks/parquet/encodings.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace tapeline::sinks::parquet {
namespace {

// Makes room for `size` more bytes without clearing them first, lets `write(char*)` fill them, and keeps as
// many as it returns.
template <class Write>
void extend(std::string& out, std::size_t size, Write write) {
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + size,
                           [&](char* data, std::size_t) { return before + write(data + before); });
}

// Packs whole groups of eight; returns the number of bytes. Writes up to 8 bytes past them.
template <class Value>
std::size_t pack(char* to, std::span<const Value> values, unsigned width) {
  const char* const start = to;
  std::uint64_t word = 0;
  unsigned used = 0;
  const auto add = [&](std::uint64_t value) {
    word |= value << used;
    used += width;
    if (used < 64) return;
    std::memcpy(to, &word, sizeof word);
    to += sizeof word;
    used -= 64;
    word = used == 0 ? 0 : value >> (width - used);
  };
  for (const Value value : values) add(value);
  const std::size_t padding = (8 - values.size() % 8) % 8;
  for (std::size_t i = 0; i < padding; ++i) add(0);
  std::memcpy(to, &word, sizeof word);
  return static_cast<std::size_t>(to - start) + used / 8;
}

template <class Value>
void append_packed(std::string& out, std::span<const Value> values, unsigned width) {
  extend(out, (values.size() + 7) / 8 * width + 8, [&](char* to) { return pack(to, values, width); });
}

std::uint64_t zigzag(std::uint64_t value) {
  return (value << 1) ^ static_cast<std::uint64_t>(static_cast<std::int64_t>(value) >> 63);
}

}  // namespace

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_bit_packed(std::string& out, std::span<const std::uint64_t> values, unsigned width) {
  append_packed(out, values, width);
}

void append_bit_packed(std::string& out, std::span<const std::uint32_t> values, unsigned width) {
  append_packed(out, values, width);
}

void append_dictionary_indices(std::string& out, std::span<const std::uint32_t> indices, unsigned width) {
  out += static_cast<char>(width);
  if (indices.empty()) return;
  const std::uint32_t first = indices.front();
  if (std::ranges::all_of(indices, [=](std::uint32_t index) { return index == first; })) {
    append_varint(out, indices.size() << 1);
    out.append(reinterpret_cast<const char*>(&first), (width + 7) / 8);
    return;
  }
  append_varint(out, ((indices.size() + 7) / 8 << 1) | 1);
  append_bit_packed(out, indices, width);
}

void append_definition_levels(std::string& out, std::span<const std::uint8_t> present,
                              std::size_t present_count) {
  const std::size_t length_at = out.size();
  out.append(4, '\0');
  if (present_count == present.size() || present_count == 0) {
    append_varint(out, present.size() << 1);
    out += present_count == 0 ? '\0' : '\1';
  } else {
    append_varint(out, ((present.size() + 7) / 8 << 1) | 1);
    std::array<std::uint32_t, 512> levels;
    for (std::size_t at = 0; at < present.size(); at += levels.size()) {
      const std::size_t count = std::min(levels.size(), present.size() - at);
      std::copy_n(present.begin() + static_cast<std::ptrdiff_t>(at), count, levels.begin());
      append_bit_packed(out, std::span<const std::uint32_t>(levels.data(), count), 1);
    }
  }
  const auto length = static_cast<std::uint32_t>(out.size() - length_at - 4);
  std::memcpy(out.data() + length_at, &length, sizeof length);
}

void append_delta_packed(std::string& out, std::span<const std::uint64_t> values) {
  constexpr std::size_t block_size = 128;
  constexpr std::size_t miniblock_size = 32;
  constexpr std::size_t miniblocks = block_size / miniblock_size;
  append_varint(out, block_size);
  append_varint(out, miniblocks);
  append_varint(out, values.size());
  append_varint(out, zigzag(values.empty() ? 0 : values.front()));
  for (std::size_t at = 1; at < values.size(); at += block_size) {
    const std::size_t count = std::min(block_size, values.size() - at);
    std::array<std::uint64_t, block_size> deltas;
    std::int64_t least = INT64_MAX;
    for (std::size_t i = 0; i < count; ++i) {
      deltas[i] = values[at + i] - values[at + i - 1];
      least = std::min(least, static_cast<std::int64_t>(deltas[i]));
    }
    for (std::size_t i = 0; i < count; ++i) deltas[i] -= static_cast<std::uint64_t>(least);
    std::fill(deltas.begin() + static_cast<std::ptrdiff_t>(count), deltas.end(), 0);
    append_varint(out, zigzag(static_cast<std::uint64_t>(least)));
    std::array<unsigned, miniblocks> widths;
    for (std::size_t m = 0; m < miniblocks; ++m) {
      std::uint64_t bits = 0;
      for (std::size_t i = 0; i < miniblock_size; ++i) bits |= deltas[m * miniblock_size + i];
      widths[m] = static_cast<unsigned>(std::bit_width(bits));
      out += static_cast<char>(widths[m]);
    }
    for (std::size_t m = 0; m < miniblocks; ++m) {
      if (widths[m] == 0) continue;  // Nothing but the least difference; no bytes stand for it.
      append_bit_packed(out, std::span<const std::uint64_t>(&deltas[m * miniblock_size], miniblock_size),
                        widths[m]);
    }
  }
}

}  // namespace tapeline::sinks::parquet
