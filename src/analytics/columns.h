#pragma once

#include <span>
#include <string_view>

#include "table/schema.h"

namespace tapeline::analytics {

// Labels of a `quality` column by the value of Quality: "good", "gapped", …, "crossed+suspect".
[[nodiscard]] std::span<const std::string_view> quality_labels();

// A column of a row struct: COLUMN(BboRow, bid_price, price, "dollars", "Best bid.").
#define COLUMN(Row, member, type, unit, description) \
  ::tapeline::table::Column { #member, ::tapeline::table::ColumnType::type, offsetof(Row, member), unit, description }
#define QUALITY_COLUMN(Row)                                                                                  \
  ::tapeline::table::Column {                                                                                \
    "quality", ::tapeline::table::ColumnType::label, offsetof(Row, quality), "",                             \
        "Trust in the values: good, or what is wrong with the book joined by '+' (see docs/tables.md).",     \
        ::tapeline::analytics::quality_labels()                                                              \
  }

}  // namespace tapeline::analytics
