#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "base/result.h"

namespace tapeline::app {

// What the chosen subcommand does once the command line is parsed.
using Action = std::function<Result<void>()>;

// Each adds one subcommand to the program; when the user chose it, it leaves its work in `action`.
// One file per command: src/app/NAME_command.cc.
void add_alerts_command(CLI::App& program, Action& action);
void add_book_command(CLI::App& program, Action& action);
void add_config_command(CLI::App& program, Action& action);
void add_doctor_command(CLI::App& program, Action& action);
void add_evidence_command(CLI::App& program, Action& action);
void add_exchange_command(CLI::App& program, Action& action);
void add_fit_command(CLI::App& program, Action& action);
void add_generate_command(CLI::App& program, Action& action);
void add_inspect_command(CLI::App& program, Action& action);
void add_replay_command(CLI::App& program, Action& action);
void add_query_command(CLI::App& program, Action& action);
void add_run_command(CLI::App& program, Action& action);
void add_savepoint_command(CLI::App& program, Action& action);
void add_scale_command(CLI::App& program, Action& action);
void add_serve_command(CLI::App& program, Action& action);
void add_serve_load_command(CLI::App& program, Action& action);
void add_soak_command(CLI::App& program, Action& action);
void add_status_command(CLI::App& program, Action& action);
void add_trace_command(CLI::App& program, Action& action);
void add_surveillance_command(CLI::App& program, Action& action);
void add_log_command(CLI::App& program, Action& action);
void add_simulate_command(CLI::App& program, Action& action);
void add_bench_command(CLI::App& program, Action& action);

}  // namespace tapeline::app
