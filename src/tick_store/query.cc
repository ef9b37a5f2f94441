#include "tick_store/query.h"

#include <memory>
#include <vector>

#include <fmt/format.h>

#include "sinks/partial_file.h"
#include "sql/cell.h"
#include "sql/database.h"
#include "table/describe.h"
#include "tick_store/box_table.h"
#include "tick_store/data_folder.h"

namespace tapeline::tick_store {
namespace {

using sinks::PartialFile;

// A result whose chunks are made as they are fetched: its size does not matter.
class Stream {
 public:
  Stream() = default;
  Stream(Stream&&) = delete;
  ~Stream() {
    duckdb_destroy_result(&result_);
    duckdb_destroy_pending(&pending_);
    duckdb_destroy_prepare(&prepared_);
  }

  // Runs every statement but the last, and starts that one.
  Result<void> start(sql::Database& database, const std::string& text) {
    duckdb_extracted_statements statements = nullptr;
    const idx_t count = duckdb_extract_statements(database.connection(), text.c_str(), &statements);
    Result<void> outcome;
    if (count == 0) {
      const char* reason = duckdb_extract_statements_error(statements);
      outcome = fail(ErrorCode::usage, reason != nullptr ? reason : "there is no statement to run");
    }
    for (idx_t i = 0; i < count && outcome; ++i) outcome = start_statement(database, statements, i);
    duckdb_destroy_extracted(&statements);
    if (!outcome) return outcome;
    for (idx_t i = 0; i < duckdb_column_count(&result_); ++i) {
      const std::string name = duckdb_column_name(&result_, i);
      duckdb_logical_type type = duckdb_column_logical_type(&result_, i);
      Result<sql::CellType> cell = sql::CellType::of(type, name);
      duckdb_destroy_logical_type(&type);
      if (!cell) return std::unexpected(cell.error());
      names_.push_back(name);
      types_.push_back(std::move(*cell));
    }
    return {};
  }

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] const std::vector<sql::CellType>& types() const { return types_; }

  // Hands every chunk to use(chunk) -> Result<void>.
  template <class Use>
  Result<void> for_each_chunk(Use use) {
    while (duckdb_data_chunk chunk = duckdb_fetch_chunk(result_)) {
      Result<void> used = use(chunk);
      duckdb_destroy_data_chunk(&chunk);
      if (!used) return used;
    }
    // The end and a failure on the way there look alike but for this.
    const char* reason = duckdb_result_error(&result_);
    if (reason != nullptr && *reason != '\0') return std::unexpected(sql::error_of(result_));
    return {};
  }

 private:
  Result<void> start_statement(sql::Database& database, duckdb_extracted_statements statements, idx_t index) {
    duckdb_destroy_result(&result_);
    duckdb_destroy_pending(&pending_);
    duckdb_destroy_prepare(&prepared_);
    result_ = {};
    if (duckdb_prepare_extracted_statement(database.connection(), statements, index, &prepared_) ==
        DuckDBError) {
      return fail(ErrorCode::usage, duckdb_prepare_error(prepared_));
    }
    if (duckdb_pending_prepared_streaming(prepared_, &pending_) == DuckDBError) {
      return fail(ErrorCode::usage, duckdb_pending_error(pending_));
    }
    if (duckdb_execute_pending(pending_, &result_) == DuckDBError)
      return std::unexpected(sql::error_of(result_));
    return {};
  }

  duckdb_prepared_statement prepared_ = nullptr;
  duckdb_pending_result pending_ = nullptr;
  duckdb_result result_{};
  std::vector<std::string> names_;
  std::vector<sql::CellType> types_;
};

Result<void> write_csv(Stream& stream, PartialFile& file) {
  const auto quoted = [](const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    return sql::identifier(text);  // The same doubling of quotes.
  };
  std::string text;
  for (const std::string& name : stream.names()) text += (text.empty() ? "" : ",") + quoted(name);
  text += '\n';
  Result<void> outcome = stream.for_each_chunk([&](duckdb_data_chunk chunk) {
    std::string cell;
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
      for (idx_t column = 0; column < stream.types().size(); ++column) {
        if (column > 0) text += ',';
        cell.clear();
        stream.types()[column].append(cell, duckdb_data_chunk_get_vector(chunk, column), row,
                                      sql::Spelling::csv);
        text += quoted(cell);
      }
      text += '\n';
    }
    return file.write(std::exchange(text, {}));
  });
  return outcome ? file.write(text) : outcome;
}

Result<void> write_json(Stream& stream, PartialFile& file) {
  std::string text = "[";
  bool first = true;
  Result<void> outcome = stream.for_each_chunk([&](duckdb_data_chunk chunk) {
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
      text += std::exchange(first, false) ? "\n{" : ",\n{";
      for (idx_t column = 0; column < stream.types().size(); ++column) {
        if (column > 0) text += ',';
        text += table::json_string(stream.names()[column]) + ':';
        stream.types()[column].append(text, duckdb_data_chunk_get_vector(chunk, column), row,
                                      sql::Spelling::json);
      }
      text += '}';
    }
    return file.write(std::exchange(text, {}));
  });
  return outcome ? file.write(text + "\n]\n") : outcome;
}

Result<void> write_table(Stream& stream, PartialFile& file, const Query& query) {
  std::vector<BoxColumn> columns;
  for (std::size_t i = 0; i < stream.names().size(); ++i) {
    columns.push_back({stream.names()[i], stream.types()[i].name(), stream.types()[i].is_number()});
  }
  std::vector<std::vector<std::string>> rows;
  std::uint64_t total = 0;
  Result<void> outcome = stream.for_each_chunk([&](duckdb_data_chunk chunk) {
    const idx_t size = duckdb_data_chunk_get_size(chunk);
    for (idx_t row = 0; row < size && (query.most_rows == 0 || rows.size() < query.most_rows); ++row) {
      std::vector<std::string>& cells = rows.emplace_back(columns.size());
      for (idx_t column = 0; column < columns.size(); ++column) {
        stream.types()[column].append(cells[column], duckdb_data_chunk_get_vector(chunk, column), row,
                                      sql::Spelling::human);
      }
    }
    total += size;
    return Result<void>();
  });
  if (!outcome || columns.empty()) return outcome;
  if (columns.size() == 2 && columns[1].name == "explain_value") {
    // A plan is a drawing of its own.
    for (const std::vector<std::string>& row : rows) {
      if (Result<void> written = file.write(row[1]); !written) return written;
    }
    return {};
  }
  std::string text = draw_box_table(columns, rows, query.width);
  if (rows.size() < total) {
    text += fmt::format("{} rows, … {} more rows (all of them: --rows 0)\n", with_thousands(total),
                        with_thousands(total - rows.size()));
  } else {
    text += fmt::format("{} {}\n", with_thousands(total), total == 1 ? "row" : "rows");
  }
  return file.write(text);
}

Result<void> write_parquet(sql::Database& database, const Query& query) {
  if (query.output == "-") {
    return fail(ErrorCode::usage, "Parquet cannot go to standard output; name a file with --output");
  }
  Result<sinks::PartialName> name = sinks::PartialName::claim(query.output);
  if (!name) return std::unexpected(name.error());
  std::string statement = query.sql;
  while (!statement.empty() &&
         std::string_view("; \t\r\n").find(statement.back()) != std::string_view::npos) {
    statement.pop_back();
  }
  // The line end closes a comment that the statement may end in.
  Result<void> copied = database.run("COPY (" + statement + "\n) TO " + sql::literal(name->partial_path()) +
                                     " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)");
  return copied ? name->publish() : copied;
}

Result<void> write_result(sql::Database& database, const Query& query) {
  if (query.format == QueryFormat::parquet) return write_parquet(database, query);
  Stream stream;
  if (Result<void> started = stream.start(database, query.sql); !started) return started;
  Result<PartialFile> file = PartialFile::create(query.output);
  if (!file) return std::unexpected(file.error());
  Result<void> written = query.format == QueryFormat::csv    ? write_csv(stream, *file)
                         : query.format == QueryFormat::json ? write_json(stream, *file)
                                                             : write_table(stream, *file, query);
  return written ? file->publish() : written;
}

Result<sql::Database> open_folder(const Query& query) {
  Result<std::vector<StoredTable>> tables = tables_in(query.folder);
  if (!tables) return std::unexpected(tables.error());
  Result<sql::Database> database = sql::Database::open(0);
  if (!database) return database;
  for (const std::string& problem : create_views(*database, *tables)) query.warn(problem);
  return database;
}

}  // namespace

std::optional<QueryFormat> query_format_of(std::string_view name) {
  if (name == "table") return QueryFormat::table;
  if (name == "csv") return QueryFormat::csv;
  if (name == "json") return QueryFormat::json;
  if (name == "parquet") return QueryFormat::parquet;
  return std::nullopt;
}

Result<void> run_query(const Query& query) {
  Result<sql::Database> database = open_folder(query);
  if (!database) return std::unexpected(database.error());
  Result<void> written = write_result(*database, query);
  if (written || written.error().code != ErrorCode::usage) return written;
  const std::string columns = list_of_columns(*database);
  const std::string hint =
      columns.empty()
          ? fmt::format("\n\nThere are no tables in {}: `tapeline replay FILE` writes them.", query.folder)
          : fmt::format("\n\nTables in {} and their columns:{}", query.folder, columns);
  return fail(ErrorCode::usage, written.error().message + hint);
}

Result<void> list_tables(const Query& query) {
  Result<sql::Database> database = open_folder(query);
  if (!database) return std::unexpected(database.error());
  const auto views = database->rows("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1");
  if (!views) return std::unexpected(views.error());
  std::string rows;
  for (const std::vector<std::string>& view : *views) {
    rows += fmt::format(
        "{}SELECT {} AS \"table\", (SELECT count(*) FROM {}) AS \"rows\", (SELECT string_agg(column_name, ', "
        "' ORDER "
        "BY column_index) FROM duckdb_columns() WHERE table_name = {}) AS \"columns\"",
        rows.empty() ? "" : " UNION ALL ", sql::literal(view[0]), sql::identifier(view[0]),
        sql::literal(view[0]));
  }
  if (rows.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("there are no tables in {}: `tapeline replay FILE` writes them", query.folder));
  }
  Query list = query;
  list.sql = rows + " ORDER BY 1";
  return write_result(*database, list);
}

}  // namespace tapeline::tick_store
