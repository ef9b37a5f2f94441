#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "analytics/bars.h"
#include "analytics/bbo_changes.h"
#include "analytics/book_snapshots.h"
#include "analytics/depth.h"
#include "analytics/spread.h"
#include "analytics/trades.h"

namespace tapeline::pipeline {

// Numbers of the tables in the log of rows. They are on disk: none is ever changed or used again.
enum class RowTable : std::uint16_t { bbo = 0, trades = 1, bars = 2, spread = 3, depth = 4, snapshots = 5 };

// The row of each table, in the order of their numbers.
using Rows = std::tuple<analytics::BboRow, analytics::TradeRow, analytics::BarRow, analytics::SpreadRow,
                        analytics::DepthRow, analytics::SnapshotRow>;
inline constexpr std::size_t row_table_count = std::tuple_size_v<Rows>;

template <class Row>
consteval RowTable row_table() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    std::size_t number = row_table_count;
    ((std::is_same_v<Row, std::tuple_element_t<I, Rows>> ? void(number = I) : void()), ...);
    return static_cast<RowTable>(number);
  }(std::make_index_sequence<row_table_count>());
}

[[nodiscard]] constexpr std::string_view table_name(RowTable table) {
  constexpr std::array<std::string_view, row_table_count> names{"bbo",    "trades", "bars",
                                                                "spread", "depth",  "snapshots"};
  return names[static_cast<std::size_t>(table)];
}

// Where a table's rows have the time at which their packet was captured; nothing where they have none.
[[nodiscard]] constexpr std::optional<std::size_t> captured_offset(RowTable table) {
  constexpr auto offsets = []<class... Row>(std::type_identity<std::tuple<Row...>>) {
    return std::array<std::optional<std::size_t>, row_table_count>{[] {
      std::optional<std::size_t> offset;
      if constexpr (requires { &Row::captured; }) offset = offsetof(Row, captured);
      return offset;
    }()...};
  }(std::type_identity<Rows>{});
  const auto number = static_cast<std::size_t>(table);
  return number < row_table_count ? offsets[number] : std::nullopt;
}

}  // namespace tapeline::pipeline
