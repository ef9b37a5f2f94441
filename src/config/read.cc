#include "config/read.h"

#include <algorithm>
#include <expected>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

// The parser reports errors by value. It is header-only, and this is the one file that includes it.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/edit_distance.h"
#include "config/table.h"
#include "config/text_check.h"

namespace tapeline::config {

namespace {

constexpr std::size_t most_problems = 20;
constexpr std::size_t longest_shown = 60;  // Of a key or a value that is quoted in an error.

std::string shortened(std::string_view text) {
  std::string clean;
  for (const char c : text.substr(0, longest_shown)) clean += c < 0x20 || c > 0x7e ? '?' : c;
  return text.size() > longest_shown ? clean + "…" : clean;
}

// The setting or section that was probably meant; empty where nothing is near. The right name in a wrong
// section counts as near.
std::string nearest(std::string_view path) {
  const std::string_view written = path.substr(0, longest_shown);
  const std::size_t dot = written.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? written : written.substr(dot + 1);
  std::size_t least = std::max<std::size_t>(2, last.size() / 3) + 1;
  std::string best;
  const auto weigh = [&](std::size_t distance, std::string candidate) {
    if (distance >= least) return;
    least = distance;
    best = std::move(candidate);
  };
  for (const Setting& setting : settings()) {
    weigh(edit_distance(written, setting.path()), setting.path());
    weigh(edit_distance(last, setting.name) + 1, setting.path());
  }
  for (const Section& section : sections())
    weigh(edit_distance(written, section.path), fmt::format("[{}]", section.path));
  return best;
}

bool is_section_or_above(std::string_view path) {
  for (const Section& section : sections())
    if (section.path == path || (section.path.starts_with(path) && section.path[path.size()] == '.'))
      return true;
  return false;
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or time";
  }
}

template <class T>
std::optional<Value> list_of(const toml::array& array) {
  std::vector<T> list;
  for (const toml::node& element : array) {
    if (!element.is<T>()) return std::nullopt;
    list.push_back(*element.value_exact<T>());
  }
  return list;
}

std::expected<toml::table, TextFault> parse(std::string_view text) {
  if (std::optional<TextFault> fault = find_fault(text)) return std::unexpected(std::move(*fault));
  toml::parse_result parsed = toml::parse(text);
  if (parsed) return std::move(parsed).table();
  const toml::parse_error& error = parsed.error();
  return std::unexpected(
      TextFault{error.source().begin.line, error.source().begin.column, std::string(error.description())});
}

// The node as a value of that kind; nothing where it is of another.
std::optional<Value> value_of(const toml::node& node, Kind kind) {
  switch (kind) {
    case Kind::flag:
      if (const auto value = node.value_exact<bool>()) return *value;
      return std::nullopt;
    case Kind::whole:
      if (const auto value = node.value_exact<std::int64_t>()) return *value;
      return std::nullopt;
    case Kind::real:
      if (!node.is_number()) return std::nullopt;
      return *node.value<double>();
    case Kind::text:
    case Kind::choice:
    case Kind::address:
      if (auto value = node.value_exact<std::string>()) return std::move(*value);
      return std::nullopt;
    case Kind::text_list:
    case Kind::address_list: return node.is_array() ? list_of<std::string>(*node.as_array()) : std::nullopt;
    case Kind::whole_list: return node.is_array() ? list_of<std::int64_t>(*node.as_array()) : std::nullopt;
  }
  return std::nullopt;
}

// The value of "value = TEXT"; nothing where that is no TOML, or more than that.
std::optional<Value> parse_value(std::string_view text, Kind kind) {
  const std::expected<toml::table, TextFault> parsed = parse(fmt::format("value = {}", text));
  if (!parsed || parsed->size() != 1) return std::nullopt;
  return value_of(*parsed->get("value"), kind);
}

// Where something was written: a line of the file, or an argument of the command line behind all of them.
struct Place {
  std::string name;
  std::uint64_t line = UINT32_MAX;
  std::uint64_t column = 0;
};

struct Problem {
  Place where;
  std::string what;
};

class Reader {
 public:
  explicit Reader(std::string_view name) : name_(name) {}

  void read_file(std::string_view text) {
    if (text.size() > most_file_bytes) {
      note({std::string(name_), 0},
           fmt::format("{} bytes are too many for a configuration; is it another file?", text.size()));
      return;
    }
    const std::expected<toml::table, TextFault> parsed = parse(text);
    if (parsed)
      read_table(*parsed, "");
    else
      note(place(parsed.error().line, parsed.error().column),
           fmt::format("this is no TOML: {}", parsed.error().what));
  }

  void read_override(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::string_view path = text.substr(0, equals);
    const Place where{fmt::format("--set {}", shortened(text))};
    const Setting* setting = find_setting(path);
    if (equals == std::string_view::npos)
      note(where, "write it as SECTION.KEY=VALUE, as in --set stream.workers=4");
    else if (setting == nullptr)
      note(where, unknown(path));
    else
      override_setting(*setting, std::string(text.substr(equals + 1)), where);
  }

  void check();

  Result<Config> finish() {
    if (problems_.empty()) return std::move(config_);
    // The parser hands out keys by name, not as they stand.
    std::ranges::sort(problems_, {}, [](const Problem& problem) {
      return std::tuple(problem.where.line, problem.where.column, std::string_view(problem.what));
    });
    std::string message;
    for (std::size_t i = 0; i < std::min(problems_.size(), most_problems); ++i)
      message += fmt::format("{}{}: {}", i == 0 ? "" : "\n", problems_[i].where.name, problems_[i].what);
    if (problems_.size() > most_problems)
      message += fmt::format("\nand {} more mistakes", problems_.size() - most_problems);
    return fail(ErrorCode::usage, message + "\n`tapeline config` prints every setting with its meaning");
  }

 private:
  Place place(std::uint64_t line, std::uint64_t column) const {
    return {fmt::format("{}:{}:{}", name_, line, column), line, column};
  }
  Place place(const toml::source_region& source) const {
    return place(source.begin.line, source.begin.column);
  }

  void note(const Place& where, std::string what) { problems_.push_back({where, std::move(what)}); }

  static std::string unknown(std::string_view path) {
    const std::string meant = nearest(path);
    return fmt::format("there is no setting {}{}", shortened(path),
                       meant.empty() ? "" : fmt::format("; did you mean {}?", meant));
  }

  void read_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string path = prefix + std::string(key.str());
      const Place where = place(key.source());
      if (is_section_or_above(path)) {
        if (const toml::table* inner = node.as_table())
          read_table(*inner, path + '.');
        else
          note(where, fmt::format("{0} is a section: write [{0}]", path));
      } else if (const Setting* setting = find_setting(path)) {
        set(*setting, value_of(node, setting->kind), type_name(node), place(node.source()));
      } else {
        note(where, unknown(path));
      }
    }
  }

  void set(const Setting& setting, const std::optional<Value>& value, std::string_view found,
           const Place& where) {
    std::optional<std::string> wrong;
    if (!value)
      wrong = found;
    else
      wrong = setting.set(config_, *value, setting.limits);
    if (wrong)
      note(where, fmt::format("{} must be {}; it is {}", setting.path(), describe_values(setting),
                              shortened(*wrong)));
    else
      origins_[setting.path()] = where;
  }

  // What a shell leaves of "interface=eth0" or "tables=bbo,trades" is no TOML, but clear enough.
  void override_setting(const Setting& setting, const std::string& text, const Place& where) {
    if (const std::optional<Value> value = parse_value(text, setting.kind))
      return set(setting, value, "", where);
    switch (setting.kind) {
      case Kind::text:
      case Kind::choice:
      case Kind::address: return set(setting, text, "", where);
      case Kind::text_list:
      case Kind::address_list: return set(setting, split(text), "", where);
      case Kind::whole_list:
        return set(setting, parse_value(fmt::format("[{}]", text), setting.kind), fmt::format("\"{}\"", text),
                   where);
      default: return set(setting, std::nullopt, fmt::format("\"{}\"", text), where);
    }
  }

  static std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
      const std::size_t comma = std::min(text.find(','), text.size());
      parts.emplace_back(text.substr(0, comma));
      text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return parts;
  }

  // Where the setting was given, for what is wrong with several of them together.
  Place origin(std::string_view path) const {
    const auto found = origins_.find(std::string(path));
    return found == origins_.end() ? Place{std::string(name_)} : found->second;
  }

  std::string_view name_;
  Config config_;
  std::map<std::string, Place> origins_;
  std::vector<Problem> problems_;
};

void Reader::check() {
  const Config& c = config_;
  const auto require = [this](bool fine, std::string_view path, const std::string& what) {
    if (!fine) note(origin(path), fmt::format("{} {}", path, what));
  };
  require(c.feed.group_a != c.feed.group_b, "feed.group_b",
          "is the same as feed.group_a; leave it empty where there is only one feed");
  require(!c.feed.snapshot_server.is_set() || !c.feed.snapshot_user.empty(), "feed.snapshot_user",
          "is empty; the snapshot server asks for a name");
  require(c.feed.snapshot_user.size() <= 6, "feed.snapshot_user",
          "is longer than the 6 characters of the protocol");
  require(c.stream.workers <= c.stream.key_groups, "stream.workers",
          fmt::format("is {}, but {} key groups are not enough to give each of them one", c.stream.workers,
                      c.stream.key_groups));
  require(c.stream.ingest_cpu < 0 ||
              std::ranges::find(c.stream.pin_cpus, static_cast<Count>(c.stream.ingest_cpu)) ==
                  c.stream.pin_cpus.end(),
          "stream.ingest_cpu", "is one of stream.pin_cpus: a worker would stand in the way of the capture");
  require(status_socket(c).size() < 108, "status.socket",
          fmt::format("would be {}, and a Unix domain socket's path has at most 107 bytes",
                      shortened(status_socket(c))));
}

}  // namespace

Result<Config> read(std::string_view text, std::string_view name, std::span<const std::string> overrides) {
  Reader reader(name);
  reader.read_file(text);
  for (const std::string& given : overrides) reader.read_override(given);
  reader.check();
  return reader.finish();
}

}  // namespace tapeline::config
