#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

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

  void prefetch(Locate key) const { bars_.prefetch(key); }

  template <class Books, class Out>
  void process(const stream::Context& context, const book::TradeReport& trade, const Books& books, Out& out) {
    if (threshold_ == 0 || !trade.printable || trade.shares == 0) return;
    Bar& bar = bars_[context.key];
    add(bar, context, trade);
    if (!is_complete(bar)) return;
    emit(context.key, bar, books, out);
    const std::uint64_t number = bar.number + 1;
    bar = Bar{};
    bar.number = number;
  }

  [[nodiscard]] EventTime next_timer() const { return stream::no_timer; }
  void save_key(Locate key, stream::StateWriter& writer) const {
    bars_.save_key(key, writer, bars_[key].trades != 0 || bars_[key].number != 0);
  }
  void open(EventTime) {}
  void load_key(Locate key, stream::StateReader& reader) { bars_.load_key(key, reader); }

 private:
  struct alignas(64) Bar {
    Uint128 notional;  // Price ticks times shares.
    Uint128 price_ns;  // Price ticks times the time each stood.
    EventTime opened;
    EventTime last;
    std::uint64_t number;  // Bars before it.
    std::uint64_t volume;
    std::uint64_t buy_volume;
    std::uint64_t sell_volume;
    Sequence sequence;
    Price open;
    Price high;
    Price low;
    Price close;
    std::uint32_t trades;
    Quality quality;
  };

  static void add(Bar& bar, const stream::Context& context, const book::TradeReport& trade) {
    if (bar.trades == 0) {
      bar.opened = bar.last = context.time;
      bar.open = bar.high = bar.low = trade.price;
    }
    if (context.time > bar.last) {
      bar.price_ns += static_cast<Uint128>(bar.close.ticks) * (raw(context.time) - raw(bar.last));
      bar.last = context.time;
    }
    bar.high = std::max(bar.high, trade.price);
    bar.low = std::min(bar.low, trade.price);
    bar.close = trade.price;
    bar.volume += trade.shares;
    bar.notional += static_cast<Uint128>(trade.price.ticks) * trade.shares;
    if (trade.kind == book::TradeKind::displayed)
      (trade.resting_side == Side::ask ? bar.buy_volume : bar.sell_volume) += trade.shares;
    ++bar.trades;
    bar.quality |= context.quality;
    bar.sequence = context.sequence;
  }

  [[nodiscard]] bool is_complete(const Bar& bar) const {
    if constexpr (clock == BarClock::tick) return bar.trades >= threshold_;
    if constexpr (clock == BarClock::volume) return bar.volume >= threshold_;
    if constexpr (clock == BarClock::dollar)
      return bar.notional >= static_cast<Uint128>(threshold_) * Price::per_dollar;
    if constexpr (clock == BarClock::imbalance)
      return std::max(bar.buy_volume, bar.sell_volume) - std::min(bar.buy_volume, bar.sell_volume) >=
             threshold_;
  }

  template <class Books, class Out>
  static void emit(Locate key, const Bar& bar, const Books& books, Out& out) {
    TradeBarRow row{};
    row.opened = bar.opened;
    row.time = bar.last;
    row.sequence = raw(bar.sequence);
    row.number = bar.number + 1;
    row.volume = bar.volume;
    row.buy_volume = bar.buy_volume;
    row.sell_volume = bar.sell_volume;
    row.vwap = static_cast<double>(bar.notional) / static_cast<double>(bar.volume) / Price::per_dollar;
    const std::uint64_t ns = raw(bar.last) - raw(bar.opened);
    row.twap = ns == 0 ? bar.close.dollars()
                       : static_cast<double>(bar.price_ns) / static_cast<double>(ns) / Price::per_dollar;
    row.open = bar.open;
    row.high = bar.high;
    row.low = bar.low;
    row.close = bar.close;
    row.trades = bar.trades;
    row.symbol = books.symbol(key);
    row.locate = key;
    row.clock = clock;
    row.quality = bar.quality | books.quality(key);
    out.emit(row);
  }

  std::uint64_t threshold_;
  stream::KeyedState<Bar> bars_;
};
static_assert(stream::KeyedOperator<TradeBars<BarClock::tick>>);

}  // namespace tapeline::analytics
