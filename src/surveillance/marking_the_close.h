#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "book/book_types.h"
#include "stream/keyed_state.h"
#include "surveillance/alert.h"
#include "surveillance/parameters.h"
#include "surveillance/typical.h"

namespace tapeline::surveillance {

// Marking the close: right before the closing auction nearly all trades are taken by one side, and they move
// the price by many spreads.
//
//   score = the mid's move since before the first trade of the window, the way the shares were taken, in
//   typical
//           spreads
//
// At most one alert a symbol and day.
//
// Sources: Regulation (EU) 596/2014 (MAR), Article 12(2)(b) ("the buying or selling of financial instruments,
// at the opening or closing of the market, which has or is likely to have the effect of misleading investors
// acting on the basis of the prices displayed"); C. Comerton-Forde, T. Putnins, "Measuring Closing Price
// Manipulation", Journal of Financial Intermediation 20 (2011).
class MarkingTheClose : public WithoutTimers {
 public:
  explicit MarkingTheClose(const Parameters& parameters)
      : parameters_(parameters),
        close_ns_(ns_of_ms(parameters.close_time_s * 1e3)),
        from_ns_(close_ns_ - std::min(close_ns_, ns_of_ms(parameters.close_window_s * 1e3))) {}

  // An execution of a displayed order, with the best prices that it found.
  template <class Books, class Out>
  void process(const stream::Context& context, const book::TradeReport& trade, const book::Bbo& prevailing,
               const Typical& typical, const Books& books, Out& out) {
    if (raw(context.time) < from_ns_ || raw(context.time) >= close_ns_) return;
    if (prevailing.bid_shares == 0 || prevailing.ask_shares == 0) return;
    State& state = states_[context.key];
    const std::int64_t twice_mid = std::int64_t{prevailing.bid.ticks} + prevailing.ask.ticks;
    if (state.trades == 0) {
      state.origin = twice_mid;
      state.start = context.time;
      state.first_sequence = raw(context.sequence);
    }
    ++state.trades;
    (trade.resting_side == Side::ask ? state.bought : state.sold) += trade.shares;
    state.quality |= books.quality(context.key);
    if (state.trades < parameters_.close_trades || state.is_told != 0) return;
    const double spread = typical.spread(context.key);
    const double net = static_cast<double>(state.bought) - static_cast<double>(state.sold);
    const double ratio = std::abs(net) / static_cast<double>(state.bought + state.sold);
    const std::int64_t move = net > 0 ? twice_mid - state.origin : state.origin - twice_mid;
    if (spread == 0 || ratio < parameters_.close_imbalance) return;
    const double score = static_cast<double>(move) / 2 / spread;
    if (score < parameters_.close_threshold) return;
    AlertRow row = alert_of(Detector::marking_the_close, context, books, score, parameters_.close_threshold);
    row.start = state.start;
    row.first_sequence = state.first_sequence;
    row.side = net > 0 ? 'B' : 'S';
    row.shares = net > 0 ? state.bought : state.sold;
    row.other_shares = net > 0 ? state.sold : state.bought;
    row.trades = state.trades;
    row.ratio = ratio;
    row.move_bps = static_cast<double>(move) * 1e4 / static_cast<double>(state.origin);
    row.price = trade.price;
    row.quality |= state.quality;
    row.id = alert_id(row);
    state.is_told = 1;
    out.emit(row);
  }

  void save_key(Locate key, stream::StateWriter& writer) const {
    states_.save_key(key, writer, states_[key].trades != 0);
  }
  void load_key(Locate key, stream::StateReader& reader) { states_.load_key(key, reader); }

 private:
  struct alignas(64) State {
    EventTime start;
    std::uint64_t first_sequence;
    std::uint64_t bought;
    std::uint64_t sold;
    std::int64_t origin;  // Twice the mid before the first trade of the window.
    std::uint32_t trades;
    std::uint8_t is_told;
    Quality quality;
    std::array<std::uint8_t, 18> reserved;
  };
  static_assert(sizeof(State) == 64);

  Parameters parameters_;
  std::uint64_t close_ns_;
  std::uint64_t from_ns_;
  stream::KeyedState<State> states_;
};
static_assert(stream::KeyedOperator<MarkingTheClose>);

}  // namespace tapeline::surveillance
