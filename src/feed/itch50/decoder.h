#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <immintrin.h>

#include "base/bytes.h"
#include "feed/itch50/messages.h"

namespace tapeline::itch50 {

enum class DecodeStatus : std::uint8_t {
  ok,
  unknown_type,  // A type code that the specification does not know: skip the frame and count it.
  wrong_length,  // A known type in a frame of another length: nothing in it can be trusted.
};

namespace detail {

// A message is decoded by byte shuffles instead of a branch per type, because the type of the next message
// is close to a coin toss (44 % adds, 43 % deletes) and each wrong guess costs more than a whole decode.
// The host struct is four blocks of 16 bytes. Fields keep their wire order and only gain padding, and none
// straddles a block, so each block is one 16-byte load and one shuffle that swaps, moves and pads.
struct alignas(64) DecodePlan {
  std::array<std::array<std::uint8_t, 16>, 3> shuffles;  // Of blocks 1 to 3; the header's is common.
  std::array<std::uint8_t, 3> wire_offsets;
  std::uint8_t wire_size;  // 0 marks a type that the specification does not know.
};

inline constexpr std::uint8_t shuffle_zero = 0x80;

constexpr void shuffle_field(std::array<std::uint8_t, 16>& shuffle, std::size_t host, std::size_t wire,
                             std::size_t size, bool reversed) {
  for (std::size_t i = 0; i < size; ++i)
    shuffle[host + i] = static_cast<std::uint8_t>(wire + (reversed ? size - 1 - i : i));
}

inline constexpr std::array<std::uint8_t, 16> header_shuffle = [] {
  std::array<std::uint8_t, 16> shuffle;
  shuffle.fill(shuffle_zero);
  shuffle_field(shuffle, offsetof(Header, type), 0, 1, false);
  shuffle_field(shuffle, offsetof(Header, locate), 1, 2, true);
  shuffle_field(shuffle, offsetof(Header, tracking_number), 3, 2, true);
  shuffle_field(shuffle, offsetof(Header, timestamp), 5, 6, true);
  return shuffle;
}();

template <class M>
constexpr DecodePlan plan_of() {
  DecodePlan plan{};
  for (auto& shuffle : plan.shuffles) shuffle.fill(shuffle_zero);
  std::array<bool, 3> started{};
  for (const FieldLayout& field : fields_of<M>) {
    const std::size_t block = field.host_offset / 16u - 1;
    if ((field.host_offset + field.size - 1u) / 16u - 1 != block) throw "a field straddles two blocks";
    if (!started[block]) plan.wire_offsets[block] = field.wire_offset;
    started[block] = true;
    shuffle_field(plan.shuffles[block], field.host_offset % 16u, field.wire_offset - plan.wire_offsets[block],
                  field.size, field.kind == FieldKind::integer);
  }
  plan.wire_size = M::wire_size;
  return plan;
}

inline constexpr auto decode_plans = [] {
  std::array<DecodePlan, message_type_count + 1> plans{};  // Plan 0 is that of every unknown type.
  for (auto& shuffle : plans[0].shuffles) shuffle.fill(shuffle_zero);
  std::size_t next = 1;
  for_each_message_type([&]<class M>() { plans[next++] = plan_of<M>(); });
  return plans;
}();

inline constexpr auto plan_index = [] {
  std::array<std::uint8_t, 256> index{};
  std::uint8_t next = 1;
  for_each_message_type([&]<class M>() { index[static_cast<unsigned char>(M::type_code)] = next++; });
  return index;
}();

inline __m128i shuffled(const std::byte* from, const std::uint8_t* shuffle) {
  return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)),
                          _mm_load_si128(reinterpret_cast<const __m128i*>(shuffle)));
}

alignas(16) inline constexpr auto aligned_header_shuffle = header_shuffle;

}  // namespace detail

// Decodes one message into host byte order. `wire` holds `length` bytes (the frame's length, excluding its
// prefix) followed by decode_padding readable bytes. `out` is written whole whatever the status; padding and
// the tail behind the message's own struct are zero.
// Source: NASDAQ TotalView-ITCH 5.0, section 4.
[[nodiscard]] inline DecodeStatus decode(const std::byte* wire, std::size_t length, Message& out) {
  const auto type = static_cast<unsigned char>(wire[0]);
  const detail::DecodePlan& plan = detail::decode_plans[detail::plan_index[type]];
  auto* to = reinterpret_cast<__m128i*>(out.bytes.data());
  _mm_store_si128(to, detail::shuffled(wire, detail::aligned_header_shuffle.data()));
  for (std::size_t block = 0; block < 3; ++block)
    _mm_store_si128(to + 1 + block,
                    detail::shuffled(wire + plan.wire_offsets[block], plan.shuffles[block].data()));
  // An empty frame has no type: plan 0, of unknown types, has the length 0 as well.
  if ((length != plan.wire_size) | (length == 0)) [[unlikely]]
    return plan.wire_size == 0 ? DecodeStatus::unknown_type : DecodeStatus::wrong_length;
  return DecodeStatus::ok;
}

}  // namespace tapeline::itch50
