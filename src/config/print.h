#pragma once

#include <string>

#include "config/config.h"

namespace tapeline::config {

// A whole TOML file with these settings, each with its meaning, its range and its default as comments.
// Reading it gives `config` again.
[[nodiscard]] std::string print_toml(const Config& config);

// docs/configuration.md.
[[nodiscard]] std::string print_documentation();

}  // namespace tapeline::config
