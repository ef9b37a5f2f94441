#pragma once

#include <cstddef>
#include <cstdint>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "serve/ring.h"

namespace tapeline::serve {

// One window of a symbol: what traded in it, and how the best prices moved. Prices are 0 where nothing
// traded.
struct FlowBar {
  std::uint32_t start_s;  // Since the exchange's midnight.
  Price open;
  Price high;
  Price low;
  Price close;
  std::uint32_t trades;
  std::uint64_t volume;  // Printable trades, as in the table `bars`.
  std::uint64_t buy_volume;
  std::uint64_t sell_volume;
  double notional;          // Price ticks times shares: whole numbers, exact up to 2^53.
  double spread_ns;         // Price ticks times nanoseconds, while both sides were there.
  std::uint64_t quoted_ns;  // How long they were, in what has passed of the window.
  std::int64_t order_flow;  // Shares; see note_bbo().
  std::uint64_t sequence;   // Of the last trade or change of the best prices.
  Quality quality;          // Of any moment of it.

  [[nodiscard]] double vwap() const {  // In dollars; no number where nothing traded.
    return notional / static_cast<double>(volume) / Price::per_dollar;
  }
  [[nodiscard]] double mean_spread() const {
    return spread_ns / static_cast<double>(quoted_ns) / Price::per_dollar;
  }
};
static_assert(sizeof(FlowBar) == 96);

// The newest windows of one symbol in which something traded or the best prices changed.
class FlowBars {
 public:
  FlowBars(std::uint32_t width_s, std::size_t limit) : width_s_(width_s), bars_(limit) {}

  void note_trade(EventTime time, Sequence sequence, const book::TradeReport& trade, Quality quality);

  // Order flow imbalance of Cont, Kukanov and Stoikov (2014): what a change adds to the best bid or takes
  // from the best ask counts as buying, the reverse as selling.
  void note_bbo(EventTime time, Sequence sequence, const book::Bbo& before, const book::Bbo& after,
                Quality quality);

  // Takes in how long the last quote has stood by now.
  void settle(EventTime now);

  [[nodiscard]] const Ring<FlowBar>& bars() const { return bars_; }
  [[nodiscard]] std::uint32_t width_s() const { return width_s_; }

 private:
  FlowBar& bar_at(EventTime time);

  std::uint32_t width_s_;
  Ring<FlowBar> bars_;
  EventTime since_{0};  // The quote has been counted up to here.
  Price bid_{};
  Price ask_{};
};

}  // namespace tapeline::serve
