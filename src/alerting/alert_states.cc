#include "alerting/alert_states.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "alerting/conditions.h"

namespace tapeline::alerting {

std::vector<Notification> AlertStates::update(const std::vector<status::Alert>& conditions,
                                              std::uint64_t now_ns, std::uint64_t realtime_ns) {
  std::vector<Notification> told;
  for (const status::Alert& condition : conditions) {
    const auto [found, is_new] = states_.try_emplace(key_of(condition));
    State& state = found->second;
    if (is_new) {
      state.first_seen_ns = now_ns;
      state.told.started_ns = realtime_ns;
    }
    state.last_seen_ns = now_ns;
    state.told.alert = condition;
    state.told.told_ns = realtime_ns;
    state.told.alert.since_ms = (realtime_ns - std::min(realtime_ns, state.told.started_ns)) / 1'000'000;
    if (state.fires || now_ns - state.first_seen_ns < timing_.hold_ns) continue;
    state.fires = true;
    told.push_back(state.told);
  }
  for (auto it = states_.begin(); it != states_.end();) {
    State& state = it->second;
    const bool is_over =
        state.last_seen_ns != now_ns && (!state.fires || now_ns - state.last_seen_ns >= timing_.resolve_ns);
    if (is_over && state.fires) {
      state.told.resolved = true;
      state.told.ended_ns = state.told.told_ns = realtime_ns;
      told.push_back(state.told);
    }
    state.told.told_ns = realtime_ns;
    it = is_over ? states_.erase(it) : std::next(it);
  }
  return told;
}

std::vector<Notification> AlertStates::firing() const {
  std::vector<Notification> firing;
  for (const auto& [key, state] : states_)
    if (state.fires) firing.push_back(state.told);
  return firing;
}

std::string AlertStates::save() const {
  nlohmann::json saved = nlohmann::json::array();
  for (const auto& [key, state] : states_)
    if (state.fires)
      saved.push_back({{"name", state.told.alert.name},
                       {"severity", state.told.alert.severity},
                       {"partition", state.told.alert.partition},
                       {"summary", state.told.alert.summary},
                       {"remedy", state.told.alert.remedy},
                       {"started_ns", state.told.started_ns}});
  return saved.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Result<void> AlertStates::restore(std::string_view saved, std::uint64_t now_ns) {
  try {
    const nlohmann::json list = nlohmann::json::parse(saved);
    if (!list.is_array() || list.size() > most_restored)
      return fail(ErrorCode::corrupt, "it is no list of alerts");
    std::map<std::string, State> states;
    for (const nlohmann::json& entry : list) {
      State state{.first_seen_ns = now_ns, .last_seen_ns = now_ns, .fires = true};
      state.told.alert = {.name = entry.at("name"),
                          .severity = entry.at("severity"),
                          .partition = entry.at("partition"),
                          .summary = entry.at("summary"),
                          .remedy = entry.at("remedy")};
      state.told.started_ns = entry.at("started_ns").get<std::uint64_t>();
      states.emplace(key_of(state.told.alert), std::move(state));
    }
    states_ = std::move(states);
    return {};
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorCode::corrupt, fmt::format("it is no list of alerts: {}", error.what()));
  }
}

}  // namespace tapeline::alerting
