#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "book/book_types.h"
#include "stream/keyed_state.h"
#include "surveillance/alert.h"
#include "surveillance/parameters.h"
#include "surveillance/typical.h"

namespace tapeline::surveillance {

// Momentum ignition: a fast run of trades that one side takes moves the price by many spreads; then the other
// side takes, and much of the move is given back.
//
//   score = the furthest that the mid was moved from where the run began, in typical spreads
//
// The run goes on while its side takes, with no long pause and few shares taken against it. It is told when
// part of the move is taken back, in time, and the other side has taken its part of the shares.
//
// Sources: Delegated Regulation (EU) 2016/522, Annex II section 1 ("entering orders to trade or a series of
// orders to trade, or executing transactions or series of transactions, likely to start or exacerbate a trend
// and to encourage other participants to accelerate or extend the trend in order to create an opportunity to
// close out or open a position at a favourable price - usually known as momentum ignition"); J. Tse, X. Lin,
// D. Vincent, "High Frequency Trading - Measurement, Detection and Response", Credit Suisse, 2012.
class MomentumIgnition : public WithoutTimers {
 public:
  explicit MomentumIgnition(const Parameters& parameters)
      : parameters_(parameters),
        gap_ns_(ns_of_ms(parameters.ignition_gap_ms)),
        reversal_ns_(ns_of_ms(parameters.ignition_reversal_ms)),
        cooldown_ns_(ns_of_ms(parameters.cooldown_ms)) {}

  // An execution of a displayed order, with the best prices that it found.
  template <class Books, class Out>
  void process(const stream::Context& context, const book::TradeReport& trade, const book::Bbo& prevailing,
               const Typical& typical, const Books& books, Out& out) {
    State& state = states_[context.key];
    const Side taker = opposite(trade.resting_side);
    if (state.trades != 0 && is_over(context, state)) state.trades = 0;
    if (state.trades != 0) follow(state, prevailing);
    if (state.trades == 0 || (taker != state.taker && !is_reversal(state) &&
                              static_cast<double>(state.against + trade.shares) >
                                  parameters_.ignition_against * static_cast<double>(state.shares))) {
      begin(context, trade, prevailing, taker, state, books);
      return note(context.key, state);
    }
    state.last = context.time;
    state.quality |= books.quality(context.key);
    if (taker == state.taker) {
      state.shares += trade.shares;
      ++state.trades;
    } else {
      state.against += trade.shares;
    }
    evaluate(context, trade.price, state, typical, books, out);
    note(context.key, state);
  }

  // A change of the best prices.
  template <class Books, class Out>
  void process(const stream::Context& context, const book::Bbo& after, const Typical& typical,
               const Books& books, Out& out) {
    if (has_run_[context.key] == 0) return;
    State& state = states_[context.key];
    if (is_over(context, state)) {
      state.trades = 0;
    } else {
      follow(state, after);
      evaluate(context, state.taker == Side::bid ? after.bid : after.ask, state, typical, books, out);
    }
    note(context.key, state);
  }

  void save_key(Locate key, stream::StateWriter& writer) const {
    states_.save_key(key, writer, states_[key].in_use != 0);
  }
  void load_key(Locate key, stream::StateReader& reader) {
    states_.load_key(key, reader);
    note(key, states_[key]);
  }

 private:
  struct alignas(64) State {
    EventTime start;
    EventTime last;  // Trade of either side.
    EventTime quiet_until;
    std::uint64_t first_sequence;
    std::uint64_t shares;
    std::uint64_t against;
    std::int64_t origin;  // Twice the mid before the first trade.
    std::int64_t now;     // Twice the mid.
    std::int64_t furthest;
    std::uint32_t trades;  // Of the run's side; 0: there is no run.
    Side taker;
    std::uint8_t in_use;
    Quality quality;
    std::uint8_t reserved;
    std::array<std::uint64_t, 6> reserved2;
  };
  static_assert(sizeof(State) == 128);

  // Changes of the best prices are many and runs are few: a byte a symbol, which stays in the cache.
  void note(Locate key, const State& state) {
    has_run_[key] = state.trades >= parameters_.ignition_trades && state.trades != 0;
  }

  // How far a price has gone the run's way.
  [[nodiscard]] static std::int64_t gone(const State& state, std::int64_t twice_mid) {
    return state.taker == Side::bid ? twice_mid - state.origin : state.origin - twice_mid;
  }
  // Behind the highest point the run may pause, and be traded against: that is the turn.
  [[nodiscard]] bool is_reversal(const State& state) const {
    return state.trades >= parameters_.ignition_trades && gone(state, state.furthest) > 0;
  }
  [[nodiscard]] bool is_over(const stream::Context& context, const State& state) const {
    if (raw(context.time) - raw(state.start) > reversal_ns_) return true;
    return !is_reversal(state) && raw(context.time) - raw(state.last) > gap_ns_;
  }
  static void follow(State& state, const book::Bbo& bbo) {
    if (bbo.bid_shares == 0 || bbo.ask_shares == 0) return;
    state.now = std::int64_t{bbo.bid.ticks} + bbo.ask.ticks;
    if (gone(state, state.now) > gone(state, state.furthest)) state.furthest = state.now;
  }

  template <class Books>
  static void begin(const stream::Context& context, const book::TradeReport& trade,
                    const book::Bbo& prevailing, Side taker, State& state, const Books& books) {
    if (prevailing.bid_shares == 0 || prevailing.ask_shares == 0) return;
    const EventTime quiet_until = state.quiet_until;
    state = {};
    state.quiet_until = quiet_until;
    state.start = state.last = context.time;
    state.first_sequence = raw(context.sequence);
    state.shares = trade.shares;
    state.origin = state.now = state.furthest = std::int64_t{prevailing.bid.ticks} + prevailing.ask.ticks;
    state.trades = 1;
    state.taker = taker;
    state.in_use = 1;
    state.quality = books.quality(context.key);
  }

  template <class Books, class Out>
  void evaluate(const stream::Context& context, Price price, State& state, const Typical& typical,
                const Books& books, Out& out) const {
    const std::int64_t move = gone(state, state.furthest);
    if (state.trades < parameters_.ignition_trades || move <= 0) return;
    const double retrace = static_cast<double>(move - gone(state, state.now)) / static_cast<double>(move);
    const double spread = typical.spread(context.key);
    if (spread == 0 || retrace < parameters_.ignition_retrace || context.time < state.quiet_until ||
        static_cast<double>(state.against) < parameters_.ignition_against * static_cast<double>(state.shares))
      return;
    const double score = static_cast<double>(move) / 2 / spread;
    if (score < parameters_.ignition_threshold) return;
    AlertRow row =
        alert_of(Detector::momentum_ignition, context, books, score, parameters_.ignition_threshold);
    row.start = state.start;
    row.first_sequence = state.first_sequence;
    row.side = side_code(state.taker);
    row.shares = state.shares;
    row.other_shares = state.against;
    row.trades = state.trades;
    row.ratio = retrace;
    row.move_bps = static_cast<double>(gone(state, state.furthest)) * 1e4 / static_cast<double>(state.origin);
    row.price = price;
    row.quality |= state.quality;
    row.id = alert_id(row);
    state.trades = 0;
    state.quiet_until = EventTime{raw(context.time) + cooldown_ns_};
    out.emit(row);
  }

  Parameters parameters_;
  std::uint64_t gap_ns_;
  std::uint64_t reversal_ns_;
  std::uint64_t cooldown_ns_;
  stream::KeyedState<State> states_;
  stream::KeyedState<std::uint8_t> has_run_;  // Long enough to be looked at; follows from the states.
};
static_assert(stream::KeyedOperator<MomentumIgnition>);

}  // namespace tapeline::surveillance
