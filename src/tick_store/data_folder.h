#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sql/database.h"

namespace tapeline::tick_store {

// A table file in the data folder, and the view that stands for it in SQL.
struct StoredTable {
  std::string view;  // The file's stem; followed by its extension where two files share a stem.
  std::string path;
};

// The *.parquet, *.csv and *.jsonl files of a folder, by name.
Result<std::vector<StoredTable>> tables_in(const std::string& folder);

// Makes a view for each table. A file that cannot be read has none; what is wrong with it is returned.
std::vector<std::string> create_views(sql::Database& database, const std::vector<StoredTable>& tables);

// "  bbo: event_time, symbol, …" for each view, for a message.
[[nodiscard]] std::string list_of_columns(sql::Database& database);

}  // namespace tapeline::tick_store
