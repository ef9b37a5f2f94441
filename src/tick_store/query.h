#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tapeline::tick_store {

enum class QueryFormat : unsigned char { table, csv, json, parquet };

[[nodiscard]] std::optional<QueryFormat> query_format_of(std::string_view name);

struct Query {
  std::string sql;
  std::string folder = "tapeline-data";
  QueryFormat format = QueryFormat::table;
  std::string output = "-";      // A file, or standard output.
  std::uint64_t most_rows = 40;  // That a table shows; 0 for all of them.
  std::size_t width = 0;         // Of the terminal; 0 for no limit.
  // Told about files of the folder that cannot be read; the query runs without them.
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

// Runs SQL over the tables of a data folder and writes the result. Several statements may stand in it,
// separated by semicolons: the last one's result is written. JSON is an array with one object per line.
Result<void> run_query(const Query& query);

// Writes the views with their columns and numbers of rows, in place of a query's result.
Result<void> list_tables(const Query& query);

}  // namespace tapeline::tick_store
