#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "analytics/best_levels.h"
#include "analytics/level_flow.h"
#include "analytics/queue_imbalance.h"
#include "analytics/weighted_mid.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct FlowRow {
  static constexpr std::size_t levels = LevelFlow::levels;
  EventTime start;
  EventTime end;
  std::uint64_t sequence;
  std::int64_t ofi[levels];
  std::uint64_t buy_volume;
  std::uint64_t sell_volume;
  std::int64_t trade_imbalance;
  double queue_imbalance;
  double last_queue_imbalance;
  double weighted_mid;
  std::uint64_t two_sided_ns;
  std::uint32_t events;
  Symbol symbol;
  Locate locate;
  Quality quality;
  std::uint8_t reserved = 0;
};

[[nodiscard]] const table::Schema& flow_schema();

// Where the pressure came from, per symbol and window:
//
//   order-flow imbalance of the best price and of the levels behind it   see order_flow_imbalance.h
//   trade imbalance = shares bought by aggressors - shares sold, of the displayed executions
//   queue imbalance, weighted by time while both sides were there, and the last one   see queue_imbalance.h
//   the last weighted mid                                                see weighted_mid.h
//
// A window without a change of the best levels or a trade gives no row.
class Flow {
 public:
  explicit Flow(std::uint64_t width_ns) : states_(width_ns) {}

  void prefetch(Locate key) const { states_.prefetch(key); }

  // A change of an order, which the best levels have taken in.
  template <class Books>
  void process(const stream::Context& context, const book::OrderChange& change,
               const BestLevels::Change& taken, const Books& books) {
    if (taken.effect == BestLevels::Effect::none) return;
    const Quality standing = books.quality(context.key);
    if (taken.effect == BestLevels::Effect::moved) {
      quality_before_ = standing;
      return;
    }
    if (taken.level >= FlowRow::levels) return;
    State& state = touch(context, standing);
    const std::int64_t delta = std::int64_t{change.after} - std::int64_t{change.before};
    state.ofi.resize(change.side, taken.level, delta);
    if (taken.level == 0) {
      accumulate(state, context.time);
      state.best_shares[raw(change.side)] += static_cast<std::uint64_t>(delta);
    }
  }

  // The best prices have changed by the message at hand; `quality` is the book's since then.
  void process(const stream::Context& context, const book::Bbo& before, const book::Bbo& after) {
    State& state = states_[context.key];
    if (before == after) {  // The book was put in place as a whole, which is no flow.
      if (state.in_window) accumulate(state, context.time);
      state.best_shares = {after.bid_shares, after.ask_shares};
    }
    if (state.in_window) state.quality |= context.quality;
  }

  template <class Books>
  void process(const stream::Context& context, const book::TradeReport& trade, const Books& books) {
    if (trade.kind != book::TradeKind::displayed || !trade.printable) return;
    State& state = touch(context, books.quality(context.key));
    (trade.resting_side == Side::ask ? state.buy_volume : state.sell_volume) += trade.shares;
  }

  // After a message by which levels came or went, once the best levels are whole.
  template <class Books>
  void on_event_end(const stream::Context& context, const BestLevels& best, const Books& books) {
    for (const Side side : {Side::bid, Side::ask}) {
      if (!best.has_changed(side)) continue;
      const RankedSide& old = best.before(side);
      const RankedSide& now = best.now(context.key, side);
      if (!LevelFlow::differ(old, now)) continue;
      State& state = touch(context, quality_before_);
      state.quality |= books.quality(context.key);
      if (now.shares[0] != old.shares[0]) {
        accumulate(state, context.time);
        state.best_shares[raw(side)] = now.shares[0];
      }
      state.ofi.move(side, old, now);
    }
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    states_.advance(
        watermark,
        [&](Locate key, State& state) {
          accumulate(state, states_.window().end());
          emit(key, state, books, out);
          State next{};
          next.best_shares = state.best_shares;
          next.since = states_.window().end();
          state = next;
        },
        [&](Locate key) { books.prefetch(key); });
  }
  [[nodiscard]] EventTime next_timer() const { return states_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const {
    const State& state = states_[key];
    states_.save_key(key, writer, state.best_shares[0] != 0 || state.best_shares[1] != 0);
  }
  void open(EventTime watermark) { states_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { states_.load_key(key, reader); }

 private:
  struct alignas(64) State {
    std::array<std::uint64_t, 2> best_shares;  // At the best bid and ask, as they stand.
    LevelFlow ofi;
    std::uint64_t buy_volume;
    std::uint64_t sell_volume;
    double imbalance_ns;  // Sum of queue imbalance times ns.
    std::uint64_t two_sided_ns;
    EventTime since;  // Until here it is summed.
    Sequence sequence;
    std::uint32_t events;  // Messages that touched the window.
    Quality quality;
    bool in_window;
  };
  static_assert(sizeof(State) == 128);

  State& touch(const stream::Context& context, Quality standing) {
    State& state = states_.touch(context.key, [&](State& first) {
      first.since = std::max(first.since, states_.window().start());
      first.quality |= standing;
    });
    state.events += state.sequence != context.sequence;
    state.sequence = context.sequence;
    return state;
  }

  static void accumulate(State& state, EventTime until) {
    const std::uint64_t ns = raw(until) > raw(state.since) ? raw(until) - raw(state.since) : 0;
    state.since = std::max(state.since, until);
    const auto [bid, ask] = state.best_shares;
    if (bid == 0 || ask == 0) return;
    state.two_sided_ns += ns;
    state.imbalance_ns += queue_imbalance(bid, ask) * static_cast<double>(ns);
  }

  template <class Books, class Out>
  void emit(Locate key, const State& state, const Books& books, Out& out) const {
    FlowRow row{};
    row.start = states_.window().start();
    row.end = states_.window().end();
    row.sequence = raw(state.sequence);
    std::copy(state.ofi.sums.begin(), state.ofi.sums.end(), row.ofi);
    row.buy_volume = state.buy_volume;
    row.sell_volume = state.sell_volume;
    row.trade_imbalance = static_cast<std::int64_t>(state.buy_volume - state.sell_volume);
    const book::Bbo bbo = books.bbo(key);
    const bool two_sided = bbo.bid_shares != 0 && bbo.ask_shares != 0;
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    row.queue_imbalance =
        state.two_sided_ns != 0 ? state.imbalance_ns / static_cast<double>(state.two_sided_ns) : none;
    row.last_queue_imbalance = two_sided ? queue_imbalance(bbo.bid_shares, bbo.ask_shares) : none;
    row.weighted_mid = two_sided ? weighted_mid(bbo.bid, bbo.bid_shares, bbo.ask, bbo.ask_shares) : none;
    row.two_sided_ns = state.two_sided_ns;
    row.events = state.events;
    row.symbol = books.symbol(key);
    row.locate = key;
    row.quality = state.quality | books.quality(key);
    out.emit(row);
  }

  stream::WindowedState<State> states_;
  Quality quality_before_ = Quality::good;  // Of the book before the message by which levels came or went.
};
static_assert(stream::KeyedOperator<Flow>);

}  // namespace tapeline::analytics
