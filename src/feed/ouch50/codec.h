#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "feed/ouch50/messages.h"

namespace tapeline::ouch50 {

enum class Defect : std::uint8_t {
  none,
  empty,
  unknown_type,
  wrong_length,     // Not the length of its type, nor that of its appendage added.
  wrong_appendage,  // The options do not fill the appendage.
};

// Decodes one message, the payload of a SoupBinTCP data packet. `message` is set only where the result is
// none; its appendage points into `bytes`. Tags and values of options are not judged.
[[nodiscard]] Defect decode_inbound(std::span<const std::byte> bytes, Inbound& message);
[[nodiscard]] Defect decode_outbound(std::span<const std::byte> bytes, Outbound& message);

// "EnterOrder user_ref_num=7 side=B …", options by name.
[[nodiscard]] std::string to_string(const Inbound& message);
[[nodiscard]] std::string to_string(const Outbound& message);

namespace detail {

template <std::size_t Size>
using Raw =
    std::conditional_t<Size == 1, std::uint8_t,
                       std::conditional_t<Size == 2, std::uint16_t,
                                          std::conditional_t<Size == 4, std::uint32_t, std::uint64_t>>>;

template <class T>
inline constexpr bool is_text = false;
template <std::size_t N>
inline constexpr bool is_text<FixedText<N>> = true;

template <class T>
void append(std::vector<std::byte>& to, const T& value) {
  const std::size_t at = to.size();
  if constexpr (std::is_same_v<T, Appendage>) {
    append(to, static_cast<std::uint16_t>(value.options.size()));
    to.insert(to.end(), value.options.begin(), value.options.end());
  } else {
    to.resize(at + sizeof(T));
    if constexpr (is_text<T>)
      std::memcpy(to.data() + at, &value, sizeof value);
    else
      store_be(to.data() + at, std::bit_cast<Raw<sizeof(T)>>(value));
  }
}

}  // namespace detail

// Appends the message as it travels, options included.
template <class M>
void encode(const M& message, std::vector<std::byte>& to) {
  detail::append(to, M::type_code);
  message.for_each_field([&to](std::string_view, const auto& value) { detail::append(to, value); });
}

// Appends one option, the value in network order: append_option(options, 3, Shares{100}).
template <class T>
void append_option(std::vector<std::byte>& options, std::uint8_t tag, const T& value) {
  options.push_back(static_cast<std::byte>(1 + sizeof(T)));
  options.push_back(static_cast<std::byte>(tag));
  detail::append(options, value);
}

}  // namespace tapeline::ouch50
