#pragma once

#include <memory>
#include <string>

#include "sinks/table_sink.h"

namespace tapeline::sinks::csv {

// RFC 4180, except that lines end in LF alone as every Unix tool expects: a line of names, then one line per
// row; a null is an empty cell.
Result<std::unique_ptr<TableSink>> open_csv_sink(const std::string& path, const table::Schema& schema,
                                                 const TableOptions& options);

}  // namespace tapeline::sinks::csv
