#include "sql/database.h"

#include <utility>

#ifdef __SANITIZE_THREAD__
// DuckDB's library is built without the sanitizer, which cannot see how its threads order their work.
extern "C" const char* __tsan_default_suppressions() {
  return "race:libduckdb.so\n";
}
#endif

namespace tapeline::sql {
namespace {

std::string quoted(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote) result += quote;
    result += c;
  }
  return result + quote;
}

}  // namespace

std::string literal(std::string_view text) {
  return quoted(text, '\'');
}

std::string identifier(std::string_view name) {
  return quoted(name, '"');
}

Error error_of(duckdb_error_type type, const char* message) {
  switch (type) {
    case DUCKDB_ERROR_IO:
    case DUCKDB_ERROR_PERMISSION:
    case DUCKDB_ERROR_OUT_OF_MEMORY: return Error{ErrorCode::io, message};
    case DUCKDB_ERROR_INTERRUPT: return Error{ErrorCode::interrupted, message};
    default: return Error{ErrorCode::usage, message};
  }
}

Error error_of(duckdb_result& result) {
  const char* message = duckdb_result_error(&result);
  return error_of(duckdb_result_error_type(&result), message != nullptr ? message : "DuckDB gave no reason");
}

Result<Database> Database::open(int threads) {
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) == DuckDBError) return fail(ErrorCode::io, "DuckDB: out of memory");
  duckdb_set_config(config, "autoinstall_known_extensions", "false");
  duckdb_set_config(config, "autoload_known_extensions", "false");
  if (threads > 0) duckdb_set_config(config, "threads", std::to_string(threads).c_str());
  Database opened;
  char* reason = nullptr;
  const duckdb_state state = duckdb_open_ext(nullptr, &opened.database_, config, &reason);
  duckdb_destroy_config(&config);
  if (state == DuckDBError) {
    std::string message =
        std::string("cannot start DuckDB: ") + (reason != nullptr ? reason : "no reason given");
    duckdb_free(reason);
    return fail(ErrorCode::io, std::move(message));
  }
  if (duckdb_connect(opened.database_, &opened.connection_) == DuckDBError) {
    return fail(ErrorCode::io, "cannot connect to the embedded DuckDB");
  }
  return opened;
}

Database::Database(Database&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)),
      connection_(std::exchange(other.connection_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(connection_, other.connection_);
  return *this;
}

Database::~Database() {
  if (connection_ != nullptr) duckdb_disconnect(&connection_);
  if (database_ != nullptr) duckdb_close(&database_);
}

Result<void> Database::run(const std::string& statements) {
  duckdb_result result;
  Result<void> outcome;
  if (duckdb_query(connection_, statements.c_str(), &result) == DuckDBError) {
    outcome = std::unexpected(error_of(result));
  }
  duckdb_destroy_result(&result);
  return outcome;
}

Result<std::vector<std::vector<std::string>>> Database::rows(const std::string& query) {
  duckdb_result result;
  if (duckdb_query(connection_, query.c_str(), &result) == DuckDBError) {
    Error error = error_of(result);
    duckdb_destroy_result(&result);
    return std::unexpected(std::move(error));
  }
  std::vector<std::vector<std::string>> rows(duckdb_row_count(&result));
  for (idx_t row = 0; row < rows.size(); ++row) {
    for (idx_t column = 0; column < duckdb_column_count(&result); ++column) {
      char* cell = duckdb_value_varchar(&result, column, row);
      rows[row].emplace_back(cell != nullptr ? cell : "");
      duckdb_free(cell);
    }
  }
  duckdb_destroy_result(&result);
  return rows;
}

}  // namespace tapeline::sql
