#include "sinks/parquet/vectors.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "sinks/clean_text.h"

namespace tapeline::sinks::parquet {
namespace {

using table::Column;
using table::ColumnType;

// One column of the rows at hand and the vector it goes to.
struct Copy {
  const std::byte* from;  // The column's value in the first row.
  std::size_t stride;     // From row to row.
  std::size_t count;
  duckdb_vector to;

  template <class T>
  [[nodiscard]] T load(std::size_t row) const {
    T value;
    std::memcpy(&value, from + row * stride, sizeof value);
    return value;
  }
};

// Writes convert(value) for every row. Nulls are rare in some columns and absent in others, so that the
// values go first, in a loop without branches, and a second pass marks nulls only where there are any.
template <class To, class From, class Convert, class IsNull>
void copy_values(const Copy& copy, Convert convert, IsNull is_null) {
  auto* to = static_cast<To*>(duckdb_vector_get_data(copy.to));
  bool any_null = false;
  for (std::size_t i = 0; i < copy.count; ++i) {
    const From value = copy.load<From>(i);
    any_null |= is_null(value);
    to[i] = convert(value);
  }
  if (!any_null) return;
  duckdb_vector_ensure_validity_writable(copy.to);
  std::uint64_t* validity = duckdb_vector_get_validity(copy.to);
  for (std::size_t i = 0; i < copy.count; ++i) {
    if (is_null(copy.load<From>(i))) duckdb_validity_set_row_invalid(validity, i);
  }
}

template <class T>
void copy_as_is(const Copy& copy) {
  copy_values<T, T>(copy, [](T value) { return value; }, [](T) { return false; });
}

// DuckDB keeps strings of up to 12 bytes in place, the rest of the 12 zeroed: no heap is involved.
template <std::size_t N>
void copy_text(const Copy& copy) {
  struct Raw {
    std::byte bytes[N];
  };
  copy_values<duckdb_string_t, Raw>(
      copy,
      [](Raw raw) {
        const CleanText text = clean_text<N>(raw.bytes);
        duckdb_string_t string{};
        string.value.inlined.length = text.size;
        std::memcpy(string.value.inlined.inlined, &text.word, sizeof text.word);
        return string;
      },
      [](Raw raw) { return clean_text<N>(raw.bytes).size == 0; });
}

void copy_labels(const Copy& copy, std::size_t label_count) {
  copy_values<std::uint8_t, std::uint8_t>(
      copy, [=](std::uint8_t index) { return index < label_count ? index : std::uint8_t{0}; },
      [=](std::uint8_t index) { return index >= label_count; });
}

void copy_column(const Column& column, const Copy& copy, std::int64_t date_ns) {
  switch (column.type) {
    case ColumnType::event_time:
      return copy_values<std::int64_t, std::uint64_t>(
          copy, [=](std::uint64_t ns) { return date_ns + static_cast<std::int64_t>(ns); },
          [](std::uint64_t) { return false; });
    case ColumnType::capture_time:
      return copy_values<std::int64_t, std::int64_t>(
          copy, [](std::int64_t ns) { return ns; }, [](std::int64_t ns) { return ns == 0; });
    case ColumnType::u8:
      return copy_as_is<std::uint8_t>(copy);
    case ColumnType::u16:
      return copy_as_is<std::uint16_t>(copy);
    case ColumnType::u32:
      return copy_as_is<std::uint32_t>(copy);
    case ColumnType::u64:
      return copy_as_is<std::uint64_t>(copy);
    case ColumnType::i32:
      return copy_as_is<std::int32_t>(copy);
    case ColumnType::i64:
      return copy_as_is<std::int64_t>(copy);
    case ColumnType::price:
      return copy_values<double, std::uint32_t>(
          copy, [](std::uint32_t ticks) { return Price{ticks}.dollars(); },
          [](std::uint32_t ticks) { return ticks == 0; });
    case ColumnType::f64:
    case ColumnType::price_f64:
      return copy_values<double, double>(
          copy, [](double value) { return value; }, [](double value) { return std::isnan(value); });
    case ColumnType::character:
      return copy_text<1>(copy);
    case ColumnType::text4:
      return copy_text<4>(copy);
    case ColumnType::text8:
      return copy_text<8>(copy);
    case ColumnType::label:
      return copy_labels(copy, column.labels.size());
  }
  CHECK(false);
}

duckdb_logical_type enum_type_of(const Column& column) {
  // An enumeration of up to 255 values is one byte wide, as our labels are.
  CHECK(!column.labels.empty() && column.labels.size() <= 255);
  const std::vector<std::string> labels(column.labels.begin(), column.labels.end());
  std::vector<const char*> names;
  for (const std::string& label : labels) names.push_back(label.c_str());
  return duckdb_create_enum_type(names.data(), names.size());
}

}  // namespace

duckdb_logical_type logical_type_of(const Column& column) {
  switch (column.type) {
    case ColumnType::event_time:
    case ColumnType::capture_time:
      return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP_NS);
    case ColumnType::u8:
      return duckdb_create_logical_type(DUCKDB_TYPE_UTINYINT);
    case ColumnType::u16:
      return duckdb_create_logical_type(DUCKDB_TYPE_USMALLINT);
    case ColumnType::u32:
      return duckdb_create_logical_type(DUCKDB_TYPE_UINTEGER);
    case ColumnType::u64:
      return duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    case ColumnType::i32:
      return duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    case ColumnType::i64:
      return duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    case ColumnType::f64:
    case ColumnType::price:
    case ColumnType::price_f64:
      return duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    case ColumnType::character:
    case ColumnType::text4:
    case ColumnType::text8:
      return duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    case ColumnType::label:
      return enum_type_of(column);
  }
  CHECK(false);
}

void fill_chunk(const table::Schema& schema, const std::byte* rows, std::size_t count, std::int64_t date_ns,
                duckdb_data_chunk chunk) {
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const Column& column = schema.columns[i];
    copy_column(column,
                Copy{rows + column.offset, schema.row_size, count, duckdb_data_chunk_get_vector(chunk, i)},
                date_ns);
  }
  duckdb_data_chunk_set_size(chunk, count);
}

}  // namespace tapeline::sinks::parquet
