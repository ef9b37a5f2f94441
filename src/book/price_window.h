#pragma once

#include <bit>
#include <cstdint>

#include "book/side_levels.h"
#include "market/types.h"

namespace tapeline::book {

// The levels near the best price of one side, by price: the level of a price stands in a slot that follows
// from the price alone, so that neither an add nor the search for the next best price looks at other levels.
//
// Prices are counted in steps, which like keys grow towards the best price: a cent each, or a tick where the
// symbol trades below a dollar. The window is a run of 64 steps from `base`; a step stands in slot `step %
// 64`, so that the window moves without moving what it holds. One level of a step has its slot. Levels below
// the window, and a second price of one step, are in SideLevels.
struct PriceWindow {
  static constexpr std::uint32_t size = 64;
  static constexpr std::uint32_t headroom = 4;  // Steps above the best one when the window moves.

  // Numbers of first queue blocks, where the book says that the slot is live. Elsewhere they mean nothing.
  std::uint32_t slots[size];

  // Steps a tick, times 2^26: exact for whole cents up to 18,000 dollars, and beyond that still in the order
  // of the prices, which is all that correctness needs.
  static constexpr std::uint32_t step_is_cent = 671'089;
  static constexpr std::uint32_t step_is_tick = 1u << 26;
  [[nodiscard]] static std::uint32_t scale_for(Price price) {
    return price.ticks < Price::per_dollar ? step_is_tick : step_is_cent;
  }
  [[nodiscard]] static std::uint32_t step_of(Side side, Price price, std::uint32_t scale) {
    return static_cast<std::uint32_t>(std::uint64_t{price.ticks} * scale >> 26) ^ (0u - raw(side));
  }

  // The base of a window with this step on top but for the headroom. It never wraps.
  [[nodiscard]] static std::uint32_t base_below(std::uint32_t step) {
    constexpr std::uint32_t below = size - 1 - headroom;
    return step < below ? 0 : step - below > 0u - size ? 0u - size : step - below;
  }
  // The highest step of which `live` has the bit. It must have one.
  [[nodiscard]] static std::uint32_t highest(std::uint64_t live, std::uint32_t base) {
    const std::uint64_t in_order = std::rotr(live, static_cast<int>(base % size));
    return base + (size - 1) - static_cast<std::uint32_t>(std::countl_zero(in_order));
  }
};
static_assert(sizeof(PriceWindow) == 256);

}  // namespace tapeline::book
