#pragma once

#include <string>
#include <vector>

namespace tapeline::tick_store {

struct BoxColumn {
  std::string name;
  std::string type;  // Shown below the name.
  bool is_number;    // Right-aligned.
};

// A table drawn with box characters, as wide as its content up to `width` columns of the terminal (0: no
// limit). What does not fit is left out at the right, and named below the table. Cells longer than 60
// characters end in "…".
[[nodiscard]] std::string draw_box_table(const std::vector<BoxColumn>& columns,
                                         const std::vector<std::vector<std::string>>& rows,
                                         std::size_t width);

// "1,234,567".
[[nodiscard]] std::string with_thousands(std::uint64_t value);

}  // namespace tapeline::tick_store
