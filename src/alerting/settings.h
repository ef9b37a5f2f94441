#pragma once

#include <functional>
#include <optional>
#include <string>

#include "alerting/alerter.h"
#include "base/result.h"
#include "config/config.h"

namespace tapeline::alerting {

// Where secrets come from: neither a setting nor a log ever holds one.
struct Secrets {
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<Result<std::string>(const std::string& path)> file;
};
[[nodiscard]] Secrets secrets_of_this_process();

// What the settings mean. `usage` where an address is none or a secret that is needed is missing; `host`
// names the pipeline where alerts.source does not.
[[nodiscard]] Result<AlerterConfig> alerter_config(const config::Config& config, const Secrets& secrets,
                                                   const std::string& host, const std::string& version);

}  // namespace tapeline::alerting
