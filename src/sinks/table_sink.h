#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "table/schema.h"

namespace tapeline::sinks {

// Writes the rows of one table to one file. The file is written under a temporary name beside its own, and
// takes its own name when `finish` succeeds: a file that is there is whole. A sink that is destroyed
// unfinished removes what it wrote. One thread at a time uses a sink.
//
// Every format writes the same values: nulls as table::ColumnType says, and in text each byte that is not
// printable ASCII as '?', since feeds promise ASCII and readers choke on anything that is not UTF-8.
class TableSink {
 public:
  virtual ~TableSink() = default;

  // Whole rows of the schema's row struct, any number. The sink is done with them when it returns.
  virtual Result<void> append(std::span<const std::byte> rows) = 0;

  // Called once, last; not after a failed `append`.
  virtual Result<void> finish() = 0;
};

enum class TableFormat : unsigned char { parquet, csv, json_lines };

// "parquet", "csv" or "jsonl": the format's name on the command line and its file extension.
[[nodiscard]] std::string_view extension_of(TableFormat format);
[[nodiscard]] std::optional<TableFormat> table_format_of(std::string_view extension);

struct TableOptions {
  // The day that event times count from; the Unix epoch where it is not known.
  std::chrono::sys_days trading_date{};
};

// `path` is the file to write, an existing one is replaced; its folders are made. "-" is standard output, in
// the text formats only. The schema must outlive the sink.
Result<std::unique_ptr<TableSink>> open_table_sink(TableFormat format, const std::string& path,
                                                   const table::Schema& schema,
                                                   const TableOptions& options = {});

}  // namespace tapeline::sinks
