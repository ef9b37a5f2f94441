#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "analytics/open_bar.h"
#include "base/uint128.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/keyed_state.h"
#include "stream/operator.h"
#include "table/schema.h"

namespace tapeline::analytics {

// What closes a bar of trades.
enum class BarClock : std::uint8_t { tick, volume, dollar, imbalance };
inline constexpr std::size_t bar_clock_count = 4;

// How much of its clock a bar of trades takes; 0: no such bars.
struct BarThresholds {
  std::uint64_t trades = 100;
  std::uint64_t shares = 10'000;
  std::uint64_t dollars = 1'000'000;
  std::uint64_t imbalance_shares = 5'000;
};

struct TradeBarRow {
  EventTime opened;
  EventTime time;
  std::uint64_t sequence;
  std::uint64_t number;
  std::uint64_t volume;
  std::uint64_t buy_volume;
  std::uint64_t sell_volume;
  double vwap;
  double twap;
  Price open;
  Price high;
  Price low;
  Price close;
  std::uint32_t trades;
  Symbol symbol;
  Locate locate;
  BarClock clock;
  Quality quality;
};

[[nodiscard]] const table::Schema& trade_bars_schema();

// Bars whose length is told by the trades, per symbol: a bar closes with the trade that brings it to
//
//   tick        so many printable trades
//   volume      so many shares
//   dollar      so many dollars of price times size
//   imbalance   so many shares |bought - sold| by the aggressors of displayed executions
//
// A trade is never split, so the volumes of all bars of a clock and of the one that is still open add up to
// that of the trades. VWAP = sum(price * size) / sum(size); TWAP is the mean price weighted by the time until
// the next trade, from the first trade to the last (the price itself where all came at once). A bar that is
// not complete gives no row.
//
// Source: M. Lopez de Prado, "Advances in Financial Machine Learning" (2018), section 2.3; imbalance bars
// here have a fixed threshold in place of an expected one.
template <BarClock clock>
class TradeBars {
 public:
  explicit TradeBars(std::uint64_t threshold) : threshold_(threshold) {}

  void prefetch(Locate key) const { states_.prefetch(key); }

  template <class Books, class Out>
  void process(const stream::Context& context, const book::TradeReport& trade, const Books& books, Out& out) {
    if (threshold_ == 0 || !OpenBar::takes(trade)) return;
    State& state = states_[context.key];
    state.bar.add(context, trade);
    if (!is_complete(state.bar)) return;
    ++state.number;
    emit(context.key, state, books, out);
    state.bar = OpenBar{};
  }

  [[nodiscard]] EventTime next_timer() const { return stream::no_timer; }
  void save_key(Locate key, stream::StateWriter& writer) const {
    const State& state = states_[key];
    states_.save_key(key, writer, state.bar.trades != 0 || state.number != 0);
  }
  void open(EventTime) {}
  void load_key(Locate key, stream::StateReader& reader) { states_.load_key(key, reader); }

 private:
  struct alignas(64) State {
    OpenBar bar;
    std::uint64_t number;  // Bars that are complete.
  };

  [[nodiscard]] bool is_complete(const OpenBar& bar) const {
    if constexpr (clock == BarClock::tick) return bar.trades >= threshold_;
    if constexpr (clock == BarClock::volume) return bar.volume >= threshold_;
    if constexpr (clock == BarClock::dollar)
      return bar.notional >= static_cast<Uint128>(threshold_) * Price::per_dollar;
    if constexpr (clock == BarClock::imbalance)
      return std::max(bar.buy_volume, bar.sell_volume) - std::min(bar.buy_volume, bar.sell_volume) >=
             threshold_;
  }

  template <class Books, class Out>
  static void emit(Locate key, const State& state, const Books& books, Out& out) {
    TradeBarRow row{};
    row.opened = state.bar.opened;
    row.time = state.bar.last;
    row.number = state.number;
    state.bar.write_to(row);
    row.symbol = books.symbol(key);
    row.locate = key;
    row.clock = clock;
    row.quality = state.bar.quality | books.quality(key);
    out.emit(row);
  }

  std::uint64_t threshold_;
  stream::KeyedState<State> states_;
};
static_assert(stream::KeyedOperator<TradeBars<BarClock::tick>>);

}  // namespace tapeline::analytics
