#include "sinks/parquet/format.h"

#include "base/check.h"
#include "sinks/parquet/thrift_writer.h"
#include "table/describe.h"

namespace tapeline::sinks::parquet {
namespace {

using table::Column;
using table::ColumnType;

struct IntegerType {
  std::int8_t bits;
  bool is_signed;
  std::int32_t converted;  // ConvertedType, the older name of the same for older readers.
};

std::optional<IntegerType> integer_type_of(ColumnType type) {
  switch (type) {
    case ColumnType::u8: return IntegerType{8, false, 11};
    case ColumnType::u16: return IntegerType{16, false, 12};
    case ColumnType::u32: return IntegerType{32, false, 13};
    case ColumnType::u64: return IntegerType{64, false, 14};
    case ColumnType::i32: return IntegerType{32, true, 17};
    case ColumnType::i64: return IntegerType{64, true, 18};
    default: return std::nullopt;
  }
}

constexpr std::int32_t converted_utf8 = 0;

void write_logical_type(ThriftWriter& out, ColumnType type) {
  const auto nothing = [] {};
  if (type == ColumnType::event_time || type == ColumnType::capture_time) {
    out.structure(10, [&] {
      out.structure(8, [&] {    // TIMESTAMP
        out.boolean(1, false);  // Not adjusted to UTC: a reader shows the hour as it is.
        out.structure(2, [&] { out.structure(3, nothing); });  // NANOS
      });
    });
  } else if (const std::optional<IntegerType> integer = integer_type_of(type)) {
    out.i32(6, integer->converted);
    out.structure(10, [&] {
      out.structure(10, [&] {  // INTEGER
        out.i8(1, integer->bits);
        out.boolean(2, integer->is_signed);
      });
    });
  } else if (storage_of(type).physical == PhysicalType::byte_array) {
    out.i32(6, converted_utf8);
    out.structure(10, [&] { out.structure(1, nothing); });  // STRING
  }
}

void write_schema(ThriftWriter& out, const table::Schema& schema) {
  out.list_of_structures(2, schema.columns.size() + 1, [&] {
    out.element_structure([&] {
      out.binary(4, "schema");
      out.i32(5, static_cast<std::int32_t>(schema.columns.size()));
    });
    for (const Column& column : schema.columns) {
      const Storage storage = storage_of(column.type);
      out.element_structure([&] {
        out.i32(1, static_cast<std::int32_t>(storage.physical));
        out.i32(3, storage.optional ? 1 : 0);
        out.binary(4, column.name);
        write_logical_type(out, column.type);
      });
    }
  });
}

void write_column_chunk(ThriftWriter& out, const Column& column, const ColumnChunk& chunk, Codec codec) {
  out.i64(2, 0);  // file_offset: deprecated, and 0 since.
  out.structure(3, [&] {
    out.i32(1, static_cast<std::int32_t>(storage_of(column.type).physical));
    out.list_of_i32(2, chunk.encodings.size(), [&] {
      for (const Encoding encoding : chunk.encodings) out.element(static_cast<std::int32_t>(encoding));
    });
    out.list_of_binary(3, 1, [&] { out.element(column.name); });
    out.i32(4, static_cast<std::int32_t>(codec));
    out.i64(5, chunk.values);
    out.i64(6, chunk.uncompressed_size);
    out.i64(7, chunk.compressed_size);
    out.i64(9, chunk.data_page_offset);
    if (chunk.dictionary_page_offset) out.i64(11, *chunk.dictionary_page_offset);
    out.structure(12, [&] {
      out.i64(3, chunk.nulls);
      if (chunk.least.empty()) return;
      out.binary(5, chunk.greatest);
      out.binary(6, chunk.least);
    });
  });
}

void write_row_group(ThriftWriter& out, const table::Schema& schema, const RowGroup& group, Codec codec) {
  std::int64_t uncompressed = 0;
  std::int64_t compressed = 0;
  out.list_of_structures(1, group.columns.size(), [&] {
    for (std::size_t i = 0; i < group.columns.size(); ++i) {
      uncompressed += group.columns[i].uncompressed_size;
      compressed += group.columns[i].compressed_size;
      out.element_structure([&] { write_column_chunk(out, schema.columns[i], group.columns[i], codec); });
    }
  });
  out.i64(2, uncompressed);
  out.i64(3, group.rows);
  out.i64(6, compressed);
}

// Writes a page header whose last structure, field `field`, is of the page's own type.
template <class Fields>
std::string page_header(PageType type, std::size_t size, std::size_t compressed_size, int field,
                        Fields fields) {
  std::string header;
  ThriftWriter out(header);
  out.element_structure([&] {
    out.i32(1, static_cast<std::int32_t>(type));
    out.i32(2, static_cast<std::int32_t>(size));
    out.i32(3, static_cast<std::int32_t>(compressed_size));
    out.structure(field, [&] { fields(out); });
  });
  return header;
}

}  // namespace

Storage storage_of(ColumnType type) {
  using enum PhysicalType;
  switch (type) {
    case ColumnType::event_time:
      return {.physical = int64, .optional = false, .delta = true, .is_signed = true, .has_bounds = true};
    case ColumnType::capture_time:
      return {.physical = int64, .optional = true, .delta = true, .is_signed = true, .has_bounds = true};
    case ColumnType::u8:
    case ColumnType::u16:
    case ColumnType::u32:
      return {.physical = int32, .optional = false, .delta = false, .is_signed = false, .has_bounds = true};
    case ColumnType::i32:
      return {.physical = int32, .optional = false, .delta = false, .is_signed = true, .has_bounds = true};
    case ColumnType::u64:
      return {.physical = int64, .optional = false, .delta = true, .is_signed = false, .has_bounds = true};
    case ColumnType::i64:
      return {.physical = int64, .optional = false, .delta = true, .is_signed = true, .has_bounds = true};
    case ColumnType::price:
      return {.physical = float64, .optional = true, .delta = false, .is_signed = false, .has_bounds = true};
    case ColumnType::f64:
    case ColumnType::price_f64:
      return {.physical = float64, .optional = true, .delta = false, .is_signed = false, .has_bounds = false};
    case ColumnType::character:
    case ColumnType::text4:
    case ColumnType::text8:
    case ColumnType::label:
      return {
          .physical = byte_array, .optional = true, .delta = false, .is_signed = false, .has_bounds = false};
  }
  CHECK(false);
}

std::string footer(const table::Schema& schema, const std::vector<RowGroup>& groups, Codec codec) {
  std::string text;
  ThriftWriter out(text);
  std::int64_t rows = 0;
  for (const RowGroup& group : groups) rows += group.rows;
  out.element_structure([&] {
    out.i32(1, 2);  // version
    write_schema(out, schema);
    out.i64(3, rows);
    out.list_of_structures(4, groups.size(), [&] {
      for (const RowGroup& group : groups) {
        out.element_structure([&] { write_row_group(out, schema, group, codec); });
      }
    });
    out.list_of_structures(5, 1, [&] {
      out.element_structure([&] {
        out.binary(1, "tapeline.schema");
        out.binary(2, table::describe_as_json(schema));
      });
    });
    out.binary(6, "tapeline");
    // Without an order, readers ignore the bounds.
    out.list_of_structures(7, schema.columns.size(), [&] {
      for (std::size_t i = 0; i < schema.columns.size(); ++i) {
        out.element_structure([&] { out.structure(1, [] {}); });  // TYPE_ORDER
      }
    });
  });
  const auto length = static_cast<std::uint32_t>(text.size());
  text.append(reinterpret_cast<const char*>(&length), sizeof length);
  return text.append(magic);
}

std::string dictionary_page_header(std::size_t values, std::size_t size, std::size_t compressed_size) {
  return page_header(PageType::dictionary, size, compressed_size, 7, [&](ThriftWriter& out) {
    out.i32(1, static_cast<std::int32_t>(values));
    out.i32(2, static_cast<std::int32_t>(Encoding::plain));
  });
}

std::string data_page_header(std::size_t values, Encoding encoding, std::size_t size,
                             std::size_t compressed_size) {
  return page_header(PageType::data, size, compressed_size, 5, [&](ThriftWriter& out) {
    out.i32(1, static_cast<std::int32_t>(values));
    out.i32(2, static_cast<std::int32_t>(encoding));
    out.i32(3, static_cast<std::int32_t>(Encoding::rle));  // Definition levels.
    out.i32(4, static_cast<std::int32_t>(Encoding::rle));  // Repetition levels: there are none.
  });
}

}  // namespace tapeline::sinks::parquet
