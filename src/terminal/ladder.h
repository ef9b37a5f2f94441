#pragma once

#include <cstddef>
#include <string>

#include "terminal/book_snapshot.h"

namespace tapeline::terminal {

struct LadderOptions {
  std::size_t width = 100;  // Columns; at least 70 are used.
  bool colour = false;
  bool queue = false;  // Show the orders at the best prices in the order in which they will be filled.
};

// A price ladder: the highest price at the top, asks above the spread, bids below it, each level with a bar
// as long as its share of the largest one shown.
[[nodiscard]] std::string draw_ladder(const BookSnapshot& snapshot, const LadderOptions& options);

}  // namespace tapeline::terminal
