#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tapeline::simulator {

// What --episodes can plant: the patterns that surveillance looks for, and what only looks like one.
enum class PatternKind : std::uint8_t {
  spoofing,
  layering,
  quote_stuffing,
  momentum_ignition,
  marking_the_close,
  wash_trading,
  decoy,
};
inline constexpr std::array<std::string_view, 7> pattern_names{
    "spoofing",          "layering",     "quote_stuffing", "momentum_ignition",
    "marking_the_close", "wash_trading", "decoy"};
inline constexpr std::size_t pattern_count = pattern_names.size();

}  // namespace tapeline::simulator
