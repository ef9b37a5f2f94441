#include <memory>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/config_options.h"
#include "app/standard_output.h"
#include "status/status_server.h"

namespace tapeline::app {

namespace {

struct Options {
  ConfigText config;
  std::string name;
};

Result<void> run(const Options& options) {
  if (options.name.empty())
    return fail(ErrorCode::usage, "name the savepoint, as in `tapeline savepoint noon`");
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  const Result<std::string> done =
      status::give_order(config::status_socket(*config), fmt::format("savepoint {}", options.name));
  if (!done) return std::unexpected(done.error());
  return write_standard_output(*done + '\n');
}

}  // namespace

void add_savepoint_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("savepoint", "Keep the state of the running pipeline under a name");
  auto options = std::make_shared<Options>();
  command->add_option("NAME", options->name, "Letters, digits and dashes");
  add_config_options(*command, options->config);
  command->footer(
      "Keeps the last checkpoint as a folder, whose path is printed; the pipeline goes on meanwhile. To "
      "start from\n"
      "it, stop the pipeline, put the checkpoint folder aside and a copy of the savepoint in its place.\n\n"
      "Examples:\n"
      "  tapeline savepoint before-upgrade\n"
      "  tapeline savepoint noon --config tapeline.toml");
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
