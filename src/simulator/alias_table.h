#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "simulator/rng.h"

namespace tapeline::simulator {

// Draws an index in proportion to its weight in constant time (Vose's alias method).
class AliasTable {
 public:
  explicit AliasTable(std::span<const double> weights);

  std::uint32_t draw(Rng& rng) const {
    const std::uint64_t bits = rng.next();
    const auto index = static_cast<std::uint32_t>(((bits >> 32) * cells_.size()) >> 32);
    const Cell cell = cells_[index];
    return static_cast<std::uint32_t>(bits) < cell.keep ? index : cell.alias;
  }

 private:
  struct Cell {
    std::uint32_t keep;  // Of 2^32.
    std::uint32_t alias;
  };
  std::vector<Cell> cells_;
};

}  // namespace tapeline::simulator
