#pragma once

#include <memory>
#include <string>

#include "sinks/table_sink.h"

namespace tapeline::sinks::parquet {

// The defaults are the outcome of parquet_bench.cc; docs/formats/parquet.md has the numbers.
struct ParquetOptions {
  // Multiples of a page. Readers work row group by row group in parallel and skip those whose times or
  // sequences do not matter; each has dictionaries of its own, which want to be shared by many rows.
  std::size_t rows_per_group = 262'144;
  int zstd_level = 0;  // Of every page; 0 leaves them as the encodings made them.
};

Result<std::unique_ptr<TableSink>> open_parquet_sink(const std::string& path, const table::Schema& schema,
                                                     const TableOptions& options,
                                                     const ParquetOptions& parquet_options = {});

}  // namespace tapeline::sinks::parquet
