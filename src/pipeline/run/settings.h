#pragma once

#include "base/result.h"
#include "capture/soupbintcp/soup_packet_source.h"
#include "capture/udp/udp_packet_source.h"
#include "config/config.h"
#include "pipeline/analytics_config.h"
#include "pipeline/run/file_sink.h"
#include "pipeline/run/live_pipeline.h"

namespace tapeline::pipeline {

// What the settings mean for a pipeline on a machine of so many cores. Fails with `usage` where an address
// is no numeric one or the snapshot server's password is missing.
[[nodiscard]] Result<LivePipelineConfig> live_pipeline_config(const config::Config& config, unsigned cores);
[[nodiscard]] Result<capture::UdpCaptureConfig> capture_config(const config::Config& config);
// Of the feed by TCP; fails with `usage` also where it names no server.
[[nodiscard]] Result<capture::SoupCaptureConfig> soup_capture_config(const config::Config& config);

// Of the section [sinks.file].
[[nodiscard]] FileSinkConfig file_sink_config(const config::Config& config);

// Which states a checkpoint store holds: another number where the settings make them differ. `analytics` is
// what they came to.
[[nodiscard]] std::uint64_t state_layout(const config::Config& config, const AnalyticsConfig& analytics);

}  // namespace tapeline::pipeline
