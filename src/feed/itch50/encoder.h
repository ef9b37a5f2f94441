#pragma once

#include <bit>
#include <cstddef>
#include <cstring>

#include "base/bytes.h"
#include "feed/itch50/messages.h"

namespace tapeline::itch50 {

namespace detail {

template <class T>
inline std::byte* put(std::byte* to, const T& value) {
  if constexpr (kind_of<T> == FieldKind::integer && sizeof(T) > 1) {
    using Raw = std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                   std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
    store_be(to, std::bit_cast<Raw>(value));
  } else {
    std::memcpy(to, &value, sizeof value);
  }
  return to + sizeof value;
}

}  // namespace detail

// Writes the message as it travels, M::wire_size bytes, and returns the end. The type byte comes from M,
// the rest of the header from `message.header`.
template <class M>
inline std::byte* encode(const M& message, std::byte* to) {
  to = detail::put(to, M::type_code);
  to = detail::put(to, message.header.locate);
  to = detail::put(to, message.header.tracking_number);
  store_be48(to, raw(message.header.timestamp));
  to += 6;
  message.for_each_field([&to](std::string_view, const auto& value) { to = detail::put(to, value); });
  return to;
}

// The same behind a big-endian u16 length: one entry of a BinaryFILE or one MoldUDP64 message block.
template <class M>
inline std::byte* encode_framed(const M& message, std::byte* to) {
  store_be(to, static_cast<std::uint16_t>(M::wire_size));
  return encode(message, to + 2);
}

}  // namespace tapeline::itch50
