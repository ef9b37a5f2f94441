#pragma once

#include <algorithm>

#include "base/uint128.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/keyed_state.h"
#include "stream/operator.h"
#include "stream/tumbling_windows.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct BarRow {
  EventTime start;
  EventTime end;
  std::uint64_t sequence;
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
  Quality quality;
  std::uint8_t reserved = 0;
};

[[nodiscard]] const table::Schema& bars_schema();

// Time bars per symbol: open, high, low, close, volume, VWAP = sum(price * size) / sum(size) and TWAP =
// sum(price * dt) / sum(dt) over the printable trades of a window, where dt is the time until the next trade
// or the window's end. A window without trades gives no row. Sums are integers, so the result does not depend
// on the order of addition.
class TimeBars {
 public:
  explicit TimeBars(std::uint64_t width_ns) : windows_(width_ns) {}

  template <class Out>
  void process(const stream::Context& context, const book::TradeReport& trade, Out&) {
    if (!trade.printable || trade.shares == 0) return;
    Bar& bar = bars_[context.key];
    if (bar.trades == 0) {
      windows_.add(context.key);
      bar.open = bar.high = bar.low = trade.price;
      bar.first = bar.last = std::max(context.time, windows_.start());
    }
    accumulate(bar, context.time);
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

  // `books` knows the symbol and the quality of a key at the window's end.
  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    windows_.advance(watermark, [&](Locate key) {
      Bar& bar = bars_[key];
      accumulate(bar, windows_.end());
      const double vwap =
          static_cast<double>(bar.notional) / static_cast<double>(bar.volume) / Price::per_dollar;
      const double twap = static_cast<double>(bar.price_ns) /
                          static_cast<double>(raw(bar.last) - raw(bar.first)) / Price::per_dollar;
      out.emit(BarRow{windows_.start(), windows_.end(), raw(bar.sequence), bar.volume, bar.buy_volume,
                      bar.sell_volume, vwap, twap, bar.open, bar.high, bar.low, bar.close, bar.trades,
                      books.symbol(key), key, bar.quality | books.quality(key)});
      bar = Bar{};
    });
  }
  [[nodiscard]] EventTime next_timer() const { return windows_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const {
    bars_.save_key(key, writer, bars_[key].trades != 0);
  }
  void open(EventTime watermark) { windows_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) {
    if (bars_.load_key(key, reader)) windows_.add(key);
  }

 private:
  struct Bar {
    Uint128 notional;  // Price ticks times shares.
    Uint128 price_ns;  // Price ticks times the time each stood.
    EventTime first;
    EventTime last;
    std::uint64_t volume;
    std::uint64_t buy_volume;
    std::uint64_t sell_volume;
    Sequence sequence;  // Of the last trade.
    Price open;
    Price high;
    Price low;
    Price close;
    std::uint32_t trades;
    Quality quality;
  };

  static void accumulate(Bar& bar, EventTime until) {
    if (until <= bar.last) return;
    bar.price_ns += static_cast<Uint128>(bar.close.ticks) * (raw(until) - raw(bar.last));
    bar.last = until;
  }

  stream::TumblingWindows windows_;
  stream::KeyedState<Bar> bars_;
};
static_assert(stream::KeyedOperator<TimeBars>);

}  // namespace tapeline::analytics
