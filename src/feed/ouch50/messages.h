#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "feed/ouch50/messages.def"
#include "market/types.h"

namespace tapeline::ouch50 {

// The client's number of an order, ascending through the day.
enum class UserRefNum : std::uint32_t {};

// Dollars times 10,000, as wide as OUCH sends it.
struct LongPrice {
  std::uint64_t ticks = 0;
  friend constexpr auto operator<=>(LongPrice, LongPrice) = default;
};

// Dollars times 10,000, signed.
struct PriceOffset {
  std::int32_t ticks = 0;
  friend constexpr auto operator<=>(PriceOffset, PriceOffset) = default;
};

using ClientOrderId = FixedText<14>;

// The options behind a message: each a length (of what follows it), a tag and a value. Points into the
// message decoded or whatever bytes it was given.
struct Appendage {
  std::span<const std::byte> options = {};
  friend bool operator==(const Appendage& a, const Appendage& b) {
    return std::equal(a.options.begin(), a.options.end(), b.options.begin(), b.options.end());
  }
};

struct Option {
  std::uint8_t tag;
  std::span<const std::byte> value;
};

// Takes the first option off `options`. Nothing where they are at their end, or are malformed: then some are
// left.
[[nodiscard]] std::optional<Option> take_option(std::span<const std::byte>& options);

// Whether the options fill the appendage exactly.
[[nodiscard]] bool is_well_formed(Appendage appendage);

// The value of a known option, "firm" for 2; empty for an unknown one.
[[nodiscard]] std::string_view option_name(std::uint8_t tag);
// Bytes of a known option's value; 0 for an unknown one.
[[nodiscard]] std::size_t option_size(std::uint8_t tag);

template <class T>
inline constexpr std::size_t wire_width = sizeof(T);
template <>
inline constexpr std::size_t wire_width<Appendage> = 2;

// One struct per message, host byte order. `for_each_field(f)` calls f(name, member) in wire order.
#define OUCH50_MEMBER(type, name) type name = {};
#define OUCH50_VISIT(type, name) f(std::string_view(#name), self.name);
#define OUCH50_WIDTH(type, name) +wire_width<type>
#define OUCH50_STRUCT(Name, code, wire_length, FIELDS)          \
  struct Name {                                                 \
    static constexpr char type_code = code;                     \
    static constexpr std::size_t wire_size = wire_length;       \
    static constexpr std::string_view name = #Name;             \
    FIELDS(OUCH50_MEMBER)                                       \
    template <class F>                                          \
    void for_each_field([[maybe_unused]] F&& f) {               \
      [[maybe_unused]] auto& self = *this;                      \
      FIELDS(OUCH50_VISIT)                                      \
    }                                                           \
    template <class F>                                          \
    void for_each_field([[maybe_unused]] F&& f) const {         \
      [[maybe_unused]] const auto& self = *this;                \
      FIELDS(OUCH50_VISIT)                                      \
    }                                                           \
    friend bool operator==(const Name&, const Name&) = default; \
  };                                                            \
  static_assert(1 FIELDS(OUCH50_WIDTH) == wire_length,          \
                "the fields of " #Name " do not add up to its wire length");
OUCH50_INBOUND(OUCH50_STRUCT)
OUCH50_OUTBOUND(OUCH50_STRUCT)
#undef OUCH50_STRUCT
#undef OUCH50_WIDTH
#undef OUCH50_VISIT
#undef OUCH50_MEMBER

// The first alternative, monostate, is never the result of a successful decode.
#define OUCH50_ALTERNATIVE(Name, code, wire_length, FIELDS) , Name
using Inbound = std::variant<std::monostate OUCH50_INBOUND(OUCH50_ALTERNATIVE)>;
using Outbound = std::variant<std::monostate OUCH50_OUTBOUND(OUCH50_ALTERNATIVE)>;
#undef OUCH50_ALTERNATIVE

}  // namespace tapeline::ouch50
