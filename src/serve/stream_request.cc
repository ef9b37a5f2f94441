#include "serve/stream_request.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include <fmt/format.h>

namespace tapeline::serve {

namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 6> table_names{"book", "bbo", "trades", "bars", "overview", "status"};

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::usage, std::move(message));
}

// A whole number of the object in [least, most], or the one it has if there is none of that name.
Result<void> read_number(const Json& object, const char* name, std::uint64_t least, std::uint64_t most,
                         std::uint64_t& value) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() < least ||
      found->get<std::uint64_t>() > most)
    return refuse(fmt::format("{} must be a whole number from {} to {}", name, least, most));
  value = found->get<std::uint64_t>();
  return {};
}

// Texts of one name, which may be a single text, too.
Result<std::vector<std::string>> read_texts(const Json& object, const char* name, std::size_t most) {
  std::vector<std::string> texts;
  const auto found = object.find(name);
  if (found == object.end()) return texts;
  if (found->is_string()) return std::vector{found->get<std::string>()};
  if (!found->is_array() || found->size() > most)
    return refuse(fmt::format("{} must be a list of at most {} texts", name, most));
  for (const Json& text : *found) {
    if (!text.is_string()) return refuse(fmt::format("{} must be a list of texts", name));
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

Result<void> read_tables(const Json& object, StreamRequest& request) {
  const Result<std::vector<std::string>> names = read_texts(object, "tables", table_names.size());
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    const auto* const found = std::ranges::find(table_names, name);
    if (found == table_names.end())
      return refuse("tables may be book, bbo, trades, bars, overview and status");
    const auto table = static_cast<StreamTable>(found - table_names.begin());
    if (std::ranges::find(request.tables, table) == request.tables.end()) request.tables.push_back(table);
  }
  if (request.tables.empty()) return refuse("tables must name at least one table");
  return {};
}

Result<void> read_symbols(const Json& object, StreamRequest& request) {
  const Result<std::vector<std::string>> names = read_texts(object, "symbols", StreamRequest::most_symbols);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (name.empty() || name.size() > sizeof(Symbol) || !is_printable(name))
      return refuse("a symbol has 1 to 8 printable characters");
    const Symbol symbol(name);
    if (std::ranges::find(request.symbols, symbol) == request.symbols.end())
      request.symbols.push_back(symbol);
  }
  if (request.symbols.empty() && std::ranges::any_of(request.tables, is_by_symbol))
    return refuse("symbols must name at least one symbol for the tables book, bbo, trades and bars");
  return {};
}

Result<void> read_options(const Json& object, StreamRequest& request) {
  std::uint64_t depth = request.depth;
  std::uint64_t seconds = request.bar_seconds;
  std::uint64_t rows = request.rows;
  if (Result<void> done = read_number(object, "depth", 1, 100, depth); !done) return done;
  if (Result<void> done = read_number(object, "bar_seconds", 1, 60, seconds); !done) return done;
  if (Result<void> done = read_number(object, "rows", 1, StreamRequest::most_rows, rows); !done) return done;
  if (seconds != 1 && seconds != 60) return refuse("bar_seconds is 1 or 60");
  request.depth = depth;
  request.bar_seconds = static_cast<std::uint32_t>(seconds);
  request.rows = rows;
  const auto format = object.find("format");
  if (format != object.end()) {
    if (*format != "json" && *format != "binary") return refuse("format is json or binary");
    request.format = *format == "binary" ? StreamFormat::binary : StreamFormat::json;
  }
  const auto filter = object.find("filter");
  if (filter != object.end()) {
    if (!filter->is_string()) return refuse("filter must be a text");
    request.filter = filter->get<std::string>();
    if (request.filter.size() > sizeof(Symbol) || !is_printable(request.filter))
      return refuse("filter has at most 8 printable characters");
  }
  return read_number(object, "interval_ms", StreamRequest::least_interval_ms, StreamRequest::most_interval_ms,
                     request.interval_ms);
}

}  // namespace

std::string_view to_string(StreamTable table) {
  return table_names[static_cast<std::size_t>(table)];
}

Result<StreamRequest> parse_stream_request(std::string_view text) {
  // Nothing that is asked is deeper than two; the library itself does not care.
  bool too_deep = false;
  const auto limit = [&too_deep](int depth, Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > 4;
    return !too_deep;
  };
  const Json object = Json::parse(text, limit, false);
  if (object.is_discarded() && !too_deep) return fail(ErrorCode::corrupt, "the request is no JSON");
  if (!object.is_object()) return refuse("a request is a JSON object");
  const auto op = object.find("op");
  if (op == object.end() || !op->is_string()) return refuse("op must be subscribe, unsubscribe or ping");
  StreamRequest request;
  if (Result<void> done = read_number(object, "id", 0, UINT32_MAX, request.id); !done)
    return std::unexpected(done.error());
  const auto& name = op->get_ref<const std::string&>();
  if (name == "ping") return request;
  if (!object.contains("id")) return refuse("id must be a whole number that names the subscription");
  if (name == "unsubscribe") {
    request.kind = StreamRequest::Kind::unsubscribe;
    return request;
  }
  if (name != "subscribe") return refuse("op must be subscribe, unsubscribe or ping");
  request.kind = StreamRequest::Kind::subscribe;
  if (Result<void> done = read_tables(object, request); !done) return std::unexpected(done.error());
  if (Result<void> done = read_symbols(object, request); !done) return std::unexpected(done.error());
  if (Result<void> done = read_options(object, request); !done) return std::unexpected(done.error());
  return request;
}

std::uint64_t id_of_request(std::string_view text) {
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return 0;
  const auto id = object.find("id");
  return id != object.end() && id->is_number_unsigned() ? id->get<std::uint64_t>() : 0;
}

}  // namespace tapeline::serve
