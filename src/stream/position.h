#pragma once

#include <cstdint>

namespace tapeline::stream {

// A place in the input log between two records: how many records of it have been taken in, and so the offset
// of the next one. State at a position has seen the records with offsets below it.
enum class Position : std::uint64_t {};

inline constexpr Position log_start{0};

}  // namespace tapeline::stream
