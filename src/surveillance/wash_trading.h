#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "book/book_types.h"
#include "market/event.h"
#include "stream/keyed_state.h"
#include "surveillance/alert.h"
#include "surveillance/parameters.h"
#include "surveillance/typical.h"

namespace tapeline::surveillance {

// Wash-like trading: again and again an order is filled whole, at once, by one execution right after it was
// entered, each time with the same number of shares and at nearly the same price: as if who filled it had
// known it.
//
//   score = fills * (their size / typical order, at most ten)
//
// A common size is repeated by chance, so a fill of it counts little. The feed has no traders: whether both
// sides were one owner only own order entry can tell (see own_orders.h).
//
// Sources: Commodity Exchange Act section 4c(a)(2)(A) (wash sales); Regulation (EU) 596/2014 (MAR), Annex I
// A(c)
// ("transactions which lead to no change in beneficial ownership"); FINRA Rule 5210, Supplementary Material
// .02 (self-trades).
class WashTrading : public WithoutTimers {
 public:
  static constexpr std::size_t sizes = 4;

  explicit WashTrading(const Parameters& parameters)
      : parameters_(parameters),
        age_ns_(ns_of_ms(parameters.wash_age_us / 1e3)),
        window_ns_(ns_of_ms(parameters.wash_window_ms)) {}

  // A change of an order.
  template <class Books, class Out>
  void process(const stream::Context& context, EventKind kind, const book::OrderChange& change,
               const Typical& typical, const Books& books, Out& out) {
    if (kind != EventKind::execute || change.after != 0) return;
    if (raw(context.time) - raw(change.entered) > age_ns_) return;
    State& state = states_[context.key];
    Series& series = series_of(context, change, state);
    ++series.fills;
    series.sides |= static_cast<std::uint8_t>(1u << raw(change.side));
    series.last = context.time;
    series.quality |= books.quality(context.key);
    const double usual = typical.order(context.key);
    if (series.fills < parameters_.wash_fills || series.is_told != 0 || usual == 0) return;
    const double score = series.fills * std::min(change.before / usual, 10.0);
    if (score < parameters_.wash_threshold) return;
    AlertRow row = alert_of(Detector::wash_trading, context, books, score, parameters_.wash_threshold);
    row.start = series.start;
    row.first_sequence = series.first_sequence;
    row.side = series.sides == 1 ? 'B' : series.sides == 2 ? 'S' : ' ';
    row.orders = row.trades = series.fills;
    row.shares = std::uint64_t{series.fills} * change.before;
    row.ratio = row.move_bps = std::numeric_limits<double>::quiet_NaN();
    row.price = change.price;
    row.quality |= series.quality;
    row.id = alert_id(row);
    series.is_told = 1;
    out.emit(row);
  }

  void save_key(Locate key, stream::StateWriter& writer) const {
    states_.save_key(key, writer, states_[key].in_use != 0);
  }
  void load_key(Locate key, stream::StateReader& reader) { states_.load_key(key, reader); }

 private:
  // Fills of one size.
  struct Series {
    EventTime start;
    EventTime last;
    std::uint64_t first_sequence;
    Shares shares;  // 0: none.
    std::uint32_t fills;
    Price lowest;
    Price highest;
    std::uint8_t sides;  // Of the resting orders: 1 bid, 2 ask.
    std::uint8_t is_told;
    Quality quality;
    std::array<std::uint8_t, 5> reserved;
  };
  struct State {
    std::array<Series, sizes> series;
    std::uint8_t in_use;
    std::array<std::uint8_t, 7> reserved;
  };
  static_assert(sizeof(Series) == 48 && sizeof(State) == sizes * 48 + 8);

  // The one that this fill goes on with, or a new one in place of the oldest.
  Series& series_of(const stream::Context& context, const book::OrderChange& change, State& state) const {
    state.in_use = 1;
    Series* oldest = state.series.data();
    for (Series& series : state.series) {
      if (series.shares == change.before) {
        const Price lowest = std::min(series.lowest, change.price);
        const Price highest = std::max(series.highest, change.price);
        const bool goes_on = raw(context.time) - raw(series.last) <= window_ns_ &&
                             static_cast<double>(highest.ticks - lowest.ticks) <=
                                 parameters_.wash_range_bps * lowest.ticks / 1e4;
        if (!goes_on) return begin(context, change, series);
        series.lowest = lowest;
        series.highest = highest;
        return series;
      }
      if (series.last < oldest->last) oldest = &series;
    }
    return begin(context, change, *oldest);
  }
  static Series& begin(const stream::Context& context, const book::OrderChange& change, Series& series) {
    series = {};
    series.start = series.last = context.time;
    series.first_sequence = raw(context.sequence);
    series.shares = change.before;
    series.lowest = series.highest = change.price;
    return series;
  }

  Parameters parameters_;
  std::uint64_t age_ns_;
  std::uint64_t window_ns_;
  stream::KeyedState<State> states_;
};
static_assert(stream::KeyedOperator<WashTrading>);

}  // namespace tapeline::surveillance
