#pragma once

#include <array>
#include <cstdint>

#include "base/uint128.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/session_windows.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct BurstRow {
  EventTime start;
  EventTime end;
  std::uint64_t sequence;
  std::uint64_t volume;
  std::uint64_t buy_volume;
  std::uint64_t sell_volume;
  double imbalance;
  double vwap;
  Price first_price;
  Price last_price;
  std::uint32_t trades;
  Symbol symbol;
  Locate locate;
  Quality quality;
  std::uint8_t reserved = 0;
};

[[nodiscard]] const table::Schema& bursts_schema();

// Bursts of trading: session windows over the printable trades of a symbol, each of which comes within a gap
// of the one before (stream/session_windows.h).
//
//   imbalance = (bought - sold) / (bought + sold) of the displayed executions, null without any
//
// Every printable trade is in one burst, so volumes add up to those of the trades. Swapping buyers and
// sellers changes the sign of the imbalance and nothing else. A lone trade is a burst of one.
class Bursts {
 public:
  explicit Bursts(std::uint64_t gap_ns) : sessions_(gap_ns) {}

  void prefetch(Locate key) const { sessions_.prefetch(key); }

  template <class Books, class Out>
  void process(const stream::Context& context, const book::TradeReport& trade, const Books& books, Out& out) {
    if (!trade.printable || trade.shares == 0) return;
    Sum& sum = sessions_
                   .touch(context.key, context.time,
                          [&](Locate key, const Session& session) { emit(key, session, books, out); })
                   .state;
    if (sum.trades == 0) sum.first_price = trade.price;
    sum.last_price = trade.price;
    sum.volume += trade.shares;
    sum.notional += static_cast<Uint128>(trade.price.ticks) * trade.shares;
    if (trade.kind == book::TradeKind::displayed)
      (trade.resting_side == Side::ask ? sum.buy_volume : sum.sell_volume) += trade.shares;
    ++sum.trades;
    sum.quality |= context.quality;
    sum.sequence = context.sequence;
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    sessions_.advance(watermark, [&](Locate key, const Session& session) { emit(key, session, books, out); });
  }
  [[nodiscard]] EventTime next_timer() const { return sessions_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const { sessions_.save_key(key, writer); }
  void open(EventTime watermark) { sessions_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { sessions_.load_key(key, reader); }

 private:
  struct Sum {
    Uint128 notional;  // Price ticks times shares.
    std::uint64_t volume;
    std::uint64_t buy_volume;
    std::uint64_t sell_volume;
    Sequence sequence;  // Of the last trade.
    Price first_price;
    Price last_price;
    std::uint32_t trades;
    Quality quality;
  };
  using Session = stream::SessionWindows<Sum>::Session;

  template <class Books, class Out>
  static void emit(Locate key, const Session& session, const Books& books, Out& out) {
    const Sum& sum = session.state;
    BurstRow row{};
    row.start = session.first;
    row.end = session.last;
    row.sequence = raw(sum.sequence);
    row.volume = sum.volume;
    row.buy_volume = sum.buy_volume;
    row.sell_volume = sum.sell_volume;
    const auto bought = static_cast<double>(sum.buy_volume);
    const auto sold = static_cast<double>(sum.sell_volume);
    row.imbalance = (bought - sold) / (bought + sold);
    row.vwap = to_double(sum.notional) / static_cast<double>(sum.volume) / Price::per_dollar;
    row.first_price = sum.first_price;
    row.last_price = sum.last_price;
    row.trades = sum.trades;
    row.symbol = books.symbol(key);
    row.locate = key;
    row.quality = sum.quality | books.quality(key);
    out.emit(row);
  }

  stream::SessionWindows<Sum> sessions_;
};
static_assert(stream::KeyedOperator<Bursts>);

}  // namespace tapeline::analytics
