#pragma once

#include <memory>

#include "base/result.h"
#include "config/config.h"
#include "event_log/event_log.h"
#include "os/clock.h"
#include "os/file_system.h"
#include "trace/recorders.h"
#include "trace/tracing_thread.h"

namespace tapeline::app {

// Traces as the section [trace] says, sent by OTLP; null where none are. `usage` where the settings cannot be
// meant. All but the settings outlive it.
Result<std::unique_ptr<trace::TracingThread>> start_tracing_thread(const config::Config& config,
                                                                   trace::Tracing::Own own,
                                                                   event_log::EventLog& log,
                                                                   const os::Clock& clock,
                                                                   trace::TracingThread::Readers readers);

// What this process records, with what a pipeline records in another one.
trace::StageReaders readers_with_pipeline(const trace::Recorders& own, os::FileSystem& files,
                                          const std::string& folder);

}  // namespace tapeline::app
