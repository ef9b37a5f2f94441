#pragma once

#include <string>
#include <vector>

#include <duckdb.h>

#include "base/result.h"

namespace tapeline::sql {

// Who reads a cell decides how it is spelt.
enum class Spelling : unsigned char {
  human,  // Dates with a space before the time; nulls as NULL.
  csv,    // Dates with a T, nulls empty; text as it is, the caller quotes.
  json,   // One JSON value.
};

// A column's type with all that is needed to spell its values.
class CellType {
 public:
  // ErrorCode::unsupported for the few types that have no plain spelling; `name` is for the message.
  static Result<CellType> of(duckdb_logical_type type, const std::string& name);

  [[nodiscard]] bool is_number() const;

  // In lower case: "double", "timestamp_ns", "decimal(18,4)", "list".
  [[nodiscard]] std::string name() const;

  // Appends the value at `row` of a vector of this type.
  void append(std::string& out, duckdb_vector vector, idx_t row, Spelling spelling) const;

 private:
  void append_value(std::string& out, duckdb_vector vector, idx_t row, Spelling spelling) const;
  void append_decimal(std::string& out, const void* data, idx_t row) const;
  void append_list(std::string& out, duckdb_vector child, idx_t offset, idx_t length,
                   Spelling spelling) const;
  void append_struct(std::string& out, duckdb_vector vector, idx_t row, Spelling spelling) const;
  void append_time(std::string& out, const void* data, idx_t row, Spelling spelling) const;

  duckdb_type type_ = DUCKDB_TYPE_INVALID;
  duckdb_type storage_ = DUCKDB_TYPE_INVALID;  // Of decimals and enumerations.
  unsigned width_ = 0;                         // Of decimals: digits, and those after the point.
  unsigned scale_ = 0;
  idx_t array_size_ = 0;
  std::vector<std::string> names_;  // Of the values of an enumeration or the fields of a struct.
  std::vector<CellType> children_;
};

}  // namespace tapeline::sql
