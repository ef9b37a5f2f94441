#include "config/print.h"

#include <fmt/format.h>

#include "config/table.h"

namespace tapeline::config {

namespace {

constexpr std::size_t comment_columns = 100;

std::string text_literal(std::string_view text) {
  std::string literal = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') literal += '\\';
    literal += c;
  }
  return literal + '"';
}

std::string literal(bool value) {
  return value ? "true" : "false";
}
std::string literal(std::int64_t value) {
  return fmt::format("{}", value);
}
std::string literal(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";  // Or TOML would read a whole number.
  return text;
}
std::string literal(const std::string& value) {
  return text_literal(value);
}
template <class T>
std::string literal(const std::vector<T>& list) {
  std::string text = "[";
  for (const T& element : list) text += (text.size() == 1 ? "" : ", ") + literal(element);
  return text + ']';
}

std::string literal_of(const Setting& setting, const Config& config) {
  return std::visit([](const auto& value) { return literal(value); }, setting.get(config));
}

// The words as comment lines of bounded width.
std::string comment(std::string_view words) {
  std::string text = "#";
  std::size_t columns = 1;
  while (!words.empty()) {
    const std::size_t space = std::min(words.find(' '), words.size());
    if (columns + 1 + space > comment_columns && columns > 1) {
      text += "\n#";
      columns = 1;
    }
    text.append(1, ' ').append(words.substr(0, space));
    columns += 1 + space;
    words.remove_prefix(std::min(space + 1, words.size()));
  }
  return text + '\n';
}

constexpr std::string_view file_head =
    R"(# Tapeline's settings; every one may be left out and then has its default. `tapeline config --check FILE` looks
# for mistakes, `--set SECTION.KEY=VALUE` on the command line changes one for a single run.
)";

constexpr std::string_view documentation_head =
    R"(# The configuration

One TOML file holds every setting of the live pipeline: `tapeline run --config FILE`. A setting that is left out has its
default, so an empty file is a valid one. This page is what `tapeline config --describe` prints, generated from
`src/config/settings.def`; a test fails where it is not up to date.

| Command | What it does |
|---|---|
| `tapeline config > tapeline.toml` | writes a file with every setting, its meaning and its default |
| `tapeline config --check FILE` | checks a file: unknown keys, types, ranges, settings that contradict each other |
| `tapeline config --config FILE --set stream.workers=4` | prints the settings that would be in force |

`--set SECTION.KEY=VALUE` changes a setting for one run and may be repeated. Quotes around a text and brackets around a
list may be left out there: `--set feed.interface=eth0 --set analytics.tables=bbo,trades`. Mistakes are told as
`FILE:LINE:COLUMN: what is wrong`, all of them at once, and the exit code is 2.

Units stand at the end of names. A `HOST:PORT` is a name or an address; IPv6 in brackets. Passwords have no place in the
file: a setting names the environment variable that holds one.
)";

}  // namespace

std::string print_toml(const Config& config) {
  const Config defaults;
  std::string text(file_head);
  for (const Section& section : sections()) {
    text += fmt::format("\n[{}]  # {}\n", section.path, section.meaning);
    for (const Setting& setting : settings()) {
      if (setting.section != section.path) continue;
      text += fmt::format("\n{}#   {}; default {}\n", comment(setting.meaning), describe_values(setting),
                          literal_of(setting, defaults));
      text += fmt::format("{} = {}\n", setting.name, literal_of(setting, config));
    }
  }
  return text;
}

std::string print_documentation() {
  const Config defaults;
  std::string text(documentation_head);
  for (const Section& section : sections()) {
    text += fmt::format("\n## [{}]\n\n{}\n\n| Key | Default | Value | Meaning |\n|---|---|---|---|\n",
                        section.path, section.meaning);
    for (const Setting& setting : settings())
      if (setting.section == section.path)
        text += fmt::format("| `{}` | `{}` | {} | {} |\n", setting.name, literal_of(setting, defaults),
                            describe_values(setting), setting.meaning);
  }
  return text;
}

}  // namespace tapeline::config
