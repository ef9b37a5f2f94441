#include "tick_store/box_table.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace tapeline::tick_store {
namespace {

constexpr std::size_t longest_cell = 60;

bool starts_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

// Characters of UTF-8 text, each taken to be one column wide.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, starts_character));
}

// One line of at most longest_cell characters: what would move the cursor becomes a space.
std::string fitted(std::string_view text) {
  std::string cell;
  std::size_t width = 0;
  const bool cut = width_of(text) > longest_cell;
  for (const char c : text) {
    if (starts_character(c) && ++width == longest_cell && cut) return cell + "…";
    cell += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return cell;
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - width_of(text), ' ');
  return right ? space + text : text + space;
}

std::string rule(const std::vector<std::size_t>& widths, std::string_view left, std::string_view middle,
                 std::string_view right) {
  std::string line(left);
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (i > 0) line += middle;
    for (std::size_t n = 0; n < widths[i] + 2; ++n) line += "─";
  }
  return line.append(right) + '\n';
}

}  // namespace

std::string draw_box_table(const std::vector<BoxColumn>& columns,
                           const std::vector<std::vector<std::string>>& rows, std::size_t width) {
  std::vector<std::vector<std::string>> lines;
  lines.emplace_back();
  lines.emplace_back();
  for (const BoxColumn& column : columns) {
    lines[0].push_back(fitted(column.name));
    lines[1].push_back(fitted(column.type));
  }
  for (const std::vector<std::string>& row : rows) {
    std::vector<std::string>& line = lines.emplace_back();
    for (const std::string& cell : row) line.push_back(fitted(cell));
  }
  std::vector<std::size_t> widths;
  for (std::size_t column = 0, total = 1; column < columns.size(); ++column) {
    std::size_t widest = 0;
    for (const std::vector<std::string>& line : lines) widest = std::max(widest, width_of(line[column]));
    total += widest + 3;
    if (width != 0 && total > width && column > 0) break;
    widths.push_back(widest);
  }
  std::string text = rule(widths, "┌", "┬", "┐");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i == 2) text += rule(widths, "├", "┼", "┤");
    text += "│";
    for (std::size_t column = 0; column < widths.size(); ++column) {
      text += ' ' + padded(lines[i][column], widths[column], columns[column].is_number) + " │";
    }
    text += '\n';
  }
  if (lines.size() == 2) text += rule(widths, "├", "┼", "┤");
  text += rule(widths, "└", "┴", "┘");
  if (widths.size() < columns.size()) {
    text += fmt::format("… {} more columns:", columns.size() - widths.size());
    for (std::size_t column = widths.size(); column < columns.size(); ++column) {
      text += (column == widths.size() ? " " : ", ") + columns[column].name;
    }
    text += '\n';
  }
  return text;
}

std::string with_thousands(std::uint64_t value) {
  std::string digits = fmt::format("{}", value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

}  // namespace tapeline::tick_store
