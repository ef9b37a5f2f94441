#pragma once

#include <cstdint>
#include <vector>

#include "status/status.h"

// Telling somebody when something is wrong: conditions over the published status, held for a while, told once
// and resolved, and sent by threads that nobody waits for.
namespace tapeline::alerting {

// What is still right; see the section [alerts] of the configuration.
struct Limits {
  std::uint64_t stale_ns = 5'000'000;
  std::uint64_t open_minute = 570;   // Since the exchange's midnight.
  std::uint64_t close_minute = 960;  // Not in it any more.
  double skew_ratio = 2;
  std::uint64_t skew_messages = 10'000;
  double back_pressure = 0.2;
  std::uint64_t clock_error_ns = 100'000;
  // An exchange on this machine shares the clock, however wrong that is.
  bool clock_matters = true;
};

// What is wrong by this one account, a function of it alone; `since_ms` is 0. No two have the same key.
[[nodiscard]] std::vector<status::Alert> find_conditions(const Limits& limits, const status::Status& status);

// What an alert is known by: its name, and its partition where it has one.
[[nodiscard]] std::string key_of(const status::Alert& alert);

}  // namespace tapeline::alerting
