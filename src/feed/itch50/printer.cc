#include "feed/itch50/printer.h"

#include <iterator>
#include <string_view>

#include <fmt/format.h>

namespace tapeline::itch50 {

namespace {

using Out = std::back_insert_iterator<std::string>;

void put_character(Out out, char character) {
  if (character > ' ' && character < '\x7F' && character != '\\')
    *out = character;
  else
    fmt::format_to(out, "\\x{:02X}", static_cast<unsigned char>(character));
}

void put_value(Out out, char value) {
  put_character(out, value);
}
void put_value(Out out, std::uint32_t value) {
  fmt::format_to(out, "{}", value);
}
void put_value(Out out, std::uint64_t value) {
  fmt::format_to(out, "{}", value);
}
void put_value(Out out, OrderRef value) {
  fmt::format_to(out, "{}", raw(value));
}
void put_value(Out out, MatchNumber value) {
  fmt::format_to(out, "{}", raw(value));
}

// Split by integers: a double has no room for eight decimals of a large price.
void put_value(Out out, Price value) {
  fmt::format_to(out, "{}.{:04}", value.ticks / Price::per_dollar, value.ticks % Price::per_dollar);
}
void put_value(Out out, Price8 value) {
  fmt::format_to(out, "{}.{:08}", value.ticks / Price8::per_dollar, value.ticks % Price8::per_dollar);
}

template <std::size_t N>
void put_value(Out out, const FixedText<N>& value) {
  std::string_view text(value.bytes.data(), N);
  while (text.ends_with(' ')) text.remove_suffix(1);
  for (const char character : text) put_character(out, character);
}

void put_header(Out out, const Header& header) {
  const std::uint64_t time = raw(header.timestamp);
  const std::uint64_t seconds = time / nanoseconds_per_second;
  fmt::format_to(out, " locate={} tracking={} time={:02}:{:02}:{:02}.{:09}", raw(header.locate),
                 header.tracking_number, seconds / 3'600, seconds / 60 % 60, seconds % 60,
                 time % nanoseconds_per_second);
}

}  // namespace

std::string to_text(const Message& message) {
  std::string text;
  const Out out(text);
  const bool known = visit(message, [out]<class M>(const M& m) {
    fmt::format_to(out, "{}", M::name);
    put_header(out, m.header);
    m.for_each_field([out](std::string_view name, const auto& value) {
      fmt::format_to(out, " {}=", name);
      put_value(out, value);
    });
  });
  if (!known) {
    fmt::format_to(out, "Unknown type=");
    put_character(out, message.header.type);
    put_header(out, message.header);
  }
  return text;
}

}  // namespace tapeline::itch50
