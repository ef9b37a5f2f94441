#include "config/config.h"

#include <algorithm>
#include <cmath>

namespace tapeline::config {

namespace {

std::string or_beside_the_data(const Config& config, const std::string& chosen, const char* name) {
  return chosen.empty() ? config.data.folder + '/' + name : chosen;
}

}  // namespace

Config::Config() = default;

std::uint64_t nanoseconds(Real milliseconds) {
  return static_cast<std::uint64_t>(std::llround(milliseconds * 1e6));
}

std::string journal_folder(const Config& config) {
  return or_beside_the_data(config, "", "journal");
}

std::string checkpoint_folder(const Config& config) {
  return or_beside_the_data(config, config.stream.checkpoint_folder, "checkpoints");
}

std::string sink_folder(const Config& config) {
  return or_beside_the_data(config, config.sinks_file.folder, "tables");
}

std::string trace_folder(const Config& config) {
  return or_beside_the_data(config, "", "trace");
}

std::string status_socket(const Config& config) {
  return or_beside_the_data(config, config.status.socket, "tapeline.sock");
}

std::size_t worker_count(const Config& config, std::size_t cores) {
  const std::size_t wanted =
      config.stream.workers != 0 ? config.stream.workers : cores - std::min<std::size_t>(cores, 1);
  // A worker without a key group would have nothing to do.
  return std::clamp<std::size_t>(wanted, 1, config.stream.key_groups);
}

std::uint64_t bar_ns(const Config& config) {
  return nanoseconds(config.analytics.bar_ms);
}

std::uint64_t interval_ns(const Config& config) {
  return nanoseconds(config.analytics.interval_ms);
}

}  // namespace tapeline::config
