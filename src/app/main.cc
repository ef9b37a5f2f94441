#include <CLI/CLI.hpp>
#include <cstdio>

#include "app/commands.h"
#include "app/exit_code.h"

int main(int argc, char** argv) {
  using namespace tapeline;
  CLI::App program("Tapeline: from the packets of an exchange to order books and microstructure analytics.");
  program.name("tapeline");
  program.set_version_flag("--version", TAPELINE_VERSION);
  program.footer(
      "Data goes to standard output, everything else to standard error.\n"
      "Exit codes: 0 success, 1 a bug, 2 usage, 3 not found, 4 input/output, 5 corrupt input,\n"
      "6 unsupported here, 130 interrupted.");
  app::Action action;
  app::add_alerts_command(program, action);
  app::add_book_command(program, action);
  app::add_config_command(program, action);
  app::add_doctor_command(program, action);
  app::add_fit_command(program, action);
  app::add_generate_command(program, action);
  app::add_inspect_command(program, action);
  app::add_replay_command(program, action);
  app::add_query_command(program, action);
  app::add_run_command(program, action);
  app::add_savepoint_command(program, action);
  app::add_scale_command(program, action);
  app::add_serve_command(program, action);
  app::add_serve_load_command(program, action);
  app::add_soak_command(program, action);
  app::add_status_command(program, action);
  app::add_trace_command(program, action);
  app::add_surveillance_command(program, action);
  app::add_evidence_command(program, action);
  app::add_exchange_command(program, action);
  app::add_log_command(program, action);
  app::add_simulate_command(program, action);
  app::add_bench_command(program, action);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = program.exit(error);
    return code == 0 ? 0 : static_cast<int>(app::ExitCode::usage);
  }
  if (!action) {
    std::fprintf(stderr, "%s\ntapeline: name a command\n", program.help().c_str());
    return static_cast<int>(app::ExitCode::usage);
  }
  if (const Result<void> result = action(); !result) {
    std::fprintf(stderr, "tapeline: %s\n", result.error().message.c_str());
    return static_cast<int>(app::exit_code_of(result.error().code));
  }
  return 0;
}
