#pragma once

#include <cstddef>
#include <cstdint>

#include <duckdb.h>

#include "table/schema.h"

namespace tapeline::sinks::parquet {

// The DuckDB type that a column is written as; the caller destroys it.
[[nodiscard]] duckdb_logical_type logical_type_of(const table::Column& column);

// Turns `count` rows of the schema, at most duckdb_vector_size(), into the columns of an empty chunk.
// `date_ns` is midnight of the trading date, in nanoseconds since the Unix epoch.
void fill_chunk(const table::Schema& schema, const std::byte* rows, std::size_t count, std::int64_t date_ns,
                duckdb_data_chunk chunk);

}  // namespace tapeline::sinks::parquet
