#include "serve/rest_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "market/event_time_text.h"
#include "serve/market_json.h"

namespace tapeline::serve {

namespace {

using Parameter = std::pair<std::string, std::string>;
constexpr std::size_t most_parameters = 16;

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') return static_cast<std::uint8_t>(lower - 'a' + 10);
  return std::nullopt;
}

// Undoes percent-encoding; nothing where it is none.
std::optional<std::string> decoded(std::string_view text, bool is_query) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && is_query) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const auto high = hex_digit(text[i + 1]);
      const auto low = hex_digit(text[i + 2]);
      if (!high || !low) return std::nullopt;
      out += static_cast<char>(*high << 4 | *low);
      i += 2;
    }
  }
  return out;
}

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::usage, std::move(message));
}

Result<std::vector<Parameter>> parameters_of(std::string_view query) {
  std::vector<Parameter> all;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
    if (one.empty()) continue;
    const std::size_t equals = std::min(one.find('='), one.size());
    const auto name = decoded(one.substr(0, equals), true);
    const auto value = decoded(one.substr(std::min(equals + 1, one.size())), true);
    if (!name || !value || all.size() == most_parameters) return refuse("the query of the URL is malformed");
    all.emplace_back(*name, *value);
  }
  return all;
}

Result<std::uint64_t> number_of(const Parameter& from, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const char* end = from.second.data() + from.second.size();
  const auto [stop, error] = std::from_chars(from.second.data(), end, value);
  if (error != std::errc{} || stop != end || value < least || value > most)
    return refuse(fmt::format("{} must be a whole number from {} to {}", from.first, least, most));
  return value;
}

// "10:30:00.5", or nanoseconds since midnight.
Result<EventTime> time_of(const Parameter& from) {
  if (const auto time = parse_event_time(from.second)) return *time;
  if (const auto ns = number_of(from, 0, nanoseconds_per_day)) return EventTime{*ns};
  return refuse(
      fmt::format("{} must be a time of day such as 09:31:00.123456789, or nanoseconds since "
                  "midnight",
                  from.first));
}

Result<void> take(const Parameter& from, RestRequest& request) {
  const auto store = [](const auto& found, auto& to) -> Result<void> {
    if (!found) return std::unexpected(found.error());
    to = static_cast<std::remove_cvref_t<decltype(to)>>(*found);
    return {};
  };
  if (from.first == "levels") return store(number_of(from, 1, most_levels), request.levels);
  if (from.first == "limit") return store(number_of(from, 1, 65'536), request.limit);
  if (from.first == "width") {
    if (Result<void> done = store(number_of(from, 1, 60), request.bar_seconds); !done) return done;
    return request.bar_seconds == 1 || request.bar_seconds == 60 ? Result<void>{}
                                                                 : refuse("width is 1 or 60 seconds");
  }
  if (from.first == "sequence") return store(number_of(from, 0, UINT64_MAX), request.sequence);
  if (from.first == "at") return store(time_of(from), request.at);
  if (from.first == "from") return store(time_of(from), request.from);
  if (from.first == "to") return store(time_of(from), request.to);
  if (from.first == "step_ms") {
    const Result<std::uint64_t> ms = number_of(from, 1, 3'600'000);
    if (!ms) return std::unexpected(ms.error());
    request.step_ns = *ms * 1'000'000;
    return {};
  }
  if (from.first == "filter") {
    request.filter = from.second;
    return {};
  }
  return refuse(fmt::format("there is no parameter {}; /openapi.json has those that there are", from.first));
}

Result<void> check(const RestRequest& request) {
  if (request.at && request.sequence) return refuse("a book is of one moment: give at or sequence, not both");
  if (request.kind != RestRequest::Kind::replay) return {};
  if (request.step_ns == 0 || request.to < request.from)
    return refuse("a replay needs from, to and step_ms, and to is not before from");
  if ((raw(request.to) - raw(request.from)) / request.step_ns >= RestRequest::most_frames)
    return refuse(fmt::format("a replay has at most {} frames: a longer step or a shorter time",
                              RestRequest::most_frames));
  return {};
}

struct Route {
  std::string_view path;
  RestRequest::Kind kind;
};
constexpr std::array<Route, 6> routes{{{"/healthz", RestRequest::Kind::health},
                                       {"/readyz", RestRequest::Kind::ready},
                                       {"/metrics", RestRequest::Kind::metrics},
                                       {"/v1/symbols", RestRequest::Kind::symbols},
                                       {"/v1/status", RestRequest::Kind::status},
                                       {"/v1/alerts", RestRequest::Kind::alerts}}};
constexpr std::array<Route, 4> symbol_routes{{{"/v1/books/", RestRequest::Kind::book},
                                              {"/v1/trades/", RestRequest::Kind::trades},
                                              {"/v1/bars/", RestRequest::Kind::bars},
                                              {"/v1/replay/", RestRequest::Kind::replay}}};

// "/v1/alerts/0123456789abcdef/evidence"
bool is_evidence(std::string_view path, RestRequest& request) {
  constexpr std::string_view before = "/v1/alerts/";
  constexpr std::string_view behind = "/evidence";
  constexpr std::size_t digits = 16;
  if (path.size() != before.size() + digits + behind.size() || !path.starts_with(before) ||
      !path.ends_with(behind))
    return false;
  const char* const first = path.data() + before.size();
  const auto [end, error] = std::from_chars(first, first + digits, request.alert, 16);
  request.kind = RestRequest::Kind::evidence;
  return error == std::errc{} && end == first + digits;
}

Result<void> find_route(std::string_view path, RestRequest& request) {
  for (const Route& route : routes)
    if (path == route.path) {
      request.kind = route.kind;
      return {};
    }
  if (is_evidence(path, request)) return {};
  for (const Route& route : symbol_routes) {
    if (!path.starts_with(route.path)) continue;
    const auto symbol = decoded(path.substr(route.path.size()), false);
    if (!symbol || symbol->empty() || symbol->size() > sizeof(Symbol) ||
        symbol->find('/') != std::string::npos)
      return fail(ErrorCode::not_found, "that is no symbol: it has 1 to 8 characters");
    request.kind = route.kind;
    request.symbol = *symbol;
    return {};
  }
  if (path.starts_with("/v1/"))
    return fail(ErrorCode::not_found, "there is nothing of that name; /openapi.json says what there is");
  request.path = path;
  return {};
}

}  // namespace

Result<RestRequest> parse_rest_request(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  RestRequest request;
  if (Result<void> done = find_route(path, request); !done) return std::unexpected(done.error());
  if (request.kind == RestRequest::Kind::asset) return request;  // Links may carry anything behind a '?'.
  const Result<std::vector<Parameter>> parameters =
      parameters_of(path.size() < target.size() ? target.substr(path.size() + 1) : "");
  if (!parameters) return std::unexpected(parameters.error());
  for (const Parameter& parameter : *parameters)
    if (Result<void> done = take(parameter, request); !done) return std::unexpected(done.error());
  if (Result<void> done = check(request); !done) return std::unexpected(done.error());
  return request;
}

}  // namespace tapeline::serve
