#pragma once

#include <string>

#include "feed/itch50/messages.h"

namespace tapeline::itch50 {

// One line with every field of a decoded message by its name:
//   AddOrder locate=1 tracking=2 time=09:30:00.000000001 order_ref=3 side=B shares=100 stock=AAPL
//   price=123.4500
// Text goes without its padding; a byte that is not printable, a space or a backslash is written as \x1F. A
// type that the specification does not know gives its header only.
[[nodiscard]] std::string to_text(const Message& message);

}  // namespace tapeline::itch50
