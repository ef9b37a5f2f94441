#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "doctor/examination.h"

namespace tapeline::doctor {

struct ReportOptions {
  std::size_t width = 100;  // Columns; at least 70 are used.
  bool colour = false;
};

// A page with a part for each area; under what is not fine stands the command that mends it.
[[nodiscard]] std::string draw_report(const std::vector<Finding>& findings, const ReportOptions& options);

// One object: `findings` of `grade`, `area`, `subject`, `found`, `command` (null where there is none), and
// how many are `ok`, `warn` and `bad`.
[[nodiscard]] std::string report_json(const std::vector<Finding>& findings);

}  // namespace tapeline::doctor
