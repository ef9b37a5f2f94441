#include "analytics/features.h"

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "analytics/columns.h"
#include "base/check.h"

namespace tapeline::analytics {

namespace {

using enum table::ColumnType;

// Owns what the views of a schema point to.
struct OwnedSchema {
  std::deque<std::string> names;
  std::vector<table::Column> columns;
  table::Schema schema;

  void add(std::string name, table::ColumnType type, std::size_t offset, std::string_view unit,
           std::string_view description) {
    names.push_back(std::move(name));
    columns.push_back({names.back(), type, static_cast<std::uint16_t>(offset), unit, description});
  }
};

std::unique_ptr<OwnedSchema> make_schema(std::size_t levels) {
  static constexpr std::array<std::string_view, 2> clocks{"time", "events"};
  auto owned = std::make_unique<OwnedSchema>();
  owned->columns = {
      table::Column{"clock", label, offsetof(FeatureRow, clock), "",
                    "What told that the row was due: the end of a window, or a number of messages.", clocks},
      COLUMN(FeatureRow, time, event_time, "ns",
             "The end of the window, whose own messages are not in it, or the time of the last message, "
             "which is."),
      COLUMN(FeatureRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(FeatureRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(FeatureRow, mid, price_f64, "dollars", "Mid of the best prices; null if one-sided."),
      COLUMN(FeatureRow, spread_ticks, f64, "ticks",
             "Best ask less best bid; a tick is a cent, below a dollar a hundredth of one."),
      COLUMN(FeatureRow, queue_imbalance, f64, "",
             "(bid size - ask size) / (bid size + ask size) at the best prices; null if one-sided."),
      COLUMN(FeatureRow, depth_imbalance, f64, "", "The same of the best n levels together."),
  };
  for (std::size_t m = 0; m < LevelFlow::levels; ++m)
    owned->add(fmt::format("ofi_{}", m + 1), i64, offsetof(FeatureRow, ofi) + m * sizeof(std::int64_t),
               "shares", "Order-flow imbalance of the level since the row before of this clock.");
  for (const table::Column& column : {
           COLUMN(FeatureRow, buy_volume, u64, "shares", "Taken by buyers from displayed orders since then."),
           COLUMN(FeatureRow, sell_volume, u64, "shares",
                  "Taken by sellers from displayed orders since then."),
           COLUMN(FeatureRow, events, u32, "", "Messages since then that changed the book or traded."),
           COLUMN(FeatureRow, added, u32, "", "New orders since then."),
           COLUMN(FeatureRow, cancelled, u32, "", "Withdrawals since then, in whole or in part."),
           COLUMN(FeatureRow, replaced, u32, "", "Replacements since then."),
           COLUMN(FeatureRow, executions, u32, "", "Executions of displayed orders since then."),
       })
    owned->columns.push_back(column);
  for (const std::string_view side : {"bid", "ask"}) {
    const std::size_t base = side == "bid" ? offsetof(FeatureRow, bids) : offsetof(FeatureRow, asks);
    for (std::size_t i = 0; i < levels; ++i) {
      const std::size_t at = base + i * sizeof(FeatureLevel);
      owned->add(fmt::format("{}_distance_{:02}", side, i + 1), f64, at + offsetof(FeatureLevel, distance),
                 "ticks", "Price of the level less the mid; null if there is no such level or no mid.");
      owned->add(fmt::format("{}_size_{:02}", side, i + 1), u64, at + offsetof(FeatureLevel, size), "shares",
                 "Displayed at the level.");
    }
  }
  owned->columns.push_back(
      COLUMN(FeatureRow, sequence, u64, "", "Position in the session of the last message."));
  owned->columns.push_back(QUALITY_COLUMN(FeatureRow));
  owned->schema = {"features", "What a model may know of a symbol at set moments: levels, flows and counts.",
                   sizeof(FeatureRow), owned->columns};
  return owned;
}

}  // namespace

const table::Schema& features_schema(std::size_t levels) {
  CHECK(levels >= 1);
  levels = std::min(levels, FeatureRow::max_levels);
  static std::mutex mutex;
  static std::array<std::unique_ptr<OwnedSchema>, FeatureRow::max_levels + 1> schemas;
  const std::lock_guard lock(mutex);
  if (schemas[levels] == nullptr) schemas[levels] = make_schema(levels);
  return schemas[levels]->schema;
}

}  // namespace tapeline::analytics
