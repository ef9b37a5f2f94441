#pragma once

#include <memory>
#include <string>

#include "sinks/table_sink.h"

namespace tapeline::sinks::parquet {

// How DuckDB encodes the file. The defaults are the outcome of parquet_bench.cc; see docs/formats/parquet.md.
struct ParquetOptions {
  std::string compression = "snappy";
  std::string version = "V1";
  std::uint64_t row_group_size = 122'880;
  std::uint64_t dictionary_size_limit =
      0;  // Distinct values of a column in a row group; 0 leaves it to DuckDB.
  std::uint64_t string_dictionary_page_size_limit = 0;  // Bytes; 0 leaves it to DuckDB.
  bool preserve_insertion_order = true;
  std::string more = {};  // Further options of COPY, for experiments: ", NAME value".
};

Result<std::unique_ptr<TableSink>> open_parquet_sink(const std::string& path, const table::Schema& schema,
                                                     const TableOptions& options,
                                                     const ParquetOptions& parquet_options = {});

}  // namespace tapeline::sinks::parquet
