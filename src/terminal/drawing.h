#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/types.h"

// What every drawing for a terminal is made of. Text is UTF-8, each character one column wide.
namespace tapeline::terminal {

enum class Ink { plain, strong, dim, bid, ask, alarm };

// The text in a colour where `colour` is wanted, else as it is.
[[nodiscard]] std::string paint(std::string_view text, Ink ink, bool colour);

// Columns that the text takes; colours take none.
[[nodiscard]] std::size_t columns_of(std::string_view text);

// A bar that fills `fraction` of `width` columns, to an eighth of a column; what is not nothing shows at
// least an eighth. Without trailing spaces.
[[nodiscard]] std::string bar(double fraction, std::size_t width);

// One column per value, as high as its share of the greatest: "▁▃█▂". A value of 0 is a space.
[[nodiscard]] std::string sparkline(std::span<const std::uint64_t> values);

// A rule across the page, with the words in it where there are some: "── spread ─────". With a line feed.
[[nodiscard]] std::string rule(std::string_view words, std::size_t width);

// The words in lines of at most `width` columns; a longer word has a line to itself.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view words, std::size_t width);

// "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t value);

// "189.4100".
[[nodiscard]] std::string price_text(Price price);

// The text with whatever could move the cursor as '?': a hostile feed must not write to the terminal.
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] std::string printable(char code);

}  // namespace tapeline::terminal
