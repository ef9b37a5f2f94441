#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace tapeline::config {

inline constexpr std::size_t most_file_bytes = 1 << 20;

// The defaults, changed by a TOML file and then by `overrides` like "stream.workers=4" (quotes around texts
// and brackets around lists may be left out there). Checked: an unknown key, a value of a wrong type or out
// of its range, settings that contradict each other. The error has a line "NAME:LINE:COLUMN: …" for each of
// them. `name`: what the text is called in errors.
Result<Config> read(std::string_view text, std::string_view name,
                    std::span<const std::string> overrides = {});

}  // namespace tapeline::config
