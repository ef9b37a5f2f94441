#pragma once

#include <cmath>
#include <cstdint>

#include "config/config.h"

namespace tapeline::surveillance {

// The published parameters of every detector: the section [surveillance] of the settings.
using Parameters = config::Surveillance;

// Changes with any rule by which a detector fires or a number of an alert is made, parameters apart.
inline constexpr std::uint32_t detectors_version = 1;

[[nodiscard]] inline std::uint64_t ns_of_ms(double ms) {
  return static_cast<std::uint64_t>(std::llround(ms * 1e6));
}

}  // namespace tapeline::surveillance
