#pragma once

#include <string>

#include "app/anomalies.h"
#include "app/inspection.h"
#include "app/standard_output.h"

// What `tapeline inspect` writes; the names in the JSON are documented in docs/commands.md.
namespace tapeline::app {

[[nodiscard]] std::string inspection_page(const InspectionReport& report, const Inspection& seen,
                                          const Anomalies& anomalies, const StandardOutput& output);
[[nodiscard]] std::string inspection_json(const InspectionReport& report, const Inspection& seen,
                                          const Anomalies& anomalies);

// "2023-08-22T13:30:00.123456789Z".
[[nodiscard]] std::string capture_time_text(CaptureTime time);

}  // namespace tapeline::app
