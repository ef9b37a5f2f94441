#include "app/config_options.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "config/read.h"

namespace tapeline::app {

namespace {

Result<std::string> text_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  // One byte more than is allowed, so that what is too long is refused and not cut.
  std::string text(config::most_file_bytes + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof())) {
    const int error = errno;
    return fail(error == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                fmt::format("cannot read the configuration {}: {}; `tapeline config > {}` writes one", path,
                            std::strerror(error), path));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

void add_config_options(CLI::App& command, ConfigText& text) {
  command.add_option("--config", text.file, "The configuration to use; unset: the defaults")
      ->type_name("FILE");
  command
      .add_option("--set", text.overrides,
                  "Change one setting, as in --set stream.workers=4; may be repeated")
      ->type_name("SECTION.KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

Result<config::Config> load_config(const ConfigText& text) {
  if (text.file.empty()) return config::read("", "the defaults", text.overrides);
  const Result<std::string> content = text_of_file(text.file);
  if (!content) return std::unexpected(content.error());
  return config::read(*content, text.file, text.overrides);
}

}  // namespace tapeline::app
