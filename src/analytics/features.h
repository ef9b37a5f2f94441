#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "analytics/best_levels.h"
#include "analytics/level_flow.h"
#include "analytics/queue_imbalance.h"
#include "book/book_types.h"
#include "market/event.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
#include "table/schema.h"

namespace tapeline::analytics {

// What told that a row of features was due.
enum class FeatureClock : std::uint8_t { time, events };

struct FeatureLevel {
  double distance;
  std::uint64_t size;
};

struct FeatureRow {
  static constexpr std::size_t max_levels = 10;
  EventTime time;
  std::uint64_t sequence;
  double mid;
  double spread_ticks;
  double queue_imbalance;
  double depth_imbalance;
  std::int64_t ofi[LevelFlow::levels];
  std::uint64_t buy_volume;
  std::uint64_t sell_volume;
  std::uint32_t events;
  std::uint32_t added;
  std::uint32_t cancelled;
  std::uint32_t replaced;
  std::uint32_t executions;
  Symbol symbol;
  Locate locate;
  FeatureClock clock;
  Quality quality;
  std::array<FeatureLevel, max_levels> bids;
  std::array<FeatureLevel, max_levels> asks;
};

// Columns bid_distance_01, bid_size_01, … for the best `levels` of each side, 1 to 10.
[[nodiscard]] const table::Schema& features_schema(std::size_t levels);

// The tick that distances are told in: a cent, and a hundredth of that for mids below a dollar (Regulation
// NMS, rule 612).
[[nodiscard]] constexpr std::uint32_t tick_of(std::uint64_t twice_mid) {
  return twice_mid >= std::uint64_t{2} * Price::per_dollar ? 100 : 1;
}

// What a model may know of a symbol at set moments, as one vector: the same for training from a file and for
// inference on the live stream, as it is the same operator. A row is due at the end of each window of the
// clock of time in which the symbol's book changed or it traded, and at the end of each message that brings
// the clock of events to so many such messages. It holds
//
//   the best n levels     distance = (price - mid) / tick, size
//   at that moment        spread in ticks, queue imbalance of the best level and of the n levels together
//   since the row before  OFI of five levels (order_flow_imbalance.h), volumes by aggressor, counts of events
//   of that clock
//
// and the quality of the book over all of that time. Nothing in it comes from a later message, so a feed that
// is cut at a row's time gives the same rows up to there.
class Features {
 public:
  // `events` 0: no clock of events.
  Features(std::uint64_t width_ns, std::uint32_t events, std::size_t levels)
      : states_(width_ns), events_(events), levels_(std::min(levels, FeatureRow::max_levels)) {}

  void prefetch(Locate key) const { states_.prefetch(key); }

  // A change of an order, which the best levels have taken in.
  template <class Books>
  void process(const stream::Context& context, EventKind kind, const book::OrderChange& change,
               const BestLevels::Change& taken, const Books& books) {
    State& state = touch(context, books);
    for (Sum& sum : state.sums) {
      count(sum, kind, change);
      if (taken.effect == BestLevels::Effect::resized && taken.level < LevelFlow::levels)
        sum.ofi.resize(change.side, taken.level, std::int64_t{change.after} - std::int64_t{change.before});
    }
  }

  template <class Books>
  void process(const stream::Context& context, const book::TradeReport& trade, const Books& books) {
    if (!trade.printable || trade.shares == 0) return;
    State& state = touch(context, books);
    if (trade.kind != book::TradeKind::displayed) return;
    for (Sum& sum : state.sums)
      (trade.resting_side == Side::ask ? sum.buy_volume : sum.sell_volume) += trade.shares;
  }

  // The book's quality has changed with its best prices.
  void note_quality(Locate key, Quality quality) {
    for (Sum& sum : states_[key].sums)
      if (sum.events != 0) sum.quality |= quality;
  }

  // After a message by which levels came or went.
  void on_levels_moved(const stream::Context& context, const BestLevels& best) {
    for (const Side side : {Side::bid, Side::ask}) {
      if (!best.has_changed(side)) continue;
      const RankedSide& old = best.before(side);
      const RankedSide& now = best.now(context.key, side);
      if (!LevelFlow::differ(old, now)) continue;
      for (Sum& sum : states_[context.key].sums) sum.ofi.move(side, old, now);
    }
  }

  // After each message, once the best levels are whole.
  template <class Books, class Out>
  void on_event_end(const stream::Context& context, const Books& books, Out& out) {
    if (!due_) return;
    due_ = false;
    Sum& sum = states_[context.key].sums[raw_of(FeatureClock::events)];
    emit(context.key, context.time, FeatureClock::events, sum, books, out);
    sum = Sum{};
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    states_.advance(
        watermark,
        [&](Locate key, State& state) {
          Sum& sum = state.sums[raw_of(FeatureClock::time)];
          emit(key, states_.window().end(), FeatureClock::time, sum, books, out);
          sum = Sum{};
        },
        [&](Locate key) { books.prefetch_levels(key); });
  }
  [[nodiscard]] EventTime next_timer() const { return states_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const {
    states_.save_key(key, writer, states_[key].sums[raw_of(FeatureClock::events)].events != 0);
  }
  void open(EventTime watermark) { states_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { states_.load_key(key, reader); }

 private:
  // Since the last row of a clock.
  struct Sum {
    LevelFlow ofi;
    std::uint64_t buy_volume;
    std::uint64_t sell_volume;
    Sequence sequence;     // Of the last message.
    std::uint32_t events;  // Messages.
    std::uint32_t added;
    std::uint32_t cancelled;
    std::uint32_t replaced;
    std::uint32_t executions;
    Quality quality;
  };
  struct alignas(64) State {
    std::array<Sum, 2> sums;  // By clock.
    bool in_window;
  };

  static constexpr std::size_t raw_of(FeatureClock clock) { return static_cast<std::size_t>(clock); }

  static void count(Sum& sum, EventKind kind, const book::OrderChange& change) {
    if (change.before == 0) {
      sum.added += kind == EventKind::add;
    } else if (kind <= EventKind::execute_with_price) {
      ++sum.executions;
    } else {
      sum.cancelled += kind != EventKind::replace;
      sum.replaced += kind == EventKind::replace;
    }
  }

  template <class Books>
  State& touch(const stream::Context& context, const Books& books) {
    State& state = states_.touch(context.key);
    for (Sum& sum : state.sums) {
      if (sum.events == 0) sum.quality = books.quality(context.key);
      sum.events += sum.sequence != context.sequence;
      sum.sequence = context.sequence;
    }
    due_ |= events_ != 0 && state.sums[raw_of(FeatureClock::events)].events >= events_;
    return state;
  }

  template <class Books, class Out>
  void emit(Locate key, EventTime time, FeatureClock clock, const Sum& sum, const Books& books,
            Out& out) const {
    FeatureRow row{};
    row.time = time;
    row.sequence = raw(sum.sequence);
    describe_book(key, books, row);
    std::copy(sum.ofi.sums.begin(), sum.ofi.sums.end(), row.ofi);
    row.buy_volume = sum.buy_volume;
    row.sell_volume = sum.sell_volume;
    row.events = sum.events;
    row.added = sum.added;
    row.cancelled = sum.cancelled;
    row.replaced = sum.replaced;
    row.executions = sum.executions;
    row.symbol = books.symbol(key);
    row.locate = key;
    row.clock = clock;
    row.quality = sum.quality | books.quality(key);
    out.emit(row);
  }

  template <class Books>
  void describe_book(Locate key, const Books& books, FeatureRow& row) const {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    std::array<std::array<book::LevelView, FeatureRow::max_levels>, 2> levels;
    std::array<std::size_t, 2> counts;
    for (const Side side : {Side::bid, Side::ask})
      counts[raw(side)] = books.levels(key, side, std::span(levels[raw(side)]).first(levels_));
    const bool two_sided = counts[0] != 0 && counts[1] != 0;
    const std::uint64_t twice_mid =
        two_sided ? std::uint64_t{levels[0][0].price.ticks} + levels[1][0].price.ticks : 0;
    const double tick = tick_of(twice_mid);
    std::array<std::uint64_t, 2> depth{};
    for (const Side side : {Side::bid, Side::ask}) {
      auto& to = side == Side::bid ? row.bids : row.asks;
      for (std::size_t i = 0; i < FeatureRow::max_levels; ++i) {
        to[i].distance = none;
        if (i >= counts[raw(side)]) continue;
        const book::LevelView& level = levels[raw(side)][i];
        to[i].size = level.shares;
        depth[raw(side)] += level.shares;
        if (two_sided)
          to[i].distance =
              (2 * static_cast<double>(level.price.ticks) - static_cast<double>(twice_mid)) / (2 * tick);
      }
    }
    row.mid = row.spread_ticks = row.queue_imbalance = row.depth_imbalance = none;
    if (!two_sided) return;
    row.mid = static_cast<double>(twice_mid) / 2 / Price::per_dollar;
    row.spread_ticks =
        (static_cast<double>(levels[1][0].price.ticks) - static_cast<double>(levels[0][0].price.ticks)) /
        tick;
    row.queue_imbalance = queue_imbalance(levels[0][0].shares, levels[1][0].shares);
    row.depth_imbalance = queue_imbalance(depth[0], depth[1]);
  }

  stream::WindowedState<State> states_;
  std::uint32_t events_;
  std::size_t levels_;
  bool due_ = false;  // The message at hand brings a row of the clock of events.
};
static_assert(stream::KeyedOperator<Features>);

}  // namespace tapeline::analytics
