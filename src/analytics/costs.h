#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "analytics/effective_spread.h"
#include "base/virtual_array.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/key_set.h"
#include "stream/keyed_state.h"
#include "stream/operator.h"
#include "stream/timer_grid.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct CostRow {
  std::uint64_t sequence;
  EventTime time;
  std::uint64_t size;
  double mid;
  double later_mid;
  double quoted_spread;
  double effective_spread;
  double realised_spread;
  double price_impact;
  double effective_bps;
  double realised_bps;
  double impact_bps;
  Price price;
  Symbol symbol;
  Locate locate;
  char aggressor;
  Quality quality;
};

[[nodiscard]] const table::Schema& costs_schema();

// What each displayed execution cost its aggressor, and where the mid was a horizon later; the equations
// stand in effective_spread.h. Executions of one nanosecond and one side are one order that walked the book:
// all are held against the quotes before the first of them.
//
// The mid at t + tau is the one that stood then, changes of that very nanosecond included. It is known once
// the symbol's best prices change later than that, or a timer at each multiple of the horizon finds that the
// watermark has passed it, and the row is emitted then: rows of a symbol come in the order of its trades, and
// a late trade waits for those told before it. At the end of the input the last mid stands in.
//
// A symbol has at most max_waiting trades that wait, all together at most max_waiting_in_all; beyond that the
// trade that has waited longest, or the new one, is emitted without what came later.
class Costs {
 public:
  static constexpr std::uint32_t max_waiting = 4'096;
  static constexpr std::uint32_t max_waiting_in_all = std::uint32_t{1} << 22;

  explicit Costs(std::uint64_t horizon_ns)
      : horizon_ns_(horizon_ns),
        grid_(std::max(horizon_ns, least_grid_ns)),
        trades_(std::size_t{max_waiting_in_all} + 1) {}

  void prefetch(Locate key) const { queues_.prefetch(key); }

  // The best prices change.
  template <class Books, class Out>
  void process(const stream::Context& context, const book::Bbo& before, const book::Bbo&, const Books& books,
               Out& out) {
    Queue& queue = queues_[context.key];
    if (queue.count == 0) return;
    emit_before(context.key, context.time, twice_mid_of(before), books, out);
    if (context.quality != Quality::good && queue.count != 0) {
      queue.flags |= context.quality;
      queue.flagged_at = context.time;
    }
  }

  template <class Books, class Out>
  void process(const stream::Context& context, const book::TradeReport& trade, const book::Bbo& prevailing,
               const Books& books, Out& out) {
    if (trade.kind != book::TradeKind::displayed || !trade.printable || trade.shares == 0) return;
    Queue& queue = queues_[context.key];
    Waiting waiting{.sequence = context.sequence,
                    .time = context.time,
                    .size = trade.shares,
                    .twice_mid = twice_mid_of(prevailing),
                    .price = trade.price,
                    .spread = spread_of(prevailing),
                    .next = 0,
                    .buyer = trade.resting_side == Side::ask,
                    .quality = context.quality};
    if (queue.count != 0) {
      const Waiting& last = trades_[queue.last];
      if (last.time == waiting.time && last.buyer == waiting.buyer) {
        waiting.twice_mid = last.twice_mid;
        waiting.spread = last.spread;
      }
    }
    if (queue.count == max_waiting) emit(context.key, pop(context.key), 0, books, out);
    if (!push(context.key, waiting)) emit(context.key, waiting, 0, books, out);
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    if (!grid_.advance(watermark)) return;
    keys_.for_each(
        [&](Locate key) { emit_before(key, watermark, twice_mid_of(books.bbo(key)), books, out); });
  }
  [[nodiscard]] EventTime next_timer() const { return grid_.next(); }

  void save_key(Locate key, stream::StateWriter& writer) const {
    const Queue& queue = queues_[key];
    queues_.save_key(key, writer, queue.count != 0);
    for (std::uint32_t at = queue.first, i = 0; i < queue.count; ++i, at = trades_[at].next)
      writer.put(trades_[at]);
  }
  void open(EventTime watermark) { grid_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) {
    queues_.load_key(key, reader);
    Queue& queue = queues_[key];
    const std::uint32_t count = std::min(queue.count, max_waiting);
    queue.first = queue.last = queue.count = 0;
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) (void)push(key, reader.get<Waiting>());
  }

 private:
  struct Waiting {
    Sequence sequence;
    EventTime time;
    std::uint64_t size;
    std::uint64_t twice_mid;  // 0 where a side was missing.
    Price price;
    Price spread;
    std::uint32_t next;  // In the queue, or among the free ones.
    bool buyer;
    Quality quality;
  };
  struct Queue {
    EventTime flagged_at;  // When the book last was anything but good while trades waited …
    std::uint32_t first;
    std::uint32_t last;
    std::uint32_t count;
    Quality flags;  // … and what it was.
  };

  static std::uint64_t twice_mid_of(const book::Bbo& bbo) {
    if (bbo.bid_shares == 0 || bbo.ask_shares == 0) return 0;
    return std::uint64_t{bbo.bid.ticks} + bbo.ask.ticks;
  }
  static Price spread_of(const book::Bbo& bbo) {
    return Price{bbo.ask > bbo.bid ? bbo.ask.ticks - bbo.bid.ticks : 0};
  }

  // All whose horizon lies before `time`, which this mid has stood until.
  template <class Books, class Out>
  void emit_before(Locate key, EventTime time, std::uint64_t twice_mid, const Books& books, Out& out) {
    const Queue& queue = queues_[key];
    while (queue.count != 0 && raw(trades_[queue.first].time) + horizon_ns_ < raw(time))
      emit(key, pop(key), twice_mid, books, out);
  }

  bool push(Locate key, const Waiting& waiting) {
    std::uint32_t at = free_;
    if (at != 0) {
      free_ = trades_[at].next;
    } else {
      if (used_ == max_waiting_in_all) return false;
      at = ++used_;
    }
    trades_[at] = waiting;
    Queue& queue = queues_[key];
    if (queue.count++ == 0) {
      queue.first = at;
      keys_.add(key);
    } else {
      trades_[queue.last].next = at;
    }
    queue.last = at;
    return true;
  }
  Waiting pop(Locate key) {
    Queue& queue = queues_[key];
    const std::uint32_t at = queue.first;
    const Waiting waiting = trades_[at];
    queue.first = waiting.next;
    trades_[at].next = free_;
    free_ = at;
    if (--queue.count == 0) keys_.remove(key);
    return waiting;
  }

  template <class Books, class Out>
  void emit(Locate key, const Waiting& trade, std::uint64_t twice_mid, const Books& books, Out& out) {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    Queue& queue = queues_[key];
    CostRow row{};
    row.sequence = raw(trade.sequence);
    row.time = trade.time;
    row.size = trade.size;
    row.price = trade.price;
    row.symbol = books.symbol(key);
    row.locate = key;
    row.aggressor = trade.buyer ? 'B' : 'S';
    row.quality = trade.quality | books.quality(key);
    if (queue.flagged_at >= trade.time) row.quality |= queue.flags;
    if (queue.count == 0) queue = Queue{};
    const TradeCosts costs = trade_costs(trade.buyer, trade.price, trade.twice_mid, twice_mid);
    const auto dollars = [](bool known, auto ticks) {
      return known ? static_cast<double>(ticks) / Price::per_dollar : none;
    };
    const auto bps = [&](bool known, std::int64_t ticks) {
      return known ? static_cast<double>(ticks) * 20'000 / static_cast<double>(trade.twice_mid) : none;
    };
    const bool known = trade.twice_mid != 0;
    const bool later = twice_mid != 0;
    row.mid = dollars(known, trade.twice_mid) / 2;
    row.later_mid = dollars(later, twice_mid) / 2;
    row.quoted_spread = dollars(known, trade.spread.ticks);
    row.effective_spread = dollars(known, costs.effective);
    row.realised_spread = dollars(later, costs.realised);
    row.price_impact = dollars(known && later, costs.impact);
    row.effective_bps = bps(known, costs.effective);
    row.realised_bps = bps(known && later, costs.realised);
    row.impact_bps = bps(known && later, costs.impact);
    out.emit(row);
  }

  static constexpr std::uint64_t least_grid_ns = 1'000'000;

  std::uint64_t horizon_ns_;
  stream::TimerGrid grid_;
  stream::KeyedState<Queue> queues_;
  stream::KeySet keys_;  // With trades that wait.
  VirtualArray<Waiting> trades_;
  std::uint32_t used_ = 0;
  std::uint32_t free_ = 0;  // Chained by `next`; 0 ends it.
};
static_assert(stream::KeyedOperator<Costs>);

}  // namespace tapeline::analytics
