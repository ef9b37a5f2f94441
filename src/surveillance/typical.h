#pragma once

#include <algorithm>
#include <cstdint>

#include "book/book_types.h"
#include "market/types.h"
#include "stream/keyed_state.h"
#include "surveillance/alert.h"

namespace tapeline::surveillance {

// What is usual in a symbol, so that the detectors need no table of symbols:
//
//   typical order   moving mean of the sizes of new orders, each taken as at most eight times the mean, so
//   that
//                   the large orders a detector looks for do not make themselves usual
//   typical spread  moving mean of ask - bid as trades found it
//
// Each new value counts a 64th. Sixteenths of shares and of price ticks, in whole numbers.
class Typical : public WithoutTimers {
 public:
  void prefetch(Locate key) const { states_.prefetch(key); }

  void note_order(Locate key, Shares shares) {
    State& state = states_[key];
    const std::uint64_t value = std::uint64_t{shares} * 16;
    if (state.orders == 0)
      state.order = static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
    else
      move(state.order, std::min(value, std::uint64_t{state.order} * 8));
    if (state.orders < orders_needed) ++state.orders;
  }
  void note_trade(Locate key, const book::Bbo& prevailing) {
    if (prevailing.bid_shares == 0 || prevailing.ask_shares == 0 || prevailing.bid >= prevailing.ask) return;
    State& state = states_[key];
    const std::uint64_t value = std::uint64_t{prevailing.ask.ticks - prevailing.bid.ticks} * 16;
    if (state.trades == 0)
      state.spread = static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
    else
      move(state.spread, std::min(value, std::uint64_t{state.spread} * 8));
    if (state.trades < trades_needed) ++state.trades;
  }

  // In shares and in price ticks; 0 while too little is known to say.
  [[nodiscard]] double order(Locate key) const {
    const State& state = states_[key];
    return state.orders < orders_needed ? 0 : state.order / 16.0;
  }
  [[nodiscard]] double spread(Locate key) const {
    const State& state = states_[key];
    return state.trades < trades_needed ? 0 : state.spread / 16.0;
  }

  void save_key(Locate key, stream::StateWriter& writer) const {
    states_.save_key(key, writer, states_[key].orders != 0 || states_[key].trades != 0);
  }
  void load_key(Locate key, stream::StateReader& reader) { states_.load_key(key, reader); }

 private:
  static constexpr std::uint16_t orders_needed = 64;
  static constexpr std::uint16_t trades_needed = 8;

  struct State {
    std::uint32_t order;
    std::uint32_t spread;
    std::uint16_t orders;
    std::uint16_t trades;
  };

  // At least by one, or a small mean would never fall; never to zero, from which it could not rise.
  static void move(std::uint32_t& mean, std::uint64_t value) {
    if (value >= mean)
      mean = static_cast<std::uint32_t>(std::min<std::uint64_t>(mean + (value - mean + 63) / 64, UINT32_MAX));
    else
      mean -= static_cast<std::uint32_t>((mean - value + 63) / 64);
    mean = std::max(mean, 1u);
  }

  stream::KeyedState<State> states_;
};
static_assert(stream::KeyedOperator<Typical>);

}  // namespace tapeline::surveillance
