#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "os/endpoint.h"
#include "trace/otlp/otlp_json.h"
#include "trace/span_exporter.h"

namespace tapeline::trace {

struct OtlpConfig {
  os::Endpoint at;
  std::string path = "/v1/traces";
  std::uint64_t timeout_ns = 2'000'000'000;  // Of one request, from the connection to the answer.
  OtlpResource resource{};
};

// Sends traces to a collector by OTLP over HTTP in JSON, a connection for each request: some requests a
// second at most.
std::unique_ptr<SpanExporter> make_otlp_exporter(OtlpConfig config);

}  // namespace tapeline::trace
