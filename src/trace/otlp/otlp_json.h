#pragma once

#include <span>
#include <string>

#include "trace/span.h"

namespace tapeline::trace {

// Who sends: the attributes of an OpenTelemetry resource.
struct OtlpResource {
  std::string service_name = "tapeline";
  std::string version{};      // Of the program.
  std::string instance_id{};  // Different in each process.
};

// An ExportTraceServiceRequest of OTLP 1.x in JSON, as the specification maps protobuf to it: ids in
// hexadecimal digits, 64-bit numbers as texts, enums as numbers.
[[nodiscard]] std::string otlp_json(const OtlpResource& resource, std::span<const Trace> traces);

}  // namespace tapeline::trace
