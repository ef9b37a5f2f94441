#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tapeline::config {

// Where a text is not TOML, and why.
struct TextFault {
  std::uint64_t line = 1;
  std::uint64_t column = 1;
  std::string what;
};

// The first fault that the parser must not be handed: toml++ 3.3 ends the program, or worse, on a character
// beyond ASCII outside of strings and comments (its issues 190 and 295) and on a section without a name
// (294). Strings over several lines are refused, too: no setting needs one, and without them a string ends
// where its line does.
[[nodiscard]] std::optional<TextFault> find_fault(std::string_view text);

}  // namespace tapeline::config
