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
  unsigned workers = 0;
};

Result<void> run(const Options& options) {
  if (options.workers == 0)
    return fail(ErrorCode::usage, "say how many workers there shall be, as in `tapeline scale 4`");
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  const Result<std::string> done =
      status::give_order(config::status_socket(*config), fmt::format("workers {}", options.workers));
  if (!done) return std::unexpected(done.error());
  return write_standard_output(*done + '\n');
}

}  // namespace

void add_scale_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("scale", "Change the number of workers of the running pipeline");
  auto options = std::make_shared<Options>();
  command->add_option("WORKERS", options->workers, "How many there shall be")->check(CLI::Range(1, 256));
  add_config_options(*command, options->config);
  command->footer(
      "The workers save their state and new ones go on from it, while the feed is taken in. Nothing is lost "
      "and\n"
      "nothing comes twice; for that moment rows come later than usual. The settings stay as they are: the "
      "next\n"
      "start takes stream.workers again.\n\n"
      "Examples:\n"
      "  tapeline scale 4\n"
      "  tapeline scale 2 --config tapeline.toml");
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
