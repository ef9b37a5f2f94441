#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "simulator/pattern_kinds.h"

namespace tapeline::simulator {

// What day to make. The same Config gives the same bytes on every machine.
struct Config {
  std::uint64_t messages = 1'000'000;  // Exactly this many in all.
  std::uint32_t symbols = 8'000;
  std::uint64_t seed = 1;
  // How many displayed orders rest at the end of the day, about. Unset: 4.25 % of the messages, at most 1 M.
  std::optional<std::uint64_t> live_orders = std::nullopt;
  // How many spoofing episodes are planted. Unset: one per million messages, at least one from 500,000 on.
  std::optional<std::uint32_t> spoofing = std::nullopt;
  std::array<std::uint32_t, pattern_count> episodes{};  // Of each PatternKind, planted besides.
  bool test_symbols = false;  // Let a few of the symbols be the exchange's test symbols, such as ZVZZT.

  static constexpr std::uint32_t max_symbols = 60'000;          // Locates are 16 bits wide.
  static constexpr std::uint64_t max_messages = 1'000'000'000;  // Order references are kept in 32 bits.

  [[nodiscard]] std::uint64_t live_orders_wanted() const;
  [[nodiscard]] std::uint32_t spoofing_wanted() const;

  // The fewest messages a day of this many symbols can have: the directory, the crosses and a little trading.
  [[nodiscard]] std::uint64_t minimum_messages() const;

  // ErrorCode::usage with what to change if no such day can be made.
  [[nodiscard]] Result<void> validate() const;
};

}  // namespace tapeline::simulator
