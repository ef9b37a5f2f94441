#pragma once

#include <algorithm>
#include <cstdint>

#include "analytics/bars.h"
#include "analytics/bbo_changes.h"
#include "analytics/best_levels.h"
#include "analytics/book_snapshots.h"
#include "analytics/depth.h"
#include "analytics/spread.h"
#include "analytics/trades.h"
#include "book/book_types.h"
#include "book/order_books.h"
#include "market/event.h"
#include "pipeline/analytics_config.h"
#include "pipeline/metric_catalogue.h"
#include "pipeline/row_tables.h"
#include "pipeline/user_operators.h"
#include "stream/operator.h"

namespace tapeline::pipeline {

// The job graph, in one place: what each operator listens to.
//
//                        +-- BBO changes --> bbo rows
//   events --> books ----+-- BBO changes --> quoted spread --> spread rows
//                        +-- trades -------> trade rows
//                        +-- trades -------> time bars ------> bar rows
//                        +-- order changes-> depth ----------> depth rows
//                        +-- order changes-> snapshots ------> snapshot rows
//                        +-- all of these -> metric catalogue> rows of the tables in metric_catalogue.h
//                        +-- all of these -> users' operators> rows of users' tables
//
// The watermark is the time of the newest message that could be read: a feed is in order, so nothing earlier
// follows. It moves before the message is applied, so a window sees the book as it was at the window's end.
//
// Replay, the live pipeline and the benchmarks use it with their own collectors; `Out` has emit(row) for each
// row type. Handed to OrderBooks::apply as its handler.
template <class Out>
class MarketAnalytics : public book::NullBookHandler {
 public:
  MarketAnalytics(const AnalyticsConfig& config, const book::OrderBooks& books, Out& out)
      : config_(config),
        books_(books),
        out_(out),
        bars_(config.bar_ns),
        spread_(config.interval_ns),
        depth_(config.interval_ns, config.levels),
        snapshots_(snapshot_interval(config), config.levels),
        metrics_(config),
        users_(config_.operators, books),
        use_best_(config.flow || config.liquidity || config.depth || config.snapshots || config.features),
        best_(config.levels),
        view_(books, best_, use_best_) {
    for_each_row_type([]<class Row> { static_assert(stream::Collector<Out, Row>); });
  }
  MarketAnalytics(const MarketAnalytics&) = delete;
  MarketAnalytics& operator=(const MarketAnalytics&) = delete;

  void on_look_ahead(const Event& event) const {
    if (use_best_) best_.prefetch_best(event.locate);
    if (config_.spread) spread_.prefetch(event.locate);
    if (config_.depth) depth_.prefetch(event.locate);
    metrics_.prefetch(event.locate);
  }

  void on_event_begin(const Event& event) {
    if (raw(event.time) >= next_timer_ && event.is_readable()) [[unlikely]]
      advance(event.time);
  }

  void on_order(const Event& event, const book::OrderChange& change) {
    if (config_.depth) depth_.process(context(event, Quality::good), change, out_);
    if (config_.snapshots) snapshots_.process(context(event, Quality::good), change, books_, out_);
    analytics::BestLevels::Change taken{};
    if (use_best_) taken = best_.take(event.locate, change, event.kind == EventKind::replace);
    metrics_.on_order(context(event, Quality::good), event.kind, change, taken, view_, out_);
    if (!users_.empty()) [[unlikely]]
      tell_users(event, [&](const auto& at) { users_.on_order(at, change, out_); });
  }

  void on_bbo(const Event& event, const book::Bbo& before, const book::Bbo& after, Quality quality) {
    if (config_.bbo) bbo_.process(context(event, quality), books_.symbol(event.locate), after, out_);
    if (config_.spread) spread_.process(context(event, quality), after, out_);
    if (use_best_ && before == after) best_.start_over(event.locate, books_);
    metrics_.on_bbo(context(event, quality), before, after, view_, out_);
    if (!users_.empty()) [[unlikely]]
      tell_users(event, [&](const auto& at) { users_.on_bbo(at, before, after, out_); });
  }

  void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo& prevailing,
                Quality quality) {
    if (config_.trades)
      trades_.process(context(event, quality), books_.symbol(event.locate), trade, prevailing, out_);
    if (config_.bars) bars_.process(context(event, quality), trade, out_);
    metrics_.on_trade(context(event, quality), trade, prevailing, view_, out_);
    if (!users_.empty()) [[unlikely]]
      tell_users(event, [&](const auto& at) { users_.on_trade(at, trade, prevailing, out_); });
  }

  void on_broken_trade(const Event& event) {
    if (config_.trades)
      trades_.process_broken(context(event, books_.quality(event.locate)), books_.symbol(event.locate),
                             event.match(), out_);
  }

  void on_status(const Event& event, const book::SymbolState&) {
    metrics_.on_status(context(event, books_.quality(event.locate)), event, view_, out_);
  }

  void on_event_end(const Event& event) {
    if (best_.has_changed()) {
      best_.refill(event.locate, books_);
      metrics_.on_levels_moved(context(event, Quality::good), best_, view_);
      best_.end_message();
    }
    if (config_.snapshots) snapshots_.on_event_end(context(event, Quality::good), view_, out_);
    metrics_.on_event_end(context(event, Quality::good), view_, out_);
  }

  // The input is over: closes every open window.
  void finish() { advance(stream::end_of_time); }

  // A new session is a new day: its windows have nothing to do with those of the last.
  void on_new_session() {
    finish();
    bars_ = analytics::TimeBars(config_.bar_ns);
    spread_ = analytics::QuotedSpread(config_.interval_ns);
    depth_ = analytics::Depth(config_.interval_ns, config_.levels);
    snapshots_ = analytics::BookSnapshots(snapshot_interval(config_), config_.levels);
    metrics_ = MetricCatalogue(config_);
    users_.start_over();
    best_ = analytics::BestLevels(config_.levels);
    open(EventTime{0});
  }

  // The books were emptied, to be filled again by a snapshot. What is applied to them with this handler tells
  // no operator.
  void on_books_emptied() { best_ = analytics::BestLevels(config_.levels); }
  class Unheard : public book::NullBookHandler {
   public:
    explicit Unheard(MarketAnalytics& analytics) : analytics_(analytics) {}
    void on_order(const Event& event, const book::OrderChange& change) {
      if (analytics_.use_best_)
        (void)analytics_.best_.take(event.locate, change, event.kind == EventKind::replace);
    }
    void on_event_end(const Event& event) {
      analytics_.best_.refill(event.locate, analytics_.books_);
      analytics_.best_.end_message();
    }

   private:
    MarketAnalytics& analytics_;
  };
  [[nodiscard]] Unheard unheard() { return Unheard(*this); }

  // What a user's operator has failed with: rows after that are not whole.
  [[nodiscard]] const std::optional<Error>& failure() const { return users_.failure(); }

  // State is saved and loaded as operators do (see stream/operator.h). The watermark is that of the last
  // timers: no window has closed since.
  [[nodiscard]] EventTime watermark() const { return watermark_; }
  [[nodiscard]] EventTime next_timer() const { return EventTime{next_timer_}; }
  void save_key(Locate key, stream::StateWriter& writer) const {
    bars_.save_key(key, writer);
    spread_.save_key(key, writer);
    depth_.save_key(key, writer);
    snapshots_.save_key(key, writer);
    metrics_.save_key(key, writer);
    users_.save_key(key, writer);
  }
  void open(EventTime watermark) {
    bars_.open(watermark);
    spread_.open(watermark);
    depth_.open(watermark);
    snapshots_.open(watermark);
    metrics_.open(watermark);
    users_.open(watermark);
    set_watermark(watermark);
  }
  // The book of the key is in place by then.
  void load_key(Locate key, stream::StateReader& reader) {
    bars_.load_key(key, reader);
    spread_.load_key(key, reader);
    depth_.load_key(key, reader);
    snapshots_.load_key(key, reader);
    metrics_.load_key(key, reader);
    users_.load_key(key, reader);
    if (use_best_) best_.start_over(key, books_);
  }

 private:
  static std::uint64_t snapshot_interval(const AnalyticsConfig& config) {
    return config.snapshots_on_change ? 0 : config.interval_ns;
  }
  static stream::Context context(const Event& event, Quality quality) {
    return {event.locate, event.sequence, event.time, event.captured, quality};
  }

  // Out of line: where there are none, the messages' path is to stay small.
  template <class Tell>
  [[gnu::noinline]] void tell_users([[maybe_unused]] const Event& event, [[maybe_unused]] Tell&& tell) {
    if constexpr (UserRowCollector<Out>) tell(context(event, books_.quality(event.locate)));
  }

  [[gnu::noinline]] void advance(EventTime watermark) {
    if (config_.bars) bars_.on_timer(watermark, books_, out_);
    if (config_.spread) spread_.on_timer(watermark, books_, out_);
    if (config_.depth) depth_.on_timer(watermark, view_, out_);
    if (config_.snapshots) snapshots_.on_timer(watermark, view_, out_);
    metrics_.on_timer(watermark, view_, out_);
    if constexpr (UserRowCollector<Out>) users_.on_timer(watermark, out_);
    set_watermark(watermark);
  }

  // At the start of the day any message moves it.
  void set_watermark(EventTime watermark) {
    watermark_ = watermark;
    next_timer_ = raw(watermark) == 0 ? 0 : UINT64_MAX;
    if (raw(watermark) == 0 || watermark == stream::end_of_time) return;
    const auto note = [&](EventTime timer) { next_timer_ = std::min(next_timer_, raw(timer)); };
    if (config_.bars) note(bars_.next_timer());
    if (config_.spread) note(spread_.next_timer());
    if (config_.depth) note(depth_.next_timer());
    if (config_.snapshots) note(snapshots_.next_timer());
    metrics_.for_each_timer(note);
    users_.for_each_timer(
        [&](std::uint64_t width) { note(EventTime{(raw(watermark) / width + 1) * width}); });
  }

  AnalyticsConfig config_;
  const book::OrderBooks& books_;
  Out& out_;
  analytics::BboChanges bbo_;
  analytics::Trades trades_;
  analytics::TimeBars bars_;
  analytics::QuotedSpread spread_;
  analytics::Depth depth_;
  analytics::BookSnapshots snapshots_;
  MetricCatalogue metrics_;
  UserOperators users_;
  bool use_best_;  // By an operator that is on.
  analytics::BestLevels best_;
  analytics::BookView view_;  // Of the books and the best levels.
  EventTime watermark_{0};
  std::uint64_t next_timer_ = 0;
};

}  // namespace tapeline::pipeline
