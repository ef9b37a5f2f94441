#include "feed/ouch50/codec.h"

#include <iterator>

#include <fmt/format.h>

namespace tapeline::ouch50 {

std::optional<Option> take_option(std::span<const std::byte>& options) {
  if (options.size() < 2) return std::nullopt;
  // The length counts the tag and the value.
  const std::size_t length = std::to_integer<std::size_t>(options[0]);
  if (length == 0 || length > options.size() - 1) return std::nullopt;
  const Option option = {std::to_integer<std::uint8_t>(options[1]), options.subspan(2, length - 1)};
  options = options.subspan(1 + length);
  return option;
}

bool is_well_formed(Appendage appendage) {
  while (take_option(appendage.options)) {
  }
  return appendage.options.empty();
}

std::string_view option_name(std::uint8_t tag) {
  switch (tag) {
#define OUCH50_CASE(number, name, type) \
  case number:                          \
    return #name;
    OUCH50_OPTIONS(OUCH50_CASE)
#undef OUCH50_CASE
    default: return {};
  }
}

std::size_t option_size(std::uint8_t tag) {
  switch (tag) {
#define OUCH50_CASE(number, name, type) \
  case number:                          \
    return sizeof(type);
    OUCH50_OPTIONS(OUCH50_CASE)
#undef OUCH50_CASE
    default: return 0;
  }
}

namespace {

template <class T>
T load(const std::byte* from) {
  if constexpr (detail::is_text<T>) {
    T text;
    std::memcpy(&text, from, sizeof text);
    return text;
  } else {
    return std::bit_cast<T>(load_be<detail::Raw<sizeof(T)>>(from));
  }
}

template <class M, class Any>
Defect decode_as(std::span<const std::byte> bytes, Any& any) {
  if (bytes.size() < M::wire_size) return Defect::wrong_length;
  M message;
  const std::byte* at = bytes.data() + 1;
  std::size_t size = M::wire_size;
  message.for_each_field([&]<class T>(std::string_view, T& field) {
    if constexpr (std::is_same_v<T, Appendage>) {
      const std::size_t length = load_be<std::uint16_t>(at);
      size += length;
      if (size <= bytes.size()) field.options = {at + wire_width<Appendage>, length};
    } else {
      field = load<T>(at);
    }
    at += wire_width<T>;
  });
  if (size != bytes.size()) return Defect::wrong_length;
  bool well_formed = true;
  message.for_each_field([&]<class T>(std::string_view, const T& field) {
    if constexpr (std::is_same_v<T, Appendage>) well_formed = is_well_formed(field);
  });
  if (!well_formed) return Defect::wrong_appendage;
  any = message;
  return Defect::none;
}

void print(std::string& out, char value) {
  const auto code = static_cast<unsigned char>(value);
  if (code > 0x20 && code < 0x7f)
    out += value;
  else
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", code);
}

// Whatever a peer sent may stand in a text; only what prints is printed.
template <std::size_t N>
void print(std::string& out, const FixedText<N>& value) {
  for (const char c : value.view())
    if (c == ' ')
      out += c;
    else
      print(out, c);
}

void print_dollars(std::string& out, std::uint64_t ticks) {
  fmt::format_to(std::back_inserter(out), "{}.{:04}", ticks / Price::per_dollar, ticks % Price::per_dollar);
}

void print(std::string& out, LongPrice value) {
  print_dollars(out, value.ticks);
}

void print(std::string& out, PriceOffset value) {
  if (value.ticks < 0) out += '-';
  print_dollars(out, static_cast<std::uint64_t>(std::abs(std::int64_t{value.ticks})));
}

template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
void print(std::string& out, T value) {
  if constexpr (std::is_enum_v<T>)
    out += fmt::to_string(raw(value));
  else
    out += fmt::to_string(value);
}

void print_value(std::string& out, const Option& option) {
  switch (option_size(option.tag) == option.value.size() ? option.tag : 0) {
#define OUCH50_CASE(number, name, type)          \
  case number:                                   \
    print(out, load<type>(option.value.data())); \
    return;
    OUCH50_OPTIONS(OUCH50_CASE)
#undef OUCH50_CASE
    default:
      for (const std::byte value : option.value)
        fmt::format_to(std::back_inserter(out), "{:02x}", std::to_integer<unsigned>(value));
  }
}

void print(std::string& out, Appendage appendage) {
  out += '[';
  std::string_view separator;
  while (const std::optional<Option> option = take_option(appendage.options)) {
    out += separator;
    separator = " ";
    const std::string_view name = option_name(option->tag);
    out += name.empty() ? fmt::format("option_{}", option->tag) : std::string(name);
    out += '=';
    print_value(out, *option);
  }
  out += ']';
}

template <class Any>
std::string print_any(const Any& any) {
  return std::visit(
      []<class M>(const M& message) -> std::string {
        if constexpr (std::is_same_v<M, std::monostate>) {
          return "nothing";
        } else {
          std::string out(M::name);
          message.for_each_field([&out](std::string_view name, const auto& value) {
            fmt::format_to(std::back_inserter(out), " {}=", name);
            print(out, value);
          });
          return out;
        }
      },
      any);
}

}  // namespace

#define OUCH50_CASE(Name, code, wire_length, FIELDS) \
  case code:                                         \
    return decode_as<Name>(bytes, message);

Defect decode_inbound(std::span<const std::byte> bytes, Inbound& message) {
  if (bytes.empty()) return Defect::empty;
  switch (static_cast<char>(bytes[0])) {
    OUCH50_INBOUND(OUCH50_CASE)
    default: return Defect::unknown_type;
  }
}

Defect decode_outbound(std::span<const std::byte> bytes, Outbound& message) {
  if (bytes.empty()) return Defect::empty;
  switch (static_cast<char>(bytes[0])) {
    OUCH50_OUTBOUND(OUCH50_CASE)
    default: return Defect::unknown_type;
  }
}
#undef OUCH50_CASE

std::string to_string(const Inbound& message) {
  return print_any(message);
}
std::string to_string(const Outbound& message) {
  return print_any(message);
}

}  // namespace tapeline::ouch50
