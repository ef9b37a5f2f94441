#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace tapeline::app {

// What every command that works with the live pipeline takes: --config FILE and --set SECTION.KEY=VALUE.
struct ConfigText {
  std::string file;  // Empty: the defaults.
  std::vector<std::string> overrides;
};

void add_config_options(CLI::App& command, ConfigText& text);
Result<config::Config> load_config(const ConfigText& text);

}  // namespace tapeline::app
