#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "book/book_types.h"
#include "book/order_books.h"
#include "market/event.h"
#include "surveillance/alert.h"
#include "surveillance/parameters.h"
#include "surveillance/surveillance.h"

namespace tapeline::surveillance {

// An episode that was planted: a line of the simulator's truth (docs/formats/simulator_truth.md).
struct TruthEpisode {
  std::string kind;  // A detector's name, or another for what no detector should tell.
  Locate locate{};
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
};

// Fails (corrupt) with the line that is no episode.
[[nodiscard]] Result<std::vector<TruthEpisode>> parse_truth(std::string_view json_lines);

// The score from which a detector tells, in its parameters.
[[nodiscard]] double& threshold_of(Parameters& parameters, Detector detector);

// One detector at one threshold.
struct CurvePoint {
  double threshold = 0;
  std::uint64_t alerts = 0;
  std::uint64_t true_alerts = 0;  // Of an episode of their own kind.
  std::uint64_t episodes = 0;
  std::uint64_t found = 0;         // Episodes that an alert was about.
  std::uint64_t clean_alerts = 0;  // On the clean feed, where each is false.
  double clean_per_million = 0;    // Of its messages.

  // 1 where nothing was told, and so nothing wrong.
  [[nodiscard]] double precision() const {
    return alerts == 0 ? 1 : static_cast<double>(true_alerts) / static_cast<double>(alerts);
  }
  [[nodiscard]] double recall() const {
    return episodes == 0 ? 0 : static_cast<double>(found) / static_cast<double>(episodes);
  }
  // The harmonic mean of the two.
  [[nodiscard]] double f1() const {
    const double sum = precision() + recall();
    return sum == 0 ? 0 : 2 * precision() * recall() / sum;
  }
};
// By rising threshold.
using Curve = std::vector<CurvePoint>;

// Runs every detector at many thresholds at once over one feed: from an eighth to eight times those of the
// parameters, a quarter of an octave apart. Each is the operator itself with that threshold; nothing is
// derived from another's scores. Handed to OrderBooks::apply as its handler.
class EvaluationRun : public book::NullBookHandler {
 public:
  static constexpr int steps = 12;  // Either way, of a quarter of an octave.
  static constexpr std::size_t threshold_count = 2 * steps + 1;

  EvaluationRun(const Parameters& parameters, const book::OrderBooks& books);

  void on_event_begin(const Event&) { ++messages_; }
  void on_order(const Event& event, const book::OrderChange& change) {
    for (One& one : all_) one.detectors->on_order(context(event), event.kind, change, books_, one);
  }
  void on_bbo(const Event& event, const book::Bbo& before, const book::Bbo& after, Quality) {
    for (One& one : all_) one.detectors->on_bbo(context(event), before, after, books_, one);
  }
  void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo& prevailing, Quality) {
    for (One& one : all_) one.detectors->on_trade(context(event), trade, prevailing, books_, one);
  }

  [[nodiscard]] std::uint64_t messages() const { return messages_; }
  [[nodiscard]] double factor(std::size_t step) const { return all_[step].factor; }
  [[nodiscard]] const std::vector<AlertRow>& alerts(std::size_t step) const { return all_[step].alerts; }

 private:
  struct One {
    double factor;
    std::unique_ptr<Surveillance> detectors;
    std::vector<AlertRow> alerts;
    void emit(const AlertRow& row) { alerts.push_back(row); }
  };
  static stream::Context context(const Event& event) {
    return {event.locate, event.sequence, event.time, event.captured, Quality::good};
  }

  const book::OrderBooks& books_;
  std::vector<One> all_;
  std::uint64_t messages_ = 0;
};

// The curve of each detector. An alert is true where it shares messages with an episode of its own kind and
// symbol; an alert about an episode of another kind is false. `clean`, of the same parameters, may be null.
[[nodiscard]] std::array<Curve, detector_count> curves_of(const Parameters& parameters,
                                                          const EvaluationRun& run,
                                                          const std::vector<TruthEpisode>& truth,
                                                          const EvaluationRun* clean);

// The point to choose: of those with at most so many false alerts per million clean messages the one of the
// highest F1, and of these the one of the highest threshold, as real flow is less even than what is
// generated. The last point if none has so few.
[[nodiscard]] const CurvePoint& best_point(const Curve& curve, double most_clean_per_million);

// A picture of the curves: precision over recall, and false alerts over recall, a row for each detector; the
// point at `chosen` thresholds is marked.
[[nodiscard]] std::string curves_svg(const std::array<Curve, detector_count>& curves,
                                     const std::array<double, detector_count>& chosen);
[[nodiscard]] std::string curves_csv(const std::array<Curve, detector_count>& curves);

}  // namespace tapeline::surveillance
