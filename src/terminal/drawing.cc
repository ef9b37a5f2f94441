#include "terminal/drawing.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace tapeline::terminal {

std::string paint(std::string_view text, Ink ink, bool colour) {
  if (!colour || ink == Ink::plain || text.empty()) return std::string(text);
  std::string_view code;
  switch (ink) {
    case Ink::plain: break;
    case Ink::strong: code = "1"; break;
    case Ink::dim: code = "2"; break;
    case Ink::bid: code = "32"; break;
    case Ink::ask: code = "31"; break;
    case Ink::alarm: code = "1;97;41"; break;
  }
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  bool in_colour = false;
  for (const char c : text) {
    if (in_colour)
      in_colour = c != 'm';
    else if (c == '\033')
      in_colour = true;
    else
      columns += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }
  return columns;
}

std::string bar(double fraction, std::size_t width) {
  static constexpr std::array<std::string_view, 8> parts{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  if (!(fraction > 0)) return {};
  const std::size_t whole = width * 8;
  const auto wanted = static_cast<std::size_t>(std::lround(fraction * static_cast<double>(whole)));
  const std::size_t eighths = std::clamp<std::size_t>(wanted, 1, whole);
  std::string text;
  for (std::size_t i = 0; i < eighths / 8; ++i) text += "█";
  return text.append(parts[eighths % 8]);
}

std::string sparkline(std::span<const std::uint64_t> values) {
  static constexpr std::array<std::string_view, 9> heights{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::uint64_t greatest = values.empty() ? 0 : *std::ranges::max_element(values);
  std::string text;
  for (const std::uint64_t value : values) {
    const double share = greatest == 0 ? 0 : static_cast<double>(value) / static_cast<double>(greatest);
    text += heights[static_cast<std::size_t>(std::ceil(share * 8))];
  }
  return text;
}

std::string rule(std::string_view words, std::size_t width) {
  std::string text = words.empty() ? "" : fmt::format("── {} ", words);
  for (std::size_t columns = columns_of(text); columns < width; ++columns) text += "─";
  return text + '\n';
}

std::vector<std::string> wrapped(std::string_view words, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    if (!lines.back().empty() && columns_of(lines.back()) + 1 + columns_of(word) > width)
      lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::string grouped(std::uint64_t value) {
  std::string digits = fmt::format("{}", value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string price_text(Price price) {
  return fmt::format("{}.{:04}", price.ticks / Price::per_dollar, price.ticks % Price::per_dollar);
}

std::string printable(std::string_view text) {
  std::string clean(text);
  for (char& c : clean)
    if (c < 0x20 || c > 0x7e) c = '?';
  return clean;
}

std::string printable(char code) {
  return printable(std::string_view(&code, 1));
}

}  // namespace tapeline::terminal
