#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "analytics/order_flow_imbalance.h"
#include "analytics/queue_imbalance.h"
#include "analytics/weighted_mid.h"
#include "book/book_types.h"
#include "market/event.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/keyed_state.h"
#include "stream/operator.h"
#include "stream/tumbling_windows.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct FlowRow {
  static constexpr std::size_t levels = 5;
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
// It keeps the best levels of each side as they were after the message before. A change of a level's size is
// one addition; only where a level comes or goes are they read from the book again. A window without a change
// of the best levels or a trade gives no row.
class Flow {
 public:
  explicit Flow(std::uint64_t width_ns) : windows_(width_ns) {}

  void prefetch(Locate key) const { states_.prefetch(key); }

  // A change of an order, told before a reduction is applied and after an addition; `books` is used for the
  // quality alone.
  template <class Books>
  void process(const stream::Context& context, EventKind kind, const book::OrderChange& change,
               const Books& books) {
    State& state = states_[context.key];
    RankedSide& side = state.sides[raw(change.side)];
    const LevelRank rank = rank_of(change.side, change.price);
    if (rank < side.ranks[FlowRow::levels - 1]) return;
    if (kind != EventKind::replace) {
      for (std::size_t m = 0; m < FlowRow::levels; ++m) {
        if (side.ranks[m] != rank) continue;
        const std::int64_t delta = std::int64_t{change.after} - std::int64_t{change.before};
        const std::uint64_t shares = side.shares[m] + static_cast<std::uint64_t>(delta);
        if (shares == 0 || side.shares[m] == 0) break;
        touch(context, state, books.quality(context.key));
        if (m == 0) accumulate(state, context.time);
        side.shares[m] = shares;
        state.ofi[m] += change.side == Side::bid ? delta : -delta;
        return;
      }
    }
    changed_ |= 1u << raw(change.side);
    quality_before_ = books.quality(context.key);
  }

  // The best prices have changed by the message at hand; `quality` is the book's since then.
  template <class Books>
  void process(const stream::Context& context, const book::Bbo& before, const book::Bbo& after,
               const Books& books) {
    State& state = states_[context.key];
    if (before == after) return start_over(context, state, books);
    if (state.in_window) state.quality |= context.quality;
  }

  template <class Books>
  void process(const stream::Context& context, const book::TradeReport& trade, const Books& books) {
    if (trade.kind != book::TradeKind::displayed || !trade.printable) return;
    State& state = states_[context.key];
    touch(context, state, books.quality(context.key));
    (trade.resting_side == Side::ask ? state.buy_volume : state.sell_volume) += trade.shares;
  }

  // After each message: takes in the levels that came or went.
  template <class Books>
  void on_event_end(const stream::Context& context, const Books& books) {
    if (changed_ == 0) return;
    State& state = states_[context.key];
    for (const Side side : {Side::bid, Side::ask}) {
      if ((changed_ >> raw(side) & 1) == 0) continue;
      const RankedSide now = read(context.key, side, books);
      RankedSide& old = state.sides[raw(side)];
      if (now.ranks == old.ranks && now.shares == old.shares) continue;
      touch(context, state, quality_before_);
      state.quality |= books.quality(context.key);
      if (now.ranks[0] != old.ranks[0] || now.shares[0] != old.shares[0]) accumulate(state, context.time);
      for (std::size_t m = 0; m < FlowRow::levels; ++m)
        state.ofi[m] +=
            order_flow_of(side, {old.ranks[m], old.shares[m]}, {now.ranks[m], now.shares[m]});
      old = now;
    }
    changed_ = 0;
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    windows_.advance(watermark, [&](Locate key) {
      State& state = states_[key];
      accumulate(state, windows_.end());
      emit(key, state, books, out);
      State next{};  // The levels stand on.
      next.sides[0] = state.sides[0];
      next.sides[1] = state.sides[1];
      next.since = windows_.end();
      state = next;
    });
  }
  [[nodiscard]] EventTime next_timer() const { return windows_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const {
    const State& state = states_[key];
    states_.save_key(key, writer,
                     state.in_window || state.sides[0].shares[0] != 0 || state.sides[1].shares[0] != 0);
  }
  void open(EventTime watermark) { windows_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) {
    if (states_.load_key(key, reader) && states_[key].in_window) windows_.add(key);
  }

 private:
  // The best levels of a side, a cache line; what is not there has rank and size 0.
  struct alignas(64) RankedSide {
    std::array<std::uint64_t, FlowRow::levels> shares;
    std::array<LevelRank, FlowRow::levels> ranks;
    std::uint32_t reserved;
  };
  static_assert(sizeof(RankedSide) == 64);

  struct State {
    RankedSide sides[2];
    std::array<std::int64_t, FlowRow::levels> ofi;
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

  void touch(const stream::Context& context, State& state, Quality standing) {
    if (!state.in_window) {
      state.in_window = true;
      windows_.add(context.key);
      state.since = std::max(state.since, windows_.start());
      state.quality |= standing;
    }
    state.events += state.sequence != context.sequence;
    state.sequence = context.sequence;
  }

  static void accumulate(State& state, EventTime until) {
    const std::uint64_t ns = raw(until) > raw(state.since) ? raw(until) - raw(state.since) : 0;
    state.since = std::max(state.since, until);
    const std::uint64_t bid = state.sides[0].shares[0];
    const std::uint64_t ask = state.sides[1].shares[0];
    if (bid == 0 || ask == 0) return;
    state.two_sided_ns += ns;
    state.imbalance_ns += queue_imbalance(bid, ask) * static_cast<double>(ns);
  }

  template <class Books>
  static RankedSide read(Locate key, Side side, const Books& books) {
    std::array<book::LevelView, FlowRow::levels> views;
    const std::size_t count = books.levels(key, side, views);
    RankedSide ranked{};
    for (std::size_t m = 0; m < count; ++m) {
      ranked.shares[m] = views[m].shares;
      ranked.ranks[m] = rank_of(side, views[m].price);
    }
    return ranked;
  }

  // The book was put in place as a whole, which is no flow.
  template <class Books>
  void start_over(const stream::Context& context, State& state, const Books& books) {
    if (state.in_window) accumulate(state, context.time);
    for (const Side side : {Side::bid, Side::ask}) state.sides[raw(side)] = read(context.key, side, books);
  }

  template <class Books, class Out>
  void emit(Locate key, const State& state, const Books& books, Out& out) const {
    FlowRow row{};
    row.start = windows_.start();
    row.end = windows_.end();
    row.sequence = raw(state.sequence);
    std::copy(state.ofi.begin(), state.ofi.end(), row.ofi);
    row.buy_volume = state.buy_volume;
    row.sell_volume = state.sell_volume;
    row.trade_imbalance = static_cast<std::int64_t>(state.buy_volume - state.sell_volume);
    const std::uint64_t bid = state.sides[0].shares[0];
    const std::uint64_t ask = state.sides[1].shares[0];
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    row.queue_imbalance =
        state.two_sided_ns != 0 ? state.imbalance_ns / static_cast<double>(state.two_sided_ns) : none;
    row.last_queue_imbalance = bid != 0 && ask != 0 ? queue_imbalance(bid, ask) : none;
    row.weighted_mid = bid != 0 && ask != 0
                           ? weighted_mid(price_of_rank(Side::bid, state.sides[0].ranks[0]), bid,
                                          price_of_rank(Side::ask, state.sides[1].ranks[0]), ask)
                           : none;
    row.two_sided_ns = state.two_sided_ns;
    row.events = state.events;
    row.symbol = books.symbol(key);
    row.locate = key;
    row.quality = state.quality | books.quality(key);
    out.emit(row);
  }

  stream::TumblingWindows windows_;
  stream::KeyedState<State> states_;
  unsigned changed_ = 0;  // Sides whose levels are to be read when the message at hand is over, a bit each.
  Quality quality_before_ = Quality::good;  // Of the book before that message, where there are any.
};
static_assert(stream::KeyedOperator<Flow>);

}  // namespace tapeline::analytics
