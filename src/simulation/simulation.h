#pragma once

#include <cstdint>

#include "simulation/plan.h"
#include "simulation/report.h"
#include "simulation/sabotage.h"
#include "simulation/trace.h"

namespace tapeline::simulation {

struct SimulationOptions {
  Trace::Print print{};                // Gets a line for each event, if it is there.
  Sabotage sabotage = Sabotage::none;  // For tests of the checks.
};

// Runs the whole live pipeline, from the exchange's packets to the rows in the log, with a simulated clock,
// network and disk, in one thread. All that happens follows from the plan's seed. ARCHITECTURE.md says what
// is checked.
[[nodiscard]] Report simulate(const Plan& plan, const SimulationOptions& options = {});
[[nodiscard]] Report simulate(std::uint64_t seed, const SimulationOptions& options = {});

}  // namespace tapeline::simulation
