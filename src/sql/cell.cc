#include "sql/cell.h"

#include <chrono>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "table/describe.h"

namespace tapeline::sql {
namespace {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

template <class T>
T at(const void* data, idx_t row) {
  return static_cast<const T*>(data)[row];
}

template <class T>
std::string taken(T* text) {
  std::string copy(text);
  duckdb_free(text);
  return copy;
}

Int128 wide(duckdb_hugeint value) {
  return static_cast<Int128>(value.upper) << 64 | value.lower;
}

void append_real(std::string& out, double value, std::string_view text, Spelling spelling) {
  out += spelling == Spelling::json && !std::isfinite(value) ? "null" : text;
}

void append_text(std::string& out, std::string_view text, Spelling spelling) {
  if (spelling == Spelling::json) {
    out += table::json_string(text);
  } else {
    out += text;
  }
}

// "2019-12-30", also of years before 1 and after 9999.
std::string date_text(std::int64_t days_since_epoch) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days_since_epoch}}};
  return fmt::format("{:04}-{:02}-{:02}", int{date.year()}, unsigned{date.month()}, unsigned{date.day()});
}

std::string clock_text(std::int64_t ticks, std::int64_t ticks_per_second) {
  const std::int64_t second = ticks / ticks_per_second;
  std::string text = fmt::format("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
  if (const std::int64_t fraction = ticks % ticks_per_second; fraction != 0) {
    const auto digits = static_cast<int>(std::lround(std::log10(static_cast<double>(ticks_per_second))));
    text += fmt::format(".{:0{}}", fraction, digits);
  }
  return text;
}

std::string timestamp_text(std::int64_t ticks, std::int64_t ticks_per_second, char separator) {
  if (ticks == INT64_MAX) return "infinity";
  if (ticks == -INT64_MAX) return "-infinity";
  const std::int64_t ticks_per_day = 86'400 * ticks_per_second;
  std::int64_t day = ticks / ticks_per_day;
  std::int64_t rest = ticks % ticks_per_day;
  if (rest < 0) {
    rest += ticks_per_day;
    --day;
  }
  return date_text(day) + separator + clock_text(rest, ticks_per_second);
}

std::optional<std::int64_t> ticks_per_second_of(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_TIMESTAMP_S: return 1;
    case DUCKDB_TYPE_TIMESTAMP_MS: return 1'000;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ: return 1'000'000;
    case DUCKDB_TYPE_TIMESTAMP_NS: return 1'000'000'000;
    default: return std::nullopt;
  }
}

std::string interval_text(duckdb_interval interval) {
  std::string text;
  if (interval.months != 0) text += fmt::format("{} months ", interval.months);
  if (interval.days != 0) text += fmt::format("{} days ", interval.days);
  const bool negative = interval.micros < 0;
  return text + (negative ? "-" : "") + clock_text(negative ? -interval.micros : interval.micros, 1'000'000);
}

std::string uuid_text(duckdb_hugeint stored) {
  // DuckDB turns the top bit over, so that the order of the numbers is that of the texts.
  const UInt128 value = static_cast<UInt128>(wide(stored)) ^ (static_cast<UInt128>(1) << 127);
  std::string text = fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(value >> 64),
                                 static_cast<std::uint64_t>(value));
  for (const std::size_t dash : {20, 16, 12, 8}) text.insert(dash, 1, '-');
  return text;
}

}  // namespace

Result<CellType> CellType::of(duckdb_logical_type type, const std::string& name) {
  CellType cell;
  cell.type_ = duckdb_get_type_id(type);
  std::vector<duckdb_logical_type> children;
  switch (cell.type_) {
    case DUCKDB_TYPE_DECIMAL:
      cell.storage_ = duckdb_decimal_internal_type(type);
      cell.width_ = duckdb_decimal_width(type);
      cell.scale_ = duckdb_decimal_scale(type);
      break;
    case DUCKDB_TYPE_ENUM:
      cell.storage_ = duckdb_enum_internal_type(type);
      for (idx_t i = 0; i < duckdb_enum_dictionary_size(type); ++i) {
        cell.names_.push_back(taken(duckdb_enum_dictionary_value(type, i)));
      }
      break;
    case DUCKDB_TYPE_LIST: children.push_back(duckdb_list_type_child_type(type)); break;
    case DUCKDB_TYPE_ARRAY:
      cell.array_size_ = duckdb_array_type_array_size(type);
      children.push_back(duckdb_array_type_child_type(type));
      break;
    case DUCKDB_TYPE_MAP:
      children = {duckdb_map_type_key_type(type), duckdb_map_type_value_type(type)};
      break;
    case DUCKDB_TYPE_STRUCT:
      for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
        cell.names_.push_back(taken(duckdb_struct_type_child_name(type, i)));
        children.push_back(duckdb_struct_type_child_type(type, i));
      }
      break;
    case DUCKDB_TYPE_UNION:
    case DUCKDB_TYPE_BIT:
    case DUCKDB_TYPE_TIME_TZ:
    case DUCKDB_TYPE_TIME_NS:
    case DUCKDB_TYPE_BIGNUM:
      return fail(ErrorCode::unsupported,
                  fmt::format("column {} has a type that is not printed; cast it: {}::VARCHAR", name, name));
    default: break;
  }
  Result<CellType> result;
  for (duckdb_logical_type& child : children) {
    Result<CellType> made = of(child, name);
    duckdb_destroy_logical_type(&child);
    if (!made) {
      result = std::unexpected(made.error());
    } else {
      cell.children_.push_back(std::move(*made));
    }
  }
  if (result) result = std::move(cell);
  return result;
}

bool CellType::is_number() const {
  switch (type_) {
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL: return true;
    default: return false;
  }
}

std::string CellType::name() const {
  switch (type_) {
    case DUCKDB_TYPE_BOOLEAN: return "boolean";
    case DUCKDB_TYPE_TINYINT: return "int8";
    case DUCKDB_TYPE_SMALLINT: return "int16";
    case DUCKDB_TYPE_INTEGER: return "int32";
    case DUCKDB_TYPE_BIGINT: return "int64";
    case DUCKDB_TYPE_HUGEINT: return "int128";
    case DUCKDB_TYPE_UTINYINT: return "uint8";
    case DUCKDB_TYPE_USMALLINT: return "uint16";
    case DUCKDB_TYPE_UINTEGER: return "uint32";
    case DUCKDB_TYPE_UBIGINT: return "uint64";
    case DUCKDB_TYPE_UHUGEINT: return "uint128";
    case DUCKDB_TYPE_FLOAT: return "float";
    case DUCKDB_TYPE_DOUBLE: return "double";
    case DUCKDB_TYPE_DECIMAL: return fmt::format("decimal({},{})", width_, scale_);
    case DUCKDB_TYPE_VARCHAR: return "varchar";
    case DUCKDB_TYPE_BLOB: return "blob";
    case DUCKDB_TYPE_DATE: return "date";
    case DUCKDB_TYPE_TIME: return "time";
    case DUCKDB_TYPE_TIMESTAMP: return "timestamp";
    case DUCKDB_TYPE_TIMESTAMP_S: return "timestamp_s";
    case DUCKDB_TYPE_TIMESTAMP_MS: return "timestamp_ms";
    case DUCKDB_TYPE_TIMESTAMP_NS: return "timestamp_ns";
    case DUCKDB_TYPE_TIMESTAMP_TZ: return "timestamptz";
    case DUCKDB_TYPE_INTERVAL: return "interval";
    case DUCKDB_TYPE_UUID: return "uuid";
    case DUCKDB_TYPE_ENUM: return "enum";
    case DUCKDB_TYPE_LIST: return children_[0].name() + "[]";
    case DUCKDB_TYPE_ARRAY: return fmt::format("{}[{}]", children_[0].name(), array_size_);
    case DUCKDB_TYPE_MAP: return "map";
    case DUCKDB_TYPE_STRUCT: return "struct";
    default: return "null";
  }
}

void CellType::append(std::string& out, duckdb_vector vector, idx_t row, Spelling spelling) const {
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  if (type_ != DUCKDB_TYPE_SQLNULL && (validity == nullptr || duckdb_validity_row_is_valid(validity, row))) {
    return append_value(out, vector, row, spelling);
  }
  if (spelling == Spelling::json) out += "null";
  if (spelling == Spelling::human) out += "NULL";
}

void CellType::append_value(std::string& out, duckdb_vector vector, idx_t row, Spelling spelling) const {
  const void* data = duckdb_vector_get_data(vector);
  const auto number = [&](auto value) { fmt::format_to(std::back_inserter(out), "{}", value); };
  switch (type_) {
    case DUCKDB_TYPE_BOOLEAN: out += at<bool>(data, row) ? "true" : "false"; return;
    case DUCKDB_TYPE_TINYINT: return number(int{at<std::int8_t>(data, row)});
    case DUCKDB_TYPE_SMALLINT: return number(at<std::int16_t>(data, row));
    case DUCKDB_TYPE_INTEGER: return number(at<std::int32_t>(data, row));
    case DUCKDB_TYPE_BIGINT: return number(at<std::int64_t>(data, row));
    case DUCKDB_TYPE_UTINYINT: return number(unsigned{at<std::uint8_t>(data, row)});
    case DUCKDB_TYPE_USMALLINT: return number(at<std::uint16_t>(data, row));
    case DUCKDB_TYPE_UINTEGER: return number(at<std::uint32_t>(data, row));
    case DUCKDB_TYPE_UBIGINT: return number(at<std::uint64_t>(data, row));
    case DUCKDB_TYPE_HUGEINT: return number(wide(at<duckdb_hugeint>(data, row)));
    case DUCKDB_TYPE_UHUGEINT: {
      const auto value = at<duckdb_uhugeint>(data, row);
      return number(static_cast<UInt128>(value.upper) << 64 | value.lower);
    }
    case DUCKDB_TYPE_FLOAT: {
      const auto value = at<float>(data, row);
      return append_real(out, value, fmt::format("{}", value), spelling);
    }
    case DUCKDB_TYPE_DOUBLE: {
      const auto value = at<double>(data, row);
      return append_real(out, value, fmt::format("{}", value), spelling);
    }
    case DUCKDB_TYPE_DECIMAL: return append_decimal(out, data, row);
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB: {
      auto string = at<duckdb_string_t>(data, row);
      const std::string_view bytes(duckdb_string_t_data(&string), duckdb_string_t_length(string));
      if (type_ == DUCKDB_TYPE_VARCHAR) return append_text(out, bytes, spelling);
      std::string hex;
      for (const char c : bytes)
        fmt::format_to(std::back_inserter(hex), "{:02x}", static_cast<unsigned char>(c));
      return append_text(out, hex, spelling);
    }
    case DUCKDB_TYPE_ENUM: {
      const idx_t index = storage_ == DUCKDB_TYPE_UTINYINT    ? at<std::uint8_t>(data, row)
                          : storage_ == DUCKDB_TYPE_USMALLINT ? at<std::uint16_t>(data, row)
                                                              : at<std::uint32_t>(data, row);
      return append_text(out, names_[index], spelling);
    }
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_MAP: {
      const auto entry = at<duckdb_list_entry>(data, row);
      return append_list(out, duckdb_list_vector_get_child(vector), entry.offset, entry.length, spelling);
    }
    case DUCKDB_TYPE_ARRAY:
      return append_list(out, duckdb_array_vector_get_child(vector), row * array_size_, array_size_,
                         spelling);
    case DUCKDB_TYPE_STRUCT: return append_struct(out, vector, row, spelling);
    default: return append_time(out, data, row, spelling);
  }
}

void CellType::append_decimal(std::string& out, const void* data, idx_t row) const {
  const Int128 value = storage_ == DUCKDB_TYPE_SMALLINT  ? Int128{at<std::int16_t>(data, row)}
                       : storage_ == DUCKDB_TYPE_INTEGER ? Int128{at<std::int32_t>(data, row)}
                       : storage_ == DUCKDB_TYPE_BIGINT  ? Int128{at<std::int64_t>(data, row)}
                                                         : wide(at<duckdb_hugeint>(data, row));
  std::string digits = fmt::format("{:0>{}}", fmt::format("{}", value < 0 ? -value : value), scale_ + 1);
  if (scale_ > 0) digits.insert(digits.size() - scale_, 1, '.');
  if (value < 0) out += '-';
  out += digits;
}

// Inside lists and structs nulls are spelt out: nothing there would be ambiguous.
void CellType::append_list(std::string& out, duckdb_vector child, idx_t offset, idx_t length,
                           Spelling spelling) const {
  const Spelling inner = spelling == Spelling::json ? Spelling::json : Spelling::human;
  const bool is_map = type_ == DUCKDB_TYPE_MAP;
  out += is_map && inner == Spelling::human ? '{' : '[';
  for (idx_t i = 0; i < length; ++i) {
    if (i > 0) out += inner == Spelling::json ? "," : ", ";
    if (!is_map) {
      children_[0].append(out, child, offset + i, inner);
      continue;
    }
    // JSON's objects take text alone for keys; a list of pairs takes anything.
    if (inner == Spelling::json) out += '[';
    children_[0].append(out, duckdb_struct_vector_get_child(child, 0), offset + i, inner);
    out += inner == Spelling::json ? "," : ": ";
    children_[1].append(out, duckdb_struct_vector_get_child(child, 1), offset + i, inner);
    if (inner == Spelling::json) out += ']';
  }
  out += is_map && inner == Spelling::human ? '}' : ']';
}

void CellType::append_struct(std::string& out, duckdb_vector vector, idx_t row, Spelling spelling) const {
  const Spelling inner = spelling == Spelling::json ? Spelling::json : Spelling::human;
  out += '{';
  for (idx_t i = 0; i < children_.size(); ++i) {
    if (i > 0) out += inner == Spelling::json ? "," : ", ";
    append_text(out, names_[i], inner);
    out += inner == Spelling::json ? ":" : ": ";
    children_[i].append(out, duckdb_struct_vector_get_child(vector, i), row, inner);
  }
  out += '}';
}

void CellType::append_time(std::string& out, const void* data, idx_t row, Spelling spelling) const {
  std::string text;
  if (const std::optional<std::int64_t> per_second = ticks_per_second_of(type_)) {
    const char separator = spelling == Spelling::human ? ' ' : 'T';
    text = timestamp_text(at<std::int64_t>(data, row), *per_second, separator);
    if (type_ == DUCKDB_TYPE_TIMESTAMP_TZ) text += "+00:00";
  } else if (type_ == DUCKDB_TYPE_DATE) {
    text = date_text(at<std::int32_t>(data, row));
  } else if (type_ == DUCKDB_TYPE_TIME) {
    text = clock_text(at<std::int64_t>(data, row), 1'000'000);
  } else if (type_ == DUCKDB_TYPE_INTERVAL) {
    text = interval_text(at<duckdb_interval>(data, row));
  } else if (type_ == DUCKDB_TYPE_UUID) {
    text = uuid_text(at<duckdb_hugeint>(data, row));
  } else {
    text = "?";
  }
  append_text(out, text, spelling);
}

}  // namespace tapeline::sql
