#pragma once

#include <algorithm>
#include <cstdint>

#include "analytics/activity.h"
#include "analytics/auction.h"
#include "analytics/bursts.h"
#include "analytics/costs.h"
#include "analytics/features.h"
#include "analytics/flow.h"
#include "analytics/liquidity.h"
#include "analytics/luld.h"
#include "analytics/microprice.h"
#include "analytics/queue_positions.h"
#include "analytics/returns.h"
#include "analytics/trade_bars.h"
#include "analytics/vpin.h"
#include "book/book_types.h"
#include "book/order_books.h"
#include "market/event.h"
#include "pipeline/analytics_config.h"
#include "stream/operator.h"
#include "surveillance/surveillance.h"

namespace tapeline::pipeline {

// The operators behind docs/metrics.md, and what each listens to; a part of MarketAnalytics. One that is off
// costs a test of its flag and no memory.
//
//   order changes ----+--> flow, features (by way of the best levels), liquidity and queue positions (at
//                     |    timers), activity
//   BBO changes ------+--> flow, costs, returns, luld, microprice
//   trades -----------+--> flow, costs, returns, luld, vpin, trade bars of four clocks, bursts, features
//   NOII -----------------> auction
//   the first three ------> surveillance, see surveillance/surveillance.h
class MetricCatalogue {
 public:
  explicit MetricCatalogue(const AnalyticsConfig& config)
      : config_(config),
        flow_(config.metric_ns),
        liquidity_(config.metric_ns, config.levels, config.sweep_shares),
        activity_(config.metric_ns),
        costs_(config.horizon_ns),
        returns_(config.returns_ns, config.step_ns),
        vpin_(config.vpin_bucket_shares, config.vpin_buckets),
        tick_bars_(config.bar_thresholds.trades),
        volume_bars_(config.bar_thresholds.shares),
        dollar_bars_(config.bar_thresholds.dollars),
        imbalance_bars_(config.bar_thresholds.imbalance_shares),
        microprice_(config.microprice_model),
        bursts_(config.burst_gap_ns),
        queue_positions_(config.interval_ns, config.queue_orders),
        features_(config.feature_ns, config.feature_events, config.levels),
        surveillance_(config.surveillance) {}

  // Loads what a message of this key is likely to touch, while its book is at work.
  void prefetch(Locate key) const {
    if (config_.flow) flow_.prefetch(key);
    if (config_.activity) activity_.prefetch(key);
    if (config_.liquidity) liquidity_.prefetch(key);
    if (config_.costs) costs_.prefetch(key);
    if (config_.returns) returns_.prefetch(key);
    if (config_.luld) luld_.prefetch(key);
    if (config_.microprice) microprice_.prefetch(key);
    if (config_.queue_positions) queue_positions_.prefetch(key);
    if (config_.features) features_.prefetch(key);
    if (config_.alerts) surveillance_.prefetch(key);
  }

  template <class Books, class Out>
  void on_order(const stream::Context& context, EventKind kind, const book::OrderChange& change,
                const analytics::BestLevels::Change& taken, const Books& books, Out& out) {
    if (config_.flow) flow_.process(context, change, taken, books);
    if (config_.activity) activity_.process(context, kind, change, books);
    if (config_.liquidity) liquidity_.process(context);
    if (config_.queue_positions) queue_positions_.process(context);
    if (config_.features) features_.process(context, kind, change, taken, books);
    if (config_.alerts) surveillance_.on_order(context, kind, change, books, out);
  }

  template <class Books, class Out>
  void on_bbo(const stream::Context& context, const book::Bbo& before, const book::Bbo& after,
              const Books& books, Out& out) {
    if (config_.flow) flow_.process(context, before, after);
    if (config_.activity) activity_.note_quality(context.key, context.quality);
    if (config_.costs) costs_.process(context, before, after, books, out);
    if (config_.returns) returns_.process(context, after, books);
    if (config_.luld) luld_.process(context, books);
    if (config_.microprice) microprice_.process(context, after, books, out);
    if (config_.features) features_.note_quality(context.key, context.quality);
    if (config_.alerts) surveillance_.on_bbo(context, before, after, books, out);
  }

  template <class Books, class Out>
  void on_trade(const stream::Context& context, const book::TradeReport& trade, const book::Bbo& prevailing,
                const Books& books, Out& out) {
    if (config_.flow) flow_.process(context, trade, books);
    if (config_.costs) costs_.process(context, trade, prevailing, books, out);
    if (config_.returns) returns_.process(context, trade, books);
    if (config_.luld) luld_.process(context, trade, books);
    if (config_.vpin) vpin_.process(context, trade, books, out);
    if (config_.bursts) bursts_.process(context, trade, books, out);
    if (config_.features) features_.process(context, trade, books);
    if (config_.alerts) surveillance_.on_trade(context, trade, prevailing, books, out);
    if (config_.trade_bars) {
      tick_bars_.process(context, trade, books, out);
      volume_bars_.process(context, trade, books, out);
      dollar_bars_.process(context, trade, books, out);
      imbalance_bars_.process(context, trade, books, out);
    }
  }

  template <class Books, class Out>
  void on_status(const stream::Context& context, const Event& event, const Books& books, Out& out) {
    if (config_.auction && event.kind == EventKind::imbalance) auction_.process(context, event, books, out);
  }

  // After a message by which best levels came or went.
  template <class Books>
  void on_levels_moved(const stream::Context& context, const analytics::BestLevels& best,
                       const Books& books) {
    if (config_.flow) flow_.on_event_end(context, best, books);
    if (config_.features) features_.on_levels_moved(context, best);
  }

  // After each message, once the best levels are whole.
  template <class Books, class Out>
  void on_event_end(const stream::Context& context, const Books& books, Out& out) {
    if (config_.features) features_.on_event_end(context, books, out);
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    if (config_.flow) flow_.on_timer(watermark, books, out);
    if (config_.liquidity) liquidity_.on_timer(watermark, books, out);
    if (config_.activity) activity_.on_timer(watermark, books, out);
    if (config_.costs) costs_.on_timer(watermark, books, out);
    if (config_.returns) returns_.on_timer(watermark, books, out);
    if (config_.luld) luld_.on_timer(watermark, books, out);
    if (config_.bursts) bursts_.on_timer(watermark, books, out);
    if (config_.queue_positions) queue_positions_.on_timer(watermark, books, out);
    if (config_.features) features_.on_timer(watermark, books, out);
  }

  // Calls f(time) for each time from which on on_timer has something to do.
  template <class F>
  void for_each_timer(F&& f) const {
    if (config_.flow) f(flow_.next_timer());
    if (config_.liquidity) f(liquidity_.next_timer());
    if (config_.activity) f(activity_.next_timer());
    if (config_.costs) f(costs_.next_timer());
    if (config_.returns) f(returns_.next_timer());
    if (config_.luld) f(luld_.next_timer());
    if (config_.bursts) f(bursts_.next_timer());
    if (config_.queue_positions) f(queue_positions_.next_timer());
    if (config_.features) f(features_.next_timer());
  }

  void save_key(Locate key, stream::StateWriter& writer) const {
    for_each_operator(*this, [&](const auto& op) { op.save_key(key, writer); });
  }
  void open(EventTime watermark) {
    for_each_operator(*this, [&](auto& op) { op.open(watermark); });
  }
  void load_key(Locate key, stream::StateReader& reader) {
    for_each_operator(*this, [&](auto& op) { op.load_key(key, reader); });
  }

 private:
  // Those that have state. The order is that of the state in a checkpoint.
  template <class Self, class F>
  static void for_each_operator(Self& self, F&& f) {
    f(self.flow_);
    f(self.liquidity_);
    f(self.activity_);
    f(self.costs_);
    f(self.returns_);
    f(self.luld_);
    f(self.vpin_);
    f(self.tick_bars_);
    f(self.volume_bars_);
    f(self.dollar_bars_);
    f(self.imbalance_bars_);
    f(self.microprice_);
    f(self.bursts_);
    f(self.queue_positions_);
    f(self.features_);
    f(self.surveillance_);
  }

  AnalyticsConfig config_;
  analytics::Flow flow_;
  analytics::Liquidity liquidity_;
  analytics::Activity activity_;
  analytics::Costs costs_;
  analytics::Returns returns_;
  analytics::Luld luld_;
  analytics::Vpin vpin_;
  analytics::TradeBars<analytics::BarClock::tick> tick_bars_;
  analytics::TradeBars<analytics::BarClock::volume> volume_bars_;
  analytics::TradeBars<analytics::BarClock::dollar> dollar_bars_;
  analytics::TradeBars<analytics::BarClock::imbalance> imbalance_bars_;
  analytics::Auction auction_;
  analytics::Microprice microprice_;
  analytics::Bursts bursts_;
  analytics::QueuePositions queue_positions_;
  analytics::Features features_;
  surveillance::Surveillance surveillance_;
};

}  // namespace tapeline::pipeline
