#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "analytics/activity.h"
#include "analytics/auction.h"
#include "analytics/bars.h"
#include "analytics/bbo_changes.h"
#include "analytics/book_snapshots.h"
#include "analytics/bursts.h"
#include "analytics/costs.h"
#include "analytics/depth.h"
#include "analytics/features.h"
#include "analytics/flow.h"
#include "analytics/liquidity.h"
#include "analytics/luld.h"
#include "analytics/microprice.h"
#include "analytics/queue_positions.h"
#include "analytics/returns.h"
#include "analytics/spread.h"
#include "analytics/trade_bars.h"
#include "analytics/trades.h"
#include "analytics/vpin.h"
#include "operators/operator.h"
#include "stream/row_log.h"
#include "surveillance/alert.h"

namespace tapeline::pipeline {

// Every table: TABLE(name, number, row, schema) with the number it has in the log of rows. Numbers are on
// disk: none is ever changed or used again. `levels` in a schema is the depth of the
// snapshots and of the features.
#define ROW_TABLES(TABLE)                                                        \
  TABLE(bbo, 0, analytics::BboRow, analytics::bbo_schema())                      \
  TABLE(trades, 1, analytics::TradeRow, analytics::trades_schema())              \
  TABLE(bars, 2, analytics::BarRow, analytics::bars_schema())                    \
  TABLE(spread, 3, analytics::SpreadRow, analytics::spread_schema())             \
  TABLE(depth, 4, analytics::DepthRow, analytics::depth_schema())                \
  TABLE(snapshots, 5, analytics::SnapshotRow, analytics::snapshots_schema(levels)) \
  TABLE(trade_bars, 6, analytics::TradeBarRow, analytics::trade_bars_schema())   \
  TABLE(flow, 7, analytics::FlowRow, analytics::flow_schema())                   \
  TABLE(costs, 8, analytics::CostRow, analytics::costs_schema())                 \
  TABLE(liquidity, 9, analytics::LiquidityRow, analytics::liquidity_schema())    \
  TABLE(activity, 10, analytics::ActivityRow, analytics::activity_schema())      \
  TABLE(returns, 11, analytics::ReturnsRow, analytics::returns_schema())         \
  TABLE(vpin, 12, analytics::VpinRow, analytics::vpin_schema())                  \
  TABLE(auction, 13, analytics::AuctionRow, analytics::auction_schema())         \
  TABLE(luld, 14, analytics::LuldRow, analytics::luld_schema())                  \
  TABLE(microprice, 15, analytics::MicropriceRow, analytics::microprice_schema()) \
  TABLE(bursts, 16, analytics::BurstRow, analytics::bursts_schema())             \
  TABLE(queue_positions, 17, analytics::QueuePositionRow, analytics::queue_positions_schema()) \
  TABLE(features, 18, analytics::FeatureRow, analytics::features_schema(levels)) \
  TABLE(alerts, 19, surveillance::AlertRow, surveillance::alerts_schema())

// Users' tables stand behind them in the log of rows, in the order in which their operators are named.
inline constexpr std::uint16_t first_user_table = 24;
inline constexpr std::size_t max_user_tables = 8;
static_assert(first_user_table + max_user_tables <= stream::RowBatchBuilder::max_tables);
[[nodiscard]] constexpr std::uint16_t user_table(std::size_t number) {
  return static_cast<std::uint16_t>(first_user_table + number);
}

enum class RowTable : std::uint16_t {
#define TABLE_NUMBER(name, number, row, schema) name = number,
  ROW_TABLES(TABLE_NUMBER)
#undef TABLE_NUMBER
};

inline constexpr auto row_table_names = std::to_array<std::string_view>({
#define TABLE_NAME(name, number, row, schema) #name,
    ROW_TABLES(TABLE_NAME)
#undef TABLE_NAME
});
inline constexpr std::size_t row_table_count = row_table_names.size();
static_assert(row_table_count <= first_user_table);

[[nodiscard]] constexpr std::string_view table_name(RowTable table) {
  return row_table_names[static_cast<std::size_t>(table)];
}

// The same of a number in the log, users' tables included: those are known by their place.
[[nodiscard]] inline std::string name_of_table(std::uint16_t number) {
  return number < row_table_count ? std::string(row_table_names[number])
                                  : "operator_" + std::to_string(number - first_user_table);
}
[[nodiscard]] constexpr bool is_table(std::uint16_t number) {
  return number < row_table_count ||
         (number >= first_user_table && number < first_user_table + max_user_tables);
}

template <class Row>
consteval RowTable row_table() {
#define TABLE_OF_ROW(name, number, row, schema) \
  if constexpr (std::is_same_v<Row, row>) return RowTable::name;
  ROW_TABLES(TABLE_OF_ROW)
#undef TABLE_OF_ROW
}

namespace detail {
// What is not a row stands first, so that every other one can be led in by a comma.
template <template <class> class Of, class, class... Rows>
std::tuple<Of<Rows>...> tuple_of_rows();
}  // namespace detail

// One Of<Row> for the row type of every table.
#define NEXT_ROW(name, number, row, schema) , row
template <template <class> class Of>
using TupleOfRows = decltype(detail::tuple_of_rows<Of, void ROW_TABLES(NEXT_ROW)>());
#undef NEXT_ROW

namespace detail {
template <class Row>
using RowItself = Row;
}  // namespace detail
// The row of each table, in the order of their numbers.
using Rows = TupleOfRows<detail::RowItself>;

// Calls f.operator()<Row>() for the row type of every table, in the order above.
template <class F>
void for_each_row_type(F&& f) {
#define CALL_WITH_ROW(name, number, row, schema) f.template operator()<row>();
  ROW_TABLES(CALL_WITH_ROW)
#undef CALL_WITH_ROW
}

// The schema of a row type; `levels` is the depth of the snapshots, from 1 to 20, and of the features.
template <class Row>
const table::Schema& schema_of([[maybe_unused]] std::size_t levels) {
#define SCHEMA_OF_ROW(name, number, row, schema) \
  if constexpr (std::is_same_v<Row, row>) return schema;
  ROW_TABLES(SCHEMA_OF_ROW)
#undef SCHEMA_OF_ROW
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
  if (number >= first_user_table) return offsetof(operators::RowKey, captured);
  return number < row_table_count ? offsets[number] : std::nullopt;
}

}  // namespace tapeline::pipeline
