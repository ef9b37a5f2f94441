#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "analytics/bbo_changes.h"
#include "analytics/features.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/as_of_join.h"
#include "stream/interval_join.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct LabelRow {
  EventTime time;
  std::uint64_t sequence;
  std::uint64_t horizon;
  double mid;
  double later_mid;
  double mid_return;
  std::uint32_t bbo_changes;
  Symbol symbol;
  Locate locate;
  FeatureClock clock;
  Quality quality;
};

[[nodiscard]] const table::Schema& labels_schema();

// What became of the mid after each row of features, for research alone: one row for each row of features and
// horizon h, joined to it by locate, clock, time and sequence.
//
//   later mid   = the mid that stood at time + h, changes of that very nanosecond included
//   mid return  = ln(later mid / mid), with the mid of the row of features
//   quality     = the flags of the row of features, and of all changes of the best prices up to time + h
//
// A label is given once the stream has passed time + h and never before; at the end of the input those that
// wait get none. Rows of features and of the best prices are joined as streams, after their operators.
class Labels {
 public:
  static constexpr std::size_t most_horizons = 8;
  static constexpr std::size_t most_waiting = 65'536;  // Of a symbol and horizon, and its changes of prices.

  explicit Labels(std::span<const std::uint64_t> horizons_ns)
      : horizons_ns_(horizons_ns.begin(), horizons_ns.end()) {}

  // In the order in which the operators emit them.
  void add(const FeatureRow& row);
  void add(const BboRow& row);

  // Nothing before the watermark is to come: calls emit(label) for those whose horizon lies before it, by
  // symbol, horizon and time.
  template <class Emit>
  void advance(EventTime watermark, Emit&& emit) {
    watermark_ = std::max(watermark_, watermark);
    for (auto& [locate, horizons] : symbols_)
      for (std::size_t i = 0; i < horizons.size(); ++i) {
        labels_.clear();
        horizons[i].mids.advance(watermark, [&](EventTime, const FeatureRow& row, const Quote* later) {
          labels_.push_back(label(row, horizons_ns_[i], later));
          labels_.back().quality |= horizons[i].lost;
        });
        std::size_t at = 0;
        horizons[i].ways.advance(watermark, [&](EventTime, Nothing, auto quotes) {
          for (const auto& quote : quotes) labels_[at].quality |= quote.value.quality;
          labels_[at++].bbo_changes = static_cast<std::uint32_t>(quotes.size());
        });
        for (const LabelRow& row : labels_) emit(row);
      }
  }

  // Rows of features without a label: they came late, or there was no room for them.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  // Those whose horizon has not passed.
  [[nodiscard]] std::uint64_t waiting() const;

 private:
  struct Nothing {};
  struct Quote {
    std::uint64_t twice_mid;  // 0 where a side is missing.
    Quality quality;
  };
  // One horizon of one symbol: the mid is asked for by an as-of join at the horizon, the flags and changes on
  // the way to it by an interval join. Both answer the same rows, in the order of time.
  struct Horizon {
    explicit Horizon(std::uint64_t ns) : mids(most_waiting), ways(0, ns, most_waiting) {}
    stream::AsOfJoin<FeatureRow, Quote> mids;
    stream::IntervalJoin<Nothing, Quote> ways;
    Quality lost = Quality::good;  // Gapped once there was no room for a change of the best prices.
  };

  std::vector<Horizon>& horizons_of(Locate locate);
  [[nodiscard]] static LabelRow label(const FeatureRow& row, std::uint64_t horizon_ns, const Quote* later);

  std::vector<std::uint64_t> horizons_ns_;
  std::map<Locate, std::vector<Horizon>> symbols_;
  std::vector<LabelRow> labels_;  // Of the advance at hand.
  EventTime watermark_{0};
  std::uint64_t refused_ = 0;
};

}  // namespace tapeline::analytics
