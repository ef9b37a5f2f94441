#pragma once

#include <memory>
#include <string>

#include "sinks/table_sink.h"

namespace tapeline::sinks::json_lines {

// One JSON object per line with every column in it. Numbers are JSON numbers, also 64-bit ones that a reader
// of doubles would round; infinite numbers are null, as JSON has none.
Result<std::unique_ptr<TableSink>> open_json_lines_sink(const std::string& path, const table::Schema& schema,
                                                        const TableOptions& options);

}  // namespace tapeline::sinks::json_lines
