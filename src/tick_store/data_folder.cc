#include "tick_store/data_folder.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include <fmt/format.h>

namespace tapeline::tick_store {
namespace {

namespace fs = std::filesystem;

// In DuckDB's file functions a path is a pattern; a character in brackets stands for itself.
std::string exact_path(const std::string& path) {
  std::string pattern;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[') {
      pattern += fmt::format("[{}]", c);
    } else {
      pattern += c;
    }
  }
  return sql::literal(pattern);
}

// Text files carry no types, and DuckDB guesses microseconds for the times of a CSV file and text for those
// of a JSON file: without this, the nanoseconds would be lost or times not be times.
Result<std::string> text_source(sql::Database& database, const std::string& path, bool is_csv) {
  const std::string function = is_csv ? "read_csv" : "read_json";
  const std::string options = is_csv ? ", header = true" : ", format = 'newline_delimited'";
  const std::string guessed = fmt::format("{}({}{})", function, exact_path(path), options);
  const auto columns =
      database.rows("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM " + guessed + ")");
  if (!columns) return std::unexpected(columns.error());
  std::string types;
  for (const std::vector<std::string>& column : *columns) {
    const std::string name = sql::identifier(column[0]);
    std::string type = column[1] == "TIMESTAMP" ? "TIMESTAMP_NS" : column[1];
    if (!is_csv && type == "VARCHAR") {
      const auto times = database.rows(fmt::format(
          "SELECT count({0}) > 0 AND count({0}) = count(TRY_CAST({0} AS TIMESTAMP_NS)) FROM (SELECT {0} "
          "FROM {1} LIMIT 1000)",
          name, guessed));
      if (times && times->at(0).at(0) == "true") type = "TIMESTAMP_NS";
    }
    if (is_csv && type != "TIMESTAMP_NS") continue;
    types += fmt::format("{}{}: {}", types.empty() ? "" : ", ", sql::literal(column[0]), sql::literal(type));
  }
  if (types.empty()) return guessed;
  return fmt::format("{}({}{}, {} = {{{}}})", function, exact_path(path), options,
                     is_csv ? "types" : "columns", types);
}

Result<void> create_view(sql::Database& database, const StoredTable& table) {
  const std::string extension = fs::path(table.path).extension();
  std::string source = "read_parquet(" + exact_path(table.path) + ")";
  if (extension != ".parquet") {
    Result<std::string> text = text_source(database, table.path, extension == ".csv");
    if (!text) return std::unexpected(text.error());
    source = std::move(*text);
  }
  return database.run("CREATE VIEW " + sql::identifier(table.view) + " AS SELECT * FROM " + source);
}

}  // namespace

Result<std::vector<StoredTable>> tables_in(const std::string& folder) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) {
    return fail(
        ErrorCode::not_found,
        fmt::format(
            "there is no data folder {} ({}); `tapeline replay FILE` writes one, --data names another",
            folder, error.message()));
  }
  std::vector<fs::path> files;
  for (const std::string_view extension : {".parquet", ".csv", ".jsonl"}) {
    const std::size_t start = files.size();
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == extension && entry.is_regular_file(error))
        files.push_back(entry.path());
    }
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(start), files.end());
  }
  std::vector<StoredTable> tables;
  std::set<std::string> taken;
  for (const fs::path& file : files) {
    std::string view = file.stem();
    if (!taken.insert(view).second) view += "_" + file.extension().string().substr(1);
    taken.insert(view);
    tables.push_back({std::move(view), file});
  }
  std::ranges::sort(tables, {}, &StoredTable::view);
  return tables;
}

std::vector<std::string> create_views(sql::Database& database, const std::vector<StoredTable>& tables) {
  std::vector<std::string> problems;
  for (const StoredTable& table : tables) {
    if (Result<void> created = create_view(database, table); !created) {
      // DuckDB goes on with the statement, which the user did not write.
      const std::string& reason = created.error().message;
      problems.push_back(table.path + " is left out: " + reason.substr(0, reason.find('\n')));
    }
  }
  return problems;
}

std::string list_of_columns(sql::Database& database) {
  std::string text;
  const auto views = database.rows(
      "SELECT view_name, (SELECT string_agg(column_name, ', ' ORDER BY column_index) FROM duckdb_columns() c "
      "WHERE "
      "c.table_oid = v.view_oid) FROM duckdb_views() v WHERE NOT internal ORDER BY 1");
  if (!views) return text;
  for (const std::vector<std::string>& view : *views) text += fmt::format("\n  {}: {}", view[0], view[1]);
  return text;
}

}  // namespace tapeline::tick_store
