#include "app/tracing.h"

#include <bit>

#include <fmt/format.h>

#include "os/endpoint.h"
#include "os/memory_usage.h"
#include "trace/otlp/otlp_exporter.h"

namespace tapeline::app {

Result<std::unique_ptr<trace::TracingThread>> start_tracing_thread(const config::Config& config,
                                                                   trace::Tracing::Own own,
                                                                   event_log::EventLog& log,
                                                                   const os::Clock& clock,
                                                                   trace::TracingThread::Readers readers) {
  const config::Trace& from = config.trace;
  if (from.sample_one_in != 0 && !std::has_single_bit(from.sample_one_in))
    return fail(ErrorCode::usage, fmt::format("trace.sample_one_in: {} is no power of two; {} is one",
                                              from.sample_one_in, std::bit_ceil(from.sample_one_in)));
  if (!from.otlp_endpoint.is_set() || (from.sample_one_in == 0 && from.slow_us == 0)) return nullptr;
  if (from.recorded_batches == 0)
    return fail(ErrorCode::usage, "traces are made of what stages record, but trace.recorded_batches is 0");
  const Result<os::IpAddress> address = os::parse_address(from.otlp_endpoint.host);
  if (!address)
    return fail(ErrorCode::usage, fmt::format("trace.otlp_endpoint: {}", address.error().message));
  trace::OtlpConfig otlp{.at = {*address, from.otlp_endpoint.port}};
  otlp.resource.version = TAPELINE_VERSION;
  otlp.resource.instance_id = std::to_string(os::process_id());
  trace::TracingConfig tracing;
  tracing.sample_one_in = from.sample_one_in;
  tracing.slow_ns = from.slow_us * 1'000;
  tracing.slow_per_second = from.slow_per_second;
  return trace::TracingThread::start(tracing, own, log, clock, std::move(readers),
                                     trace::make_otlp_exporter(std::move(otlp)));
}

trace::StageReaders readers_with_pipeline(const trace::Recorders& own, os::FileSystem& files,
                                          const std::string& folder) {
  Result<trace::StageReaders> pipeline = trace::open_readers(files, folder);
  trace::StageReaders readers = pipeline ? std::move(*pipeline) : trace::StageReaders{};
  trace::StageReaders mine = own.readers();
  readers.serve = std::move(mine.serve);
  readers.clients = std::move(mine.clients);
  return readers;
}

}  // namespace tapeline::app
