#pragma once

#include <algorithm>
#include <cstdint>

#include "base/uint128.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"

namespace tapeline::analytics {

// The bar of a symbol that is being summed up, whatever will close it. All zeros is one without trades. Sums
// are integers, so that nothing depends on the order of addition.
struct OpenBar {
  Uint128 notional;  // Price ticks times shares.
  Uint128 price_ns;  // Price ticks times the time for which each stood.
  EventTime opened;
  EventTime last;  // The close stands since then; what it stood for before is in price_ns.
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

  // Whether a trade belongs into bars at all.
  [[nodiscard]] static bool takes(const book::TradeReport& trade) {
    return trade.printable && trade.shares != 0;
  }

  // The bar opens with its first trade, not before `earliest`.
  void add(const stream::Context& context, const book::TradeReport& trade,
           EventTime earliest = EventTime{0}) {
    if (trades == 0) {
      opened = last = std::max(context.time, earliest);
      open = high = low = trade.price;
    }
    stand_until(context.time);
    high = std::max(high, trade.price);
    low = std::min(low, trade.price);
    close = trade.price;
    volume += trade.shares;
    notional += static_cast<Uint128>(trade.price.ticks) * trade.shares;
    if (trade.kind == book::TradeKind::displayed)
      (trade.resting_side == Side::ask ? buy_volume : sell_volume) += trade.shares;
    ++trades;
    quality |= context.quality;
    sequence = context.sequence;
  }

  // The last price has stood until this moment.
  void stand_until(EventTime until) {
    if (until <= last) return;
    price_ns += static_cast<Uint128>(close.ticks) * (raw(until) - raw(last));
    last = until;
  }

  // sum(price * size) / sum(size), in dollars.
  [[nodiscard]] double vwap() const {
    return to_double(notional) / static_cast<double>(volume) / Price::per_dollar;
  }
  // sum(price * dt) / sum(dt), in dollars; the price itself where no time has passed.
  [[nodiscard]] double twap() const {
    const std::uint64_t ns = raw(last) - raw(opened);
    return ns == 0 ? close.dollars() : to_double(price_ns) / static_cast<double>(ns) / Price::per_dollar;
  }

  // What all bars tell.
  template <class Row>
  void write_to(Row& row) const {
    row.sequence = raw(sequence);
    row.volume = volume;
    row.buy_volume = buy_volume;
    row.sell_volume = sell_volume;
    row.vwap = vwap();
    row.twap = twap();
    row.open = open;
    row.high = high;
    row.low = low;
    row.close = close;
    row.trades = trades;
  }
};

}  // namespace tapeline::analytics
