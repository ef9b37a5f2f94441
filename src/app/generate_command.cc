#include "app/commands.h"

namespace tapeline::app {

void add_generate_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("generate", "Generate a realistic day of NASDAQ ITCH 5.0");
  command->callback([&action] {
    action = [] { return Result<void>(fail(ErrorCode::unsupported, "generate is being built")); };
  });
}

}  // namespace tapeline::app
