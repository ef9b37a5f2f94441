#include "estimation/mid_sampler.h"

#include <algorithm>
#include <limits>

#include "analytics/natural_log.h"

namespace tapeline::estimation {

MidSampler::MidSampler(const std::vector<std::string>& symbols, std::uint64_t step_ns)
    : symbols_(symbols),
      step_ns_(step_ns),
      joins_(symbols.size(), Join(most_waiting)),
      samples_(symbols.size()) {}

void MidSampler::add(const analytics::BboRow& row) {
  const auto at = std::find(symbols_.begin(), symbols_.end(), row.symbol.view());
  if (at == symbols_.end() || too_long_) return;
  if (row.time > newest_) {
    newest_ = row.time;
    advance(newest_);
  }
  const bool known = row.bid_size != 0 && row.ask_size != 0 && row.quality == Quality::good;
  const Quote quote{known ? std::uint64_t{row.bid_price.ticks} + row.ask_price.ticks : 0};
  too_long_ |= !joins_[static_cast<std::size_t>(at - symbols_.begin())].add_right(row.time, quote);
}

void MidSampler::finish(EventTime last) {
  advance(std::max(newest_, last));
}

// Ticks before the watermark have all that they will see.
void MidSampler::advance(EventTime watermark) {
  if (next_tick_ == 0) first_tick_ = next_tick_ = raw(watermark) / step_ns_ + 1;
  while (!too_long_ && next_tick_ * step_ns_ < raw(watermark)) {
    if (next_tick_ - first_tick_ >= most_ticks) too_long_ = true;
    // Some ticks at a time, so that a quiet hour needs no room.
    const std::uint64_t end =
        std::min(next_tick_ + most_waiting / 2, (raw(watermark) + step_ns_ - 1) / step_ns_);
    for (std::size_t i = 0; i < joins_.size(); ++i) {
      for (std::uint64_t tick = next_tick_; tick < end; ++tick)
        too_long_ |= !joins_[i].add_left(EventTime{tick * step_ns_}, tick);
      joins_[i].advance(
          EventTime{(end - 1) * step_ns_ + 1}, [&](EventTime, std::uint64_t, const Quote* quote) {
            samples_[i].push_back(quote != nullptr && quote->twice_mid != 0
                                      ? analytics::natural_log(static_cast<double>(quote->twice_mid))
                                      : std::numeric_limits<double>::quiet_NaN());
          });
    }
    next_tick_ = end;
  }
  // What no tick to come will see is forgotten.
  for (Join& join : joins_) join.advance(watermark, [](EventTime, std::uint64_t, const Quote*) {});
}

}  // namespace tapeline::estimation
