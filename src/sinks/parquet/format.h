#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "table/schema.h"

namespace tapeline::sinks::parquet {

// The numbers that parquet.thrift gives to what the writer uses.
// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
enum class PhysicalType : std::int32_t { int32 = 1, int64 = 2, float64 = 5, byte_array = 6 };
enum class Encoding : std::int32_t { plain = 0, rle = 3, delta_binary_packed = 5, rle_dictionary = 8 };
enum class PageType : std::int32_t { data = 0, dictionary = 2 };
enum class Codec : std::int32_t { uncompressed = 0, zstd = 6 };

inline constexpr std::string_view magic = "PAR1";

// How a column is stored, by its type alone.
struct Storage {
  PhysicalType physical;
  bool optional;  // Whether a row may be null.
  bool delta;     // Rising or spread-out numbers: DELTA_BINARY_PACKED. Else a dictionary, as long as it pays.
  bool is_signed;   // For 32 and 64-bit integers.
  bool has_bounds;  // Whether the least and greatest value are recorded, for readers to skip row groups.
};

[[nodiscard]] Storage storage_of(table::ColumnType type);

// What the footer says of one column of one row group.
struct ColumnChunk {
  std::vector<Encoding> encodings;
  std::int64_t values = 0;  // Nulls included.
  std::int64_t nulls = 0;
  std::int64_t uncompressed_size = 0;  // Page headers included, both.
  std::int64_t compressed_size = 0;
  std::int64_t data_page_offset = 0;
  std::optional<std::int64_t> dictionary_page_offset;
  std::string least;  // PLAIN-encoded; empty where not recorded.
  std::string greatest;
};

struct RowGroup {
  std::int64_t rows = 0;
  std::vector<ColumnChunk> columns;
};

// The whole end of the file: metadata, its length, the closing magic.
[[nodiscard]] std::string footer(const table::Schema& schema, const std::vector<RowGroup>& groups,
                                 Codec codec);

[[nodiscard]] std::string dictionary_page_header(std::size_t values, std::size_t size,
                                                 std::size_t compressed_size);
[[nodiscard]] std::string data_page_header(std::size_t values, Encoding encoding, std::size_t size,
                                           std::size_t compressed_size);

}  // namespace tapeline::sinks::parquet
