#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/config_options.h"
#include "app/standard_output.h"
#include "config/print.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(What is printed is a whole configuration file; every setting stands in it with its meaning, range and default, so
it can be kept and edited. Mistakes are told as FILE:LINE:COLUMN, all at once. docs/configuration.md has the same list.

Examples:
  tapeline config > tapeline.toml                                    a file with all the defaults
  tapeline config --check tapeline.toml                              look for mistakes
  tapeline config --config tapeline.toml --set stream.workers=4      what would be in force)";

struct Options {
  ConfigText config;
  std::string check;
  bool describe = false;
};

Result<void> run(Options options) {
  if (options.describe) return write_standard_output(config::print_documentation());
  if (!options.check.empty()) {
    if (!options.config.file.empty())
      return fail(ErrorCode::usage, "name the file with --check or with --config, not with both");
    options.config.file = options.check;
  }
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  if (options.check.empty()) return write_standard_output(config::print_toml(*config));
  fmt::print(stderr, "tapeline: {} is a valid configuration\n", options.check);
  return {};
}

}  // namespace

void add_config_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("config", "Print or check the settings of the live pipeline");
  auto options = std::make_shared<Options>();
  add_config_options(*command, options->config);
  command->add_option("--check", options->check, "Only look for mistakes in this file")->type_name("FILE");
  command->add_flag("--describe", options->describe, "Print docs/configuration.md instead");
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
