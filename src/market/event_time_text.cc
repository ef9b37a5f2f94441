#include "market/event_time_text.h"

#include <cstdio>

namespace tapeline {

namespace {

// Takes `digits` digits from the front of the text; nothing where there are fewer.
std::optional<std::uint64_t> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : text.substr(0, digits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<EventTime> parse_event_time(std::string_view text) {
  constexpr std::size_t fraction_digits = 9;
  const std::optional<std::uint64_t> hours = take_number(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  const std::optional<std::uint64_t> minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  std::uint64_t seconds = 0;
  std::uint64_t nanoseconds = 0;
  if (!text.empty()) {
    if (!take(text, ':')) return std::nullopt;
    const std::optional<std::uint64_t> whole = take_number(text, 2);
    if (!whole || *whole > 59) return std::nullopt;
    seconds = *whole;
  }
  if (!text.empty()) {
    const std::size_t digits = text.size() - 1;
    if (!take(text, '.') || digits == 0 || digits > fraction_digits) return std::nullopt;
    const std::optional<std::uint64_t> fraction = take_number(text, digits);
    if (!fraction) return std::nullopt;
    nanoseconds = *fraction;
    for (std::size_t i = digits; i < fraction_digits; ++i) nanoseconds *= 10;
  }
  const std::uint64_t time = ((*hours * 60 + *minutes) * 60 + seconds) * nanoseconds_per_second + nanoseconds;
  if (time > nanoseconds_per_day) return std::nullopt;
  return EventTime{time};
}

std::string event_time_text(EventTime time) {
  const std::uint64_t seconds = raw(time) / nanoseconds_per_second;
  char text[40];
  const int size = std::snprintf(
      text, sizeof text, "%02llu:%02u:%02u.%09u", static_cast<unsigned long long>(seconds / 3600),
      static_cast<unsigned>(seconds / 60 % 60), static_cast<unsigned>(seconds % 60),
      static_cast<unsigned>(raw(time) % nanoseconds_per_second));
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace tapeline
