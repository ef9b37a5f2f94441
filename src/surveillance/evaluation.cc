#include "surveillance/evaluation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include <fmt/format.h>

#include "base/check.h"

namespace tapeline::surveillance {

namespace {

std::optional<TruthEpisode> episode_of(std::string_view line) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto number = [&](const char* key, std::uint64_t most) -> std::optional<std::uint64_t> {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > most)
      return std::nullopt;
    return found->get<std::uint64_t>();
  };
  const auto kind = json.find("kind");
  const auto locate = number("locate", 65'535);
  const auto first = number("first_sequence", UINT64_MAX);
  const auto last = number("last_sequence", UINT64_MAX);
  if (kind == json.end() || !kind->is_string() || !locate || !first || !last || *last < *first)
    return std::nullopt;
  return TruthEpisode{kind->get<std::string>(), Locate{static_cast<std::uint16_t>(*locate)}, *first, *last};
}

// Episodes of one kind by locate.
using Episodes = std::multimap<Locate, std::pair<const TruthEpisode*, bool>>;

void count(CurvePoint& point, const std::vector<AlertRow>& alerts, Detector detector, Episodes episodes) {
  point.episodes = episodes.size();
  for (const AlertRow& alert : alerts) {
    if (alert.detector != detector) continue;
    ++point.alerts;
    bool is_true = false;
    const auto [begin, end] = episodes.equal_range(alert.locate);
    for (auto it = begin; it != end; ++it) {
      auto& [episode, is_found] = it->second;
      if (alert.first_sequence > episode->last_sequence || alert.last_sequence < episode->first_sequence)
        continue;
      is_true = is_found = true;
    }
    point.true_alerts += is_true;
  }
  for (const auto& [locate, episode] : episodes) point.found += episode.second;
}

}  // namespace

Result<std::vector<TruthEpisode>> parse_truth(std::string_view json_lines) {
  std::vector<TruthEpisode> episodes;
  for (std::size_t line = 1; !json_lines.empty(); ++line) {
    const std::string_view text = json_lines.substr(0, json_lines.find('\n'));
    json_lines.remove_prefix(std::min(json_lines.size(), text.size() + 1));
    if (text.empty()) continue;
    std::optional<TruthEpisode> episode = episode_of(text);
    if (!episode)
      return fail(ErrorCode::corrupt,
                  fmt::format("line {} is no episode of a truth file, as `tapeline generate "
                              "--truth` writes it",
                              line));
    episodes.push_back(std::move(*episode));
  }
  return episodes;
}

double& threshold_of(Parameters& parameters, Detector detector) {
  switch (detector) {
    case Detector::spoofing: return parameters.spoofing_threshold;
    case Detector::layering: return parameters.layering_threshold;
    case Detector::quote_stuffing: return parameters.stuffing_threshold;
    case Detector::momentum_ignition: return parameters.ignition_threshold;
    case Detector::marking_the_close: return parameters.close_threshold;
    case Detector::wash_trading: return parameters.wash_threshold;
  }
  CHECK(false);
}

EvaluationRun::EvaluationRun(const Parameters& parameters, const book::OrderBooks& books) : books_(books) {
  for (int step = -steps; step <= steps; ++step) {
    const double factor = std::exp2(step / 4.0);
    Parameters scaled = parameters;
    for (std::size_t i = 0; i < detector_count; ++i) threshold_of(scaled, static_cast<Detector>(i)) *= factor;
    all_.push_back({factor, std::make_unique<Surveillance>(scaled), {}});
  }
}

std::array<Curve, detector_count> curves_of(const Parameters& parameters, const EvaluationRun& run,
                                            const std::vector<TruthEpisode>& truth,
                                            const EvaluationRun* clean) {
  std::array<Curve, detector_count> curves;
  Parameters base = parameters;
  for (std::size_t i = 0; i < detector_count; ++i) {
    const auto detector = static_cast<Detector>(i);
    Episodes episodes;
    for (const TruthEpisode& episode : truth)
      if (episode.kind == to_string(detector)) episodes.insert({episode.locate, {&episode, false}});
    for (std::size_t step = 0; step < EvaluationRun::threshold_count; ++step) {
      CurvePoint point;
      point.threshold = threshold_of(base, detector) * run.factor(step);
      count(point, run.alerts(step), detector, episodes);
      if (clean != nullptr) {
        point.clean_alerts = static_cast<std::uint64_t>(
            std::ranges::count(clean->alerts(step), detector, &AlertRow::detector));
        point.clean_per_million = static_cast<double>(point.clean_alerts) * 1e6 /
                                  static_cast<double>(std::max<std::uint64_t>(clean->messages(), 1));
      }
      curves[i].push_back(point);
    }
  }
  return curves;
}

const CurvePoint& best_point(const Curve& curve, double most_clean_per_million) {
  CHECK(!curve.empty());
  const CurvePoint* best = nullptr;
  for (const CurvePoint& point : curve) {
    if (point.clean_per_million > most_clean_per_million) continue;
    if (best == nullptr || point.f1() >= best->f1()) best = &point;
  }
  return best == nullptr ? curve.back() : *best;
}

std::string curves_csv(const std::array<Curve, detector_count>& curves) {
  std::string text =
      "detector,threshold,alerts,true_alerts,episodes,found,precision,recall,f1,clean_alerts,clean_per_"
      "million\n";
  for (std::size_t i = 0; i < detector_count; ++i)
    for (const CurvePoint& point : curves[i])
      text += fmt::format("{},{:.6g},{},{},{},{},{:.4f},{:.4f},{:.4f},{},{:.4f}\n", detector_names[i],
                          point.threshold, point.alerts, point.true_alerts, point.episodes, point.found,
                          point.precision(), point.recall(), point.f1(), point.clean_alerts,
                          point.clean_per_million);
  return text;
}

}  // namespace tapeline::surveillance
