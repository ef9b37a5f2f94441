#include "serve/json_text.h"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace tapeline::serve {

void JsonText::separate() {
  if (!first_) to_ += ',';
  first_ = false;
}

JsonText& JsonText::begin(char opening) {
  separate();
  to_ += opening;
  first_ = true;
  return *this;
}

JsonText& JsonText::end(char closing) {
  to_ += closing;
  first_ = false;
  return *this;
}

JsonText& JsonText::key(std::string_view name) {
  separate();
  to_.append(1, '"').append(name).append("\":");
  first_ = true;
  return *this;
}

JsonText& JsonText::null() {
  return json("null");
}

JsonText& JsonText::boolean(bool value) {
  return json(value ? "true" : "false");
}

JsonText& JsonText::number(std::uint64_t value) {
  separate();
  const fmt::format_int digits(value);
  to_.append(digits.data(), digits.size());
  return *this;
}

JsonText& JsonText::signed_number(std::int64_t value) {
  separate();
  const fmt::format_int digits(value);
  to_.append(digits.data(), digits.size());
  return *this;
}

JsonText& JsonText::decimal(double value, int decimals) {
  if (!std::isfinite(value)) return null();
  separate();
  fmt::format_to(std::back_inserter(to_), "{:.{}f}", value, decimals);
  return *this;
}

JsonText& JsonText::price(Price value) {
  if (value.ticks == 0) return null();
  separate();
  fmt::format_to(std::back_inserter(to_), "{}.{:04}", value.ticks / Price::per_dollar,
                 value.ticks % Price::per_dollar);
  return *this;
}

JsonText& JsonText::text(std::string_view value) {
  separate();
  to_ += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      to_.append(1, '\\').append(1, c);
    else if (byte < 0x20 || byte >= 0x7f)
      fmt::format_to(std::back_inserter(to_), "\\u{:04x}", byte);
    else
      to_ += c;
  }
  to_ += '"';
  return *this;
}

JsonText& JsonText::character(char value) {
  if (value == '\0' || value == ' ') return null();
  return text(std::string_view(&value, 1));
}

JsonText& JsonText::json(std::string_view value) {
  separate();
  to_ += value;
  return *this;
}

}  // namespace tapeline::serve
