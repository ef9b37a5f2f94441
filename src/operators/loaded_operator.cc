#include "operators/loaded_operator.h"

#include <algorithm>
#include <exception>

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analytics/columns.h"
#include "table/describe.h"

namespace tapeline::operators {

namespace {

constexpr std::size_t max_row_bytes = 4'096;
constexpr std::size_t max_name_length = 63;

std::span<const table::Column> key_columns() {
  // The columns stand at the front of every row, whatever follows.
  static const std::array columns{
      COLUMN(RowKey, sequence, u64, "",
             "Position in the session of the last message that the row comes from."),
      COLUMN(RowKey, time, event_time, "ns", "Exchange time of that message, or the end of the window."),
      COLUMN(RowKey, captured, capture_time, "ns", "When its packet reached us; null for a file."),
      COLUMN(RowKey, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(RowKey, symbol, text8, "", "Ticker symbol."),
      QUALITY_COLUMN(RowKey),
  };
  return columns;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= max_name_length && text.front() >= 'a' && text.front() <= 'z' &&
         std::ranges::all_of(
             text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

Result<Options> parse_options(std::string_view text) {
  std::map<std::string, std::string> given;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view option = text.substr(0, comma);
    const std::size_t equals = option.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      return fail(ErrorCode::usage, fmt::format("'{}' is no option: write NAME=VALUE,NAME=VALUE", option));
    if (!given.emplace(option.substr(0, equals), option.substr(equals + 1)).second)
      return fail(ErrorCode::usage, fmt::format("the option {} is given twice", option.substr(0, equals)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return Options(std::move(given));
}

}  // namespace

Result<void> check_schema(const table::Schema& schema) {
  const auto bad = [&](std::string what) {
    return fail(ErrorCode::usage, fmt::format("the table '{}': {}", schema.name, what));
  };
  if (!is_name(schema.name))
    return bad(fmt::format("a name has a-z, 0-9 and _, begins with a letter and is at most {} long",
                           max_name_length));
  if (schema.row_size > max_row_bytes)
    return bad(
        fmt::format("a row of {} bytes is too large: {} are the limit", schema.row_size, max_row_bytes));
  std::vector<bool> named(schema.row_size);
  const std::size_t reserved = offsetof(RowKey, reserved);
  for (std::size_t i = reserved; i < std::min(schema.row_size, sizeof(RowKey)); ++i) named[i] = true;
  std::set<std::string_view> names;
  for (const table::Column& column : schema.columns) {
    if (!is_name(column.name)) return bad(fmt::format("'{}' is no name of a column", column.name));
    if (!names.insert(column.name).second) return bad(fmt::format("two columns are named {}", column.name));
    const std::size_t size = table::size_of(column.type);
    if (size == 0) return bad(fmt::format("the column {} has a type that does not exist", column.name));
    if (column.type == table::ColumnType::label && column.labels.empty())
      return bad(fmt::format("the column {} has no labels", column.name));
    if (column.offset + size > schema.row_size)
      return bad(fmt::format("the column {} leaves the row of {} bytes", column.name, schema.row_size));
    for (std::size_t i = column.offset; i < column.offset + size; ++i) {
      if (named[i]) return bad(fmt::format("the column {} overlaps another at byte {}", column.name, i));
      named[i] = true;
    }
  }
  const auto unnamed = std::ranges::find(named, false);
  if (unnamed != named.end())
    return bad(
        fmt::format("no column names byte {} of the row, which could so be anything: order the members "
                    "so that there is no padding, or make one wider",
                    unnamed - named.begin()));
  return {};
}

Result<std::shared_ptr<const LoadedOperator>> LoadedOperator::load(std::string_view text) {
  std::shared_ptr<LoadedOperator> loaded(new LoadedOperator());
  loaded->text_ = text;
  const std::size_t name_at = text.rfind('/') == std::string_view::npos ? 0 : text.rfind('/');
  const std::size_t colon = std::min(text.find(':', name_at), text.size());
  // Without a slash the system would look in its own folders.
  std::string path(text.substr(0, colon));
  if (path.find('/') == std::string::npos) path = "./" + path;
  Result<Options> options = parse_options(text.substr(std::min(colon + 1, text.size())));
  if (!options) return fail(options.error().code, fmt::format("{}: {}", text, options.error().message));
  loaded->options_ = std::move(*options);
  loaded->library_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded->library_ == nullptr) {
    const char* const why = ::dlerror();
    return fail(ErrorCode::not_found, fmt::format("cannot load the operator {}: {}", path,
                                                  why == nullptr ? "no reason given" : why));
  }
  loaded->plugin_ = static_cast<const Plugin*>(::dlsym(loaded->library_, plugin_symbol));
  if (loaded->plugin_ == nullptr)
    return fail(ErrorCode::unsupported,
                fmt::format("{} is no library of an operator: it lacks TAPELINE_OPERATOR(Class)", path));
  if (loaded->plugin_->version != Plugin::current_version ||
      std::string_view(loaded->plugin_->compiler) != __VERSION__)
    return fail(ErrorCode::unsupported,
                fmt::format("{} was built for version {} of the interface by compiler {}, this program is of "
                            "version {} by {}: build it again against this Tapeline",
                            path, loaded->plugin_->version, loaded->plugin_->compiler,
                            Plugin::current_version, __VERSION__));
  std::unique_ptr<Operator> first;
  try {
    first = loaded->make();
    if (first == nullptr) throw std::runtime_error("it was not made");
  } catch (const std::exception& error) {
    return fail(ErrorCode::usage, fmt::format("the operator {} cannot be made: {}", text, error.what()));
  }
  for (const auto& [name, value] : loaded->options_.given())
    if (!loaded->options_.asked().contains(name))
      return fail(ErrorCode::usage,
                  fmt::format("{}: there is no option {}; it has {}", text, name,
                              loaded->options_.asked().empty()
                                  ? "none"
                                  : fmt::format("{}", fmt::join(loaded->options_.asked(), ", "))));
  const table::Schema& own = first->schema();
  loaded->columns_.assign(key_columns().begin(), key_columns().end());
  loaded->columns_.insert(loaded->columns_.end(), own.columns.begin(), own.columns.end());
  loaded->schema_ = {own.name, own.description, own.row_size, loaded->columns_};
  if (const Result<void> checked = check_schema(loaded->schema_); !checked)
    return fail(checked.error().code, fmt::format("{}: {}", text, checked.error().message));
  return loaded;
}

LoadedOperator::~LoadedOperator() {
  if (library_ != nullptr) ::dlclose(library_);
}

std::unique_ptr<Operator> LoadedOperator::make() const {
  return plugin_->make(options_);
}

}  // namespace tapeline::operators
