#include "analytics/microprice_model.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace tapeline::analytics {

namespace {

constexpr std::size_t most_bytes = 1 << 20;

std::unexpected<Error> wrong(const std::string& what) {
  return fail(ErrorCode::corrupt,
              fmt::format("this is no microprice model of `tapeline fit microprice`: {}", what));
}

}  // namespace

std::string to_json(const MicropriceModel& model) {
  std::string text = fmt::format(
      "{{\n  \"model\": \"microprice\",\n  \"version\": 1,\n  \"imbalance_buckets\": {},\n  \"spreads\": "
      "{},\n"
      "  \"tick\": {},\n  \"transitions\": {},\n  \"states\": [\n",
      model.imbalance_buckets, model.spreads, model.tick.ticks, model.transitions);
  for (std::uint32_t state = 0; state < model.state_count(); ++state) {
    const double g = model.adjustments[state];
    text +=
        fmt::format("    {{\"spread\": {}, \"imbalance\": {}, \"adjustment\": {}, \"observations\": {}}}{}\n",
                    state / model.imbalance_buckets + 1, state % model.imbalance_buckets,
                    std::isnan(g) ? "null" : fmt::format("{}", g), model.observations[state],
                    state + 1 < model.state_count() ? "," : "");
  }
  return text + "  ]\n}\n";
}

Result<MicropriceModel> parse_microprice_model(std::string_view json) {
  const nlohmann::json root = nlohmann::json::parse(json, nullptr, false);
  const auto number = [](const nlohmann::json& object, const char* name) -> std::uint64_t {
    const auto at = object.find(name);
    return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
  };
  if (!root.is_object() || root.find("model") == root.end() || root["model"] != "microprice")
    return wrong("it does not say \"model\": \"microprice\"");
  if (number(root, "version") != 1) return wrong("its version is not 1");
  MicropriceModel model;
  const std::uint64_t buckets = number(root, "imbalance_buckets");
  const std::uint64_t spreads = number(root, "spreads");
  const std::uint64_t tick = number(root, "tick");
  if (buckets % 2 == 0 || buckets > MicropriceModel::most_buckets)
    return wrong(fmt::format("imbalance_buckets must be odd and at most {}", MicropriceModel::most_buckets));
  if (spreads == 0 || spreads > MicropriceModel::most_spreads)
    return wrong(fmt::format("spreads must be 1 to {}", MicropriceModel::most_spreads));
  if (tick == 0 || tick > Price::per_dollar) return wrong("tick must be 1 to 10000");
  model.imbalance_buckets = static_cast<std::uint32_t>(buckets);
  model.spreads = static_cast<std::uint32_t>(spreads);
  model.tick = Price{static_cast<std::uint32_t>(tick)};
  model.transitions = number(root, "transitions");
  const auto states = root.find("states");
  if (states == root.end() || !states->is_array() || states->size() != model.state_count())
    return wrong(fmt::format("it must have {} states", model.state_count()));
  for (const nlohmann::json& state : *states) {
    if (!state.is_object()) return wrong("a state is no object");
    const std::size_t at = model.adjustments.size();
    if (number(state, "spread") != at / buckets + 1 || state.find("imbalance") == state.end() ||
        number(state, "imbalance") != at % buckets)
      return wrong("its states are not in order");
    const auto g = state.find("adjustment");
    if (g == state.end() || !(g->is_null() || g->is_number())) return wrong("a state has no adjustment");
    const double ticks = g->is_null() ? std::numeric_limits<double>::quiet_NaN() : g->get<double>();
    if (std::abs(ticks) > 1e6) return wrong("an adjustment is beyond a million ticks");
    model.adjustments.push_back(ticks);
    model.observations.push_back(number(state, "observations"));
  }
  return model;
}

Result<MicropriceModel> read_microprice_model(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return fail(
        ErrorCode::not_found,
        fmt::format("{}: cannot be opened; `tapeline fit microprice FILE -o {}` makes a model", path, path));
  std::string text(most_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad()) return fail(ErrorCode::io, fmt::format("{}: cannot be read", path));
  if (text.size() > most_bytes)
    return fail(ErrorCode::corrupt, fmt::format("{}: too large for a model", path));
  Result<MicropriceModel> model = parse_microprice_model(text);
  if (!model) return fail(model.error().code, fmt::format("{}: {}", path, model.error().message));
  return model;
}

}  // namespace tapeline::analytics
