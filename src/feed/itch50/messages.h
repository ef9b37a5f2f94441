#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "feed/itch50/messages.def"
#include "market/types.h"

namespace tapeline::itch50 {

// Common to every message: 11 bytes on the wire, 16 in memory.
struct Header {
  char type;
  Locate locate;
  std::uint16_t tracking_number;
  EventTime timestamp;
};
static_assert(sizeof(Header) == 16);
inline constexpr std::size_t header_wire_size = 11;

// How a field travels: integers are big-endian, text is copied as it is.
enum class FieldKind : std::uint8_t { integer, character, text };

struct FieldLayout {
  std::string_view name;
  FieldKind kind;
  std::uint8_t wire_offset;
  std::uint8_t host_offset;
  std::uint8_t size;
};

template <class T>
inline constexpr FieldKind kind_of = FieldKind::integer;
template <>
inline constexpr FieldKind kind_of<char> = FieldKind::character;
template <std::size_t N>
inline constexpr FieldKind kind_of<FixedText<N>> = FieldKind::text;

// One struct per message, host byte order. `for_each_field(f)` calls f(name, member) in wire order.
#define ITCH50_MEMBER(type, name) type name;
#define ITCH50_VISIT(type, name) f(std::string_view(#name), self.name);
#define ITCH50_COUNT(type, name) +1
#define ITCH50_LAYOUT(type, name) FieldLayout{#name, kind_of<type>, 0, offsetof(Self, name), sizeof(type)},
#define ITCH50_STRUCT(Name, code, wire_length, member, FIELDS)                         \
  struct Name {                                                                        \
    static constexpr char type_code = code;                                            \
    static constexpr std::size_t wire_size = wire_length;                              \
    static constexpr std::string_view name = #Name;                                    \
    Header header;                                                                     \
    FIELDS(ITCH50_MEMBER)                                                              \
    template <class F>                                                                 \
    void for_each_field(F&& f) { auto& self = *this; FIELDS(ITCH50_VISIT) }            \
    template <class F>                                                                 \
    void for_each_field(F&& f) const { const auto& self = *this; FIELDS(ITCH50_VISIT) }\
  };
ITCH50_MESSAGES(ITCH50_STRUCT)
#undef ITCH50_STRUCT
#undef ITCH50_VISIT
#undef ITCH50_MEMBER

namespace detail {

template <std::size_t N>
constexpr std::array<FieldLayout, N> with_wire_offsets(std::array<FieldLayout, N> fields) {
  std::size_t offset = header_wire_size;
  for (FieldLayout& field : fields) {
    field.wire_offset = static_cast<std::uint8_t>(offset);
    offset += field.size;
  }
  return fields;
}

}  // namespace detail

// fields_of<AddOrder>: the layout of every field after the header, in wire order.
template <class M>
inline constexpr int fields_of = 0;
#define ITCH50_FIELDS_OF(Name, code, wire_length, member, FIELDS)                                    \
  template <>                                                                                        \
  inline constexpr auto fields_of<Name> = [] {                                                       \
    using Self = Name;                                                                               \
    return detail::with_wire_offsets(std::array<FieldLayout, 0 FIELDS(ITCH50_COUNT)>{FIELDS(ITCH50_LAYOUT)}); \
  }();                                                                                               \
  static_assert(fields_of<Name>.back().wire_offset + fields_of<Name>.back().size == wire_length,     \
                "the fields of " #Name " do not add up to its wire length");                         \
  static_assert(sizeof(Name) <= 64);
ITCH50_MESSAGES(ITCH50_FIELDS_OF)
#undef ITCH50_FIELDS_OF
#undef ITCH50_LAYOUT
#undef ITCH50_COUNT

// Wire offset of a field by its name, at compile time: wire_offset<AddOrder>("price") == 32.
template <class M>
consteval std::size_t wire_offset(std::string_view name) {
  for (const FieldLayout& field : fields_of<M>)
    if (field.name == name) return field.wire_offset;
  throw "the message has no such field";
}

inline constexpr std::size_t message_type_count = 0
#define ITCH50_COUNT_ONE(...) +1
    ITCH50_MESSAGES(ITCH50_COUNT_ONE);
#undef ITCH50_COUNT_ONE

// The length on the wire by type code; 0 for a code that the specification does not know.
inline constexpr std::array<std::uint8_t, 256> wire_sizes = [] {
  std::array<std::uint8_t, 256> sizes{};
#define ITCH50_SIZE(Name, code, wire_length, member, FIELDS) sizes[static_cast<unsigned char>(code)] = wire_length;
  ITCH50_MESSAGES(ITCH50_SIZE)
#undef ITCH50_SIZE
  return sizes;
}();
inline constexpr std::size_t max_wire_size = 50;

// Any message: the one that `header.type` names.
union alignas(64) Message {
  std::array<std::byte, 64> bytes;
  Header header;
#define ITCH50_UNION(Name, code, wire_length, member, FIELDS) Name member;
  ITCH50_MESSAGES(ITCH50_UNION)
#undef ITCH50_UNION
};
static_assert(sizeof(Message) == 64);

// Calls f(const Name&) with the struct that the type byte names; false if it names none.
template <class F>
bool visit(const Message& message, F&& f) {
  switch (message.header.type) {
#define ITCH50_CASE(Name, code, wire_length, member, FIELDS) \
  case code:                                                 \
    f(message.member);                                       \
    return true;
    ITCH50_MESSAGES(ITCH50_CASE)
#undef ITCH50_CASE
    default: return false;
  }
}

// Calls f.template operator()<Name>() for each of the message types, in the order of the table.
template <class F>
constexpr void for_each_message_type(F&& f) {
#define ITCH50_EACH(Name, code, wire_length, member, FIELDS) f.template operator()<Name>();
  ITCH50_MESSAGES(ITCH50_EACH)
#undef ITCH50_EACH
}

// The name of a message type, "AddOrder" for 'A'; empty for a code that the specification does not know.
[[nodiscard]] constexpr std::string_view message_name(char type_code) {
  switch (type_code) {
#define ITCH50_NAME(Name, code, wire_length, member, FIELDS) \
  case code:                                                 \
    return #Name;
    ITCH50_MESSAGES(ITCH50_NAME)
#undef ITCH50_NAME
    default: return {};
  }
}

}  // namespace tapeline::itch50
