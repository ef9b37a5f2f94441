#pragma once

#include <string>

#include "app/standard_output.h"
#include "evidence/bundle.h"
#include "evidence/replay.h"

namespace tapeline::app {

// The evidence as a page for a terminal: the alert and its numbers, the life of each order (of the first
// `most_orders`), the trades, and the book before and after.
[[nodiscard]] std::string evidence_page(const evidence::Bundle& bundle, const evidence::Replay& replay,
                                        const StandardOutput& output, std::size_t most_orders);

}  // namespace tapeline::app
