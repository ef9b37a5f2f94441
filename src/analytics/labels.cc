#include "analytics/labels.h"

#include <array>
#include <cmath>
#include <limits>

#include "analytics/columns.h"
#include "analytics/natural_log.h"

namespace tapeline::analytics {

const table::Schema& labels_schema() {
  static constexpr std::array<std::string_view, 2> clocks{"time", "events"};
  static const std::array columns{
      table::Column{"clock", table::ColumnType::label, offsetof(LabelRow, clock), "",
                    "Of the row of features that it belongs to, as the next three.", clocks},
      COLUMN(LabelRow, time, event_time, "ns", "Time of that row."),
      COLUMN(LabelRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(LabelRow, sequence, u64, "", "Sequence of that row."),
      COLUMN(LabelRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(LabelRow, horizon, u64, "ns", "How much later the mid was looked at."),
      COLUMN(LabelRow, mid, price_f64, "dollars", "Mid of the row of features."),
      COLUMN(LabelRow, later_mid, price_f64, "dollars", "Mid one horizon later; null if one-sided then."),
      COLUMN(LabelRow, mid_return, f64, "", "ln(later_mid / mid); null without either."),
      COLUMN(LabelRow, bbo_changes, u32, "",
             "Changes of the best prices from time to the horizon, both included."),
      QUALITY_COLUMN(LabelRow),
  };
  static const table::Schema schema{
      "labels", "What became of the mid after each row of features: for research, never live.",
      sizeof(LabelRow), columns};
  return schema;
}

std::vector<Labels::Horizon>& Labels::horizons_of(Locate locate) {
  std::vector<Horizon>& horizons = symbols_[locate];
  if (horizons.empty())
    for (const std::uint64_t ns : horizons_ns_) horizons.emplace_back(ns);
  return horizons;
}

void Labels::add(const FeatureRow& row) {
  std::vector<Horizon>& horizons = horizons_of(row.locate);
  for (std::size_t i = 0; i < horizons.size(); ++i) {
    if (row.time < watermark_ || !horizons[i].ways.add_left(row.time, Nothing{}) ||
        !horizons[i].mids.add_left(EventTime{raw(row.time) + horizons_ns_[i]}, row))
      ++refused_;
  }
}

void Labels::add(const BboRow& row) {
  const bool two_sided = row.bid_size != 0 && row.ask_size != 0;
  const Quote quote{two_sided ? std::uint64_t{row.bid_price.ticks} + row.ask_price.ticks : 0, row.quality};
  for (Horizon& horizon : horizons_of(row.locate)) {
    if (!horizon.mids.add_right(row.time, quote) || !horizon.ways.add_right(row.time, quote))
      horizon.lost = Quality::gapped;
  }
}

std::uint64_t Labels::waiting() const {
  std::uint64_t count = 0;
  for (const auto& [locate, horizons] : symbols_)
    for (const Horizon& horizon : horizons) count += horizon.mids.waiting();
  return count;
}

LabelRow Labels::label(const FeatureRow& row, std::uint64_t horizon_ns, const Quote* later) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  LabelRow label{};
  label.time = row.time;
  label.sequence = row.sequence;
  label.horizon = horizon_ns;
  label.mid = row.mid;
  label.later_mid = label.mid_return = none;
  if (later != nullptr && later->twice_mid != 0) {
    label.later_mid = static_cast<double>(later->twice_mid) / 2 / Price::per_dollar;
    if (!std::isnan(row.mid)) label.mid_return = log_ratio(label.later_mid, row.mid);
  }
  label.symbol = row.symbol;
  label.locate = row.locate;
  label.clock = row.clock;
  label.quality = row.quality;
  return label;
}

}  // namespace tapeline::analytics
