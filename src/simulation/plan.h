#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/simulated/simulated_file_system.h"
#include "simulation/link.h"
#include "simulation/process.h"
#include "simulation/simulated_exchange.h"
#include "simulation/snapshot_connection.h"

namespace tapeline::simulation {

// Lines that are down for a while.
struct Outage {
  bool line_a = false;
  bool line_b = false;
  std::uint64_t from_ns = 0;
  std::uint64_t until_ns = 0;
};

struct DiskPlan {
  os::FaultRates rates;
  double failed_commits = 0;
  std::uint64_t full_for_ns = 0;  // At a random time; 0 for never.
};

struct CrashPlan {
  unsigned count = 0;  // Beside those that faults of the disk bring about.
  double at_change =
      0;  // The share that come at a call to the disk, be it while recovering; the rest at any time.
  std::uint64_t most_changes = 300;  // Such a call is one of the first so many of a process.
  double power = 0;                  // The share that take the machine with them, and what was not synced.
  double clean = 0;                  // The share that are clean stops instead.
  std::uint64_t longest_down_ns = 20'000'000;
};

// A run, drawn from its seed: everything that is decided before it begins.
struct Plan {
  std::uint64_t seed = 0;
  std::uint64_t active_ns = 0;  // Things go wrong so long …
  std::uint64_t calm_ns = 0;    // … then nothing does for so long, and the exchange closes.
  ExchangePlan exchange;
  std::vector<std::uint64_t> exchange_restarts;
  std::array<LinkFaults, 2> lines;
  LinkFaults recovery_path;  // Of requests and replies.
  ConnectionFaults connection;
  std::vector<Outage> outages;
  bool jammed = false;  // Requests and snapshots lead nowhere.
  ProcessPlan process;
  unsigned most_workers = 8;
  std::uint64_t process_start_ns = 0;    // A late join.
  std::uint64_t most_clock_step_ns = 0;  // By which the time of day may be off after a restart.
  DiskPlan disk;
  CrashPlan crashes;
  // Whatever goes wrong can be repaired, and nothing may be declared missing.
  bool lossless = false;
};

[[nodiscard]] Plan draw_plan(std::uint64_t seed);

// One line for people.
[[nodiscard]] std::string describe(const Plan& plan);

}  // namespace tapeline::simulation
