#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <duckdb.h>

#include "base/result.h"

namespace tapeline::sql {

// An SQL string literal of `text`, quotes included: nothing in a path can end it.
[[nodiscard]] std::string literal(std::string_view text);

// An SQL identifier of `name`, quotes included.
[[nodiscard]] std::string identifier(std::string_view name);

// An embedded DuckDB in memory with one connection. It never downloads or loads an extension: what it can do
// is what is built into the library. One thread at a time may use it.
class Database {
 public:
  // `threads` is how many threads a query may use, the caller's included; 0 means one per core.
  static Result<Database> open(int threads);

  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  [[nodiscard]] duckdb_connection connection() const { return connection_; }

  // Runs one or more statements for their effect. The error carries DuckDB's message, as ErrorCode::usage
  // unless it is an input/output error.
  Result<void> run(const std::string& statements);

  // The rows of a small result as text; of text, number and boolean columns only. Nulls are empty.
  Result<std::vector<std::vector<std::string>>> rows(const std::string& query);

 private:
  Database() = default;

  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

// What DuckDB says went wrong, as our error.
[[nodiscard]] Error error_of(duckdb_result& result);
[[nodiscard]] Error error_of(duckdb_error_type type, const char* message);

}  // namespace tapeline::sql
