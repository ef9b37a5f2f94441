#include "analytics/book_snapshots.h"

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

// Owns what the views of a schema point to.
struct OwnedSchema {
  std::deque<std::string> names;
  std::vector<table::Column> columns;
  table::Schema schema;
};

std::unique_ptr<OwnedSchema> make_schema(std::size_t levels) {
  auto owned = std::make_unique<OwnedSchema>();
  owned->columns = {
      COLUMN(SnapshotRow, time, event_time, "ns", "Exchange time; at an interval, the end of the window."),
      COLUMN(SnapshotRow, captured, capture_time, "ns",
             "When the last packet that changed the book reached us."),
      COLUMN(SnapshotRow, sequence, u64, "",
             "Position in the session of the last message that changed the book."),
      COLUMN(SnapshotRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(SnapshotRow, symbol, text8, "", "Ticker symbol."),
  };
  const auto add = [&](std::string name, table::ColumnType type, std::size_t offset, std::string_view unit,
                       std::string_view description) {
    owned->names.push_back(std::move(name));
    owned->columns.push_back(
        {owned->names.back(), type, static_cast<std::uint16_t>(offset), unit, description});
  };
  for (const std::string_view side : {"bid", "ask"}) {
    const std::size_t base = side == "bid" ? offsetof(SnapshotRow, bids) : offsetof(SnapshotRow, asks);
    for (std::size_t i = 0; i < levels; ++i) {
      const std::size_t at = base + i * sizeof(SnapshotLevel);
      add(fmt::format("{}_price_{:02}", side, i + 1), table::ColumnType::price,
          at + offsetof(SnapshotLevel, price), "dollars", "Price of the level; null if there is none.");
      add(fmt::format("{}_size_{:02}", side, i + 1), table::ColumnType::u64,
          at + offsetof(SnapshotLevel, size), "shares", "Displayed at the level.");
      add(fmt::format("{}_orders_{:02}", side, i + 1), table::ColumnType::u32,
          at + offsetof(SnapshotLevel, orders), "", "Orders at the level.");
    }
  }
  owned->columns.push_back(QUALITY_COLUMN(SnapshotRow));
  owned->schema = {"snapshots", "The best n levels of the book, at an interval or on change.",
                   sizeof(SnapshotRow), owned->columns};
  return owned;
}

}  // namespace

const table::Schema& snapshots_schema(std::size_t levels) {
  CHECK(levels >= 1 && levels <= SnapshotRow::max_levels);
  static std::mutex mutex;
  static std::array<std::unique_ptr<OwnedSchema>, SnapshotRow::max_levels + 1> schemas;
  const std::lock_guard lock(mutex);
  if (schemas[levels] == nullptr) schemas[levels] = make_schema(levels);
  return schemas[levels]->schema;
}

}  // namespace tapeline::analytics
