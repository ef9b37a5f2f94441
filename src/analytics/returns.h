#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "analytics/amihud.h"
#include "analytics/kyle_lambda.h"
#include "analytics/natural_log.h"
#include "analytics/realised_variance.h"
#include "base/uint128.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct ReturnsRow {
  EventTime start;
  EventTime end;
  std::uint64_t sequence;
  double realised_variance;
  double bipower_variation;
  double realised_volatility;
  double bipower_volatility;
  double kyle_lambda;
  double kyle_r_squared;
  double amihud;
  double mid;
  std::uint32_t steps;
  std::uint32_t traded_steps;
  Symbol symbol;
  Locate locate;
  Quality quality;
  std::array<std::uint8_t, 5> reserved = {};
};

[[nodiscard]] const table::Schema& returns_schema();

// What the returns of the mid over steps of fixed length say, per symbol and window of whole steps: realised
// and bipower variation (realised_variance.h), Kyle's lambda (kyle_lambda.h), Amihud's illiquidity
// (amihud.h). A step is [s, s + step), aligned to midnight; its return is ln(m' / m) with the mids that stood
// just before its end and its start, its flow that of the displayed executions within it. A step at whose
// start or end a side is missing has no return and is left out.
//
// Steps are summed up when the symbol's next change after them comes, or when the window closes: any number
// of quiet steps costs the same. A window without a change of the BBO or a trade gives no row.
class Returns {
 public:
  // The width is a multiple of the step.
  Returns(std::uint64_t width_ns, std::uint64_t step_ns) : states_(width_ns), step_ns_(step_ns) {}

  // What most changes touch; the sums are only touched where a step ends.
  void prefetch(Locate key) const { states_.prefetch<64>(key); }

  template <class Books>
  void process(const stream::Context& context, const book::Bbo& after, const Books& books) {
    State& state = touch(context, books);
    state.twice_mid =
        after.bid_shares != 0 && after.ask_shares != 0 ? std::uint64_t{after.bid.ticks} + after.ask.ticks : 0;
    state.quality |= context.quality;
  }

  template <class Books>
  void process(const stream::Context& context, const book::TradeReport& trade, const Books& books) {
    if (trade.kind != book::TradeKind::displayed || !trade.printable) return;
    State& state = touch(context, books);
    const auto shares = static_cast<std::int64_t>(trade.shares);
    state.flow += trade.resting_side == Side::ask ? shares : -shares;
    state.notional += static_cast<Uint128>(trade.price.ticks) * trade.shares;
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    states_.advance(
        watermark,
        [&](Locate key, State& state) {
          close_steps(state, raw(states_.window().end()) / step_ns_);
          emit(key, state, books, out);
          State next{};
          next.twice_mid = state.twice_mid;
          state = next;
        },
        [&](Locate key) { books.prefetch(key); });
  }
  [[nodiscard]] EventTime next_timer() const { return states_.next_timer(); }

  // The mid that stands is the start of windows to come, so it is state without any change in this one.
  void save_key(Locate key, stream::StateWriter& writer) const {
    states_.save_key(key, writer, states_[key].twice_mid != 0);
  }
  void open(EventTime watermark) { states_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { states_.load_key(key, reader); }

 private:
  struct alignas(64) State {
    std::uint64_t twice_mid;   // That stands; 0 where a side is missing.
    std::uint64_t step_start;  // Twice the mid at the start of the open step.
    std::uint64_t step;        // Number of the open step since midnight.
    std::uint64_t step_end;    // In nanoseconds.
    std::int64_t flow;         // Of the open step, and so is
    Uint128 notional;          // in price units times shares.
    Sequence sequence;
    Quality quality;
    bool in_window;
    // Of the steps that are closed:
    RealisedVariance variance;
    AmihudIlliquidity illiquidity;
    KyleRegression kyle;
  };

  template <class Books>
  State& touch(const stream::Context& context, const Books& books) {
    State& state = states_.touch(context.key, [&](State& first) {
      first.step_start = first.twice_mid;
      first.step = raw(states_.window().start()) / step_ns_;
      first.step_end = raw(states_.window().start()) + step_ns_;
      first.quality = books.quality(context.key);
    });
    if (raw(context.time) >= state.step_end) [[unlikely]]
      close_steps(state, raw(context.time) / step_ns_);
    state.sequence = context.sequence;
    return state;
  }

  // All before the one of this number.
  void close_steps(State& state, std::uint64_t step) {
    if (step <= state.step) return;
    const auto more = static_cast<std::uint32_t>(step - state.step - 1);
    const bool known = state.step_start != 0 && state.twice_mid != 0;
    if (known) {
      const double r = state.twice_mid == state.step_start ? 0
                                                           : log_ratio(static_cast<double>(state.twice_mid),
                                                                       static_cast<double>(state.step_start));
      state.variance.add(r);
      state.kyle.add(static_cast<std::int64_t>(state.twice_mid - state.step_start), state.flow);
      if (state.notional != 0) state.illiquidity.add(r, state.notional);
    } else {
      state.variance.skip();
    }
    if (more != 0) {
      state.variance.add_quiet();
      if (state.twice_mid != 0) state.kyle.add_quiet(more);
    }
    state.step_start = state.twice_mid;
    state.step = step;
    state.step_end = (step + 1) * step_ns_;
    state.flow = 0;
    state.notional = 0;
  }

  template <class Books, class Out>
  void emit(Locate key, const State& state, const Books& books, Out& out) const {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    const bool any = state.kyle.steps != 0;
    ReturnsRow row{};
    row.start = states_.window().start();
    row.end = states_.window().end();
    row.sequence = raw(state.sequence);
    row.realised_variance = any ? state.variance.realised_variance() : none;
    row.bipower_variation = any ? state.variance.bipower_variation() : none;
    row.realised_volatility = std::sqrt(row.realised_variance);
    row.bipower_volatility = std::sqrt(row.bipower_variation);
    row.kyle_lambda = state.kyle.lambda();
    row.kyle_r_squared = state.kyle.r_squared();
    row.amihud = state.illiquidity.value();
    row.mid = state.twice_mid != 0 ? static_cast<double>(state.twice_mid) / 2 / Price::per_dollar : none;
    row.steps = state.kyle.steps;
    row.traded_steps = state.illiquidity.steps;
    row.symbol = books.symbol(key);
    row.locate = key;
    row.quality = state.quality | books.quality(key);
    out.emit(row);
  }

  stream::WindowedState<State> states_;
  std::uint64_t step_ns_;
};
static_assert(stream::KeyedOperator<Returns>);

}  // namespace tapeline::analytics
