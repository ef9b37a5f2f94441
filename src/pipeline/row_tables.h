#pragma once

#include <cstdint>
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

template <class Row>
consteval RowTable row_table() {
  if constexpr (std::is_same_v<Row, analytics::BboRow>) return RowTable::bbo;
  if constexpr (std::is_same_v<Row, analytics::TradeRow>) return RowTable::trades;
  if constexpr (std::is_same_v<Row, analytics::BarRow>) return RowTable::bars;
  if constexpr (std::is_same_v<Row, analytics::SpreadRow>) return RowTable::spread;
  if constexpr (std::is_same_v<Row, analytics::DepthRow>) return RowTable::depth;
  if constexpr (std::is_same_v<Row, analytics::SnapshotRow>) return RowTable::snapshots;
}

}  // namespace tapeline::pipeline
