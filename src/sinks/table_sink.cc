#include "sinks/table_sink.h"

#include "base/check.h"
#include "sinks/csv/csv_sink.h"
#include "sinks/json_lines/json_lines_sink.h"
#include "sinks/parquet/parquet_sink.h"

namespace tapeline::sinks {

std::string_view extension_of(TableFormat format) {
  switch (format) {
    case TableFormat::parquet: return "parquet";
    case TableFormat::csv: return "csv";
    case TableFormat::json_lines: return "jsonl";
  }
  CHECK(false);
}

std::optional<TableFormat> table_format_of(std::string_view extension) {
  for (const TableFormat format : {TableFormat::parquet, TableFormat::csv, TableFormat::json_lines}) {
    if (extension_of(format) == extension) return format;
  }
  return std::nullopt;
}

Result<std::unique_ptr<TableSink>> open_table_sink(TableFormat format, const std::string& path,
                                                   const table::Schema& schema, const TableOptions& options) {
  switch (format) {
    case TableFormat::parquet: return parquet::open_parquet_sink(path, schema, options);
    case TableFormat::csv: return csv::open_csv_sink(path, schema, options);
    case TableFormat::json_lines: return json_lines::open_json_lines_sink(path, schema, options);
  }
  CHECK(false);
}

}  // namespace tapeline::sinks
