#include "serve/flow_bars.h"

#include <algorithm>

namespace tapeline::serve {

namespace {

std::int64_t order_flow_of(const book::Bbo& before, const book::Bbo& after) {
  // A side that is empty has size 0, and any price is better than none.
  const auto size = [](std::uint64_t shares) { return static_cast<std::int64_t>(shares); };
  std::int64_t flow = 0;
  if (after.bid >= before.bid) flow += size(after.bid_shares);
  if (after.bid <= before.bid) flow -= size(before.bid_shares);
  const auto ask = [](const book::Bbo& bbo) { return bbo.ask_shares == 0 ? Price{UINT32_MAX} : bbo.ask; };
  if (ask(after) <= ask(before)) flow -= size(after.ask_shares);
  if (ask(after) >= ask(before)) flow += size(before.ask_shares);
  return flow;
}

}  // namespace

// The quote counts up to the end of the newest window; what lies between it and a later one has no bar.
void FlowBars::settle(EventTime now) {
  if (bars_.empty()) return;
  FlowBar& bar = bars_.back();
  const std::uint64_t start = std::uint64_t{bar.start_s} * nanoseconds_per_second;
  const std::uint64_t end = start + std::uint64_t{width_s_} * nanoseconds_per_second;
  const std::uint64_t from = std::max(raw(since_), start);
  const std::uint64_t to = std::min(raw(now), end);
  since_ = std::max(since_, EventTime{to});
  if (from >= to || bid_.ticks == 0 || ask_.ticks == 0) return;
  const std::uint32_t spread = ask_ > bid_ ? ask_.ticks - bid_.ticks : 0;
  bar.quoted_ns += to - from;
  bar.spread_ns += static_cast<double>(spread) * static_cast<double>(to - from);
}

// Late events count in the newest window.
FlowBar& FlowBars::bar_at(EventTime time) {
  const std::uint64_t start = raw(time) / nanoseconds_per_second / width_s_ * width_s_;
  if (bars_.empty() || start > bars_.back().start_s) {
    settle(time);
    FlowBar bar{};
    bar.start_s = static_cast<std::uint32_t>(std::min<std::uint64_t>(start, UINT32_MAX));
    bars_.push(bar);
  }
  settle(time);
  return bars_.back();
}

void FlowBars::note_trade(EventTime time, Sequence sequence, const book::TradeReport& trade,
                          Quality quality) {
  if (!trade.printable || trade.shares == 0) return;
  FlowBar& bar = bar_at(time);
  if (bar.trades == 0) bar.open = bar.high = bar.low = trade.price;
  bar.high = std::max(bar.high, trade.price);
  bar.low = std::min(bar.low, trade.price);
  bar.close = trade.price;
  ++bar.trades;
  bar.volume += trade.shares;
  if (trade.kind == book::TradeKind::displayed)
    (trade.resting_side == Side::ask ? bar.buy_volume : bar.sell_volume) += trade.shares;
  bar.notional += static_cast<double>(trade.price.ticks) * static_cast<double>(trade.shares);
  bar.sequence = raw(sequence);
  bar.quality |= quality;
}

void FlowBars::note_bbo(EventTime time, Sequence sequence, const book::Bbo& before, const book::Bbo& after,
                        Quality quality) {
  FlowBar& bar = bar_at(time);
  bar.order_flow += order_flow_of(before, after);
  bar.sequence = raw(sequence);
  bar.quality |= quality;
  bid_ = after.bid_shares == 0 ? Price{} : after.bid;
  ask_ = after.ask_shares == 0 ? Price{} : after.ask;
}

}  // namespace tapeline::serve
