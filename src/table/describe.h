#pragma once

#include <cstddef>
#include <string>

#include "table/schema.h"

namespace tapeline::table {

// The name of a column's type as documents and metadata spell it: "price", "event_time".
[[nodiscard]] std::string_view type_name(ColumnType type);

// Bytes that a column takes in the row struct; 0 where there is no such type.
[[nodiscard]] std::size_t size_of(ColumnType type);

// A Markdown table of the columns: column, type, unit, description.
[[nodiscard]] std::string describe(const Schema& schema);

// The same as one JSON object; written Parquet files carry it as their key-value metadata `tapeline.schema`.
[[nodiscard]] std::string describe_as_json(const Schema& schema);

// `text` as a JSON string, quotes included.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace tapeline::table
