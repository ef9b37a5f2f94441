#pragma once

#include <algorithm>

#include "base/uint128.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct SpreadRow {
  EventTime start;
  EventTime end;
  std::uint64_t sequence;
  double spread;
  double relative_spread_bps;
  double mid;
  std::uint64_t two_sided_ns;
  Price min_spread;
  Price max_spread;
  std::uint32_t changes;
  Symbol symbol;
  Locate locate;
  Quality quality;
  std::uint8_t reserved = 0;
};

[[nodiscard]] const table::Schema& spread_schema();

// Quoted spread per symbol and window, weighted by the time each value stood:
//   spread = sum((ask - bid) * dt) / sum(dt),  mid = sum((ask + bid) / 2 * dt) / sum(dt),
//   relative = spread / mid in basis points,
// over the part of the window in which both sides were there. A window in which the BBO did not change gives
// no row: the last row's final values still stand. Sums are integers.
class QuotedSpread {
 public:
  explicit QuotedSpread(std::uint64_t width_ns) : quotes_(width_ns) {}

  void prefetch(Locate key) const { quotes_.prefetch(key); }

  template <class Out>
  void process(const stream::Context& context, const book::Bbo& after, Out&) {
    Quote& quote = quotes_.touch(context.key, [&](Quote& first) {
      first.since = std::max(first.since, quotes_.window().start());
      first.min_spread = Price{UINT32_MAX};
      // The quote that the window opened with counts as well.
      note_extremes(first);
    });
    accumulate(quote, context.time);
    quote.bid = after.bid;
    quote.ask = after.ask;
    note_extremes(quote);
    ++quote.changes;
    quote.quality |= context.quality;
    quote.sequence = context.sequence;
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    const stream::TumblingWindows& window = quotes_.window();
    quotes_.advance(
        watermark,
        [&](Locate key, Quote& quote) {
          accumulate(quote, window.end());
          const auto ns = static_cast<double>(static_cast<std::int64_t>(quote.two_sided_ns));
          const double spread = to_double(quote.spread_ns) / ns / Price::per_dollar;
          const double mid = to_double(quote.twice_mid_ns) / ns / 2 / Price::per_dollar;
          const bool seen = quote.min_spread.ticks != UINT32_MAX;
          out.emit(SpreadRow{window.start(), window.end(), raw(quote.sequence), spread, spread / mid * 10'000,
                             mid, quote.two_sided_ns, seen ? quote.min_spread : Price{0}, quote.max_spread,
                             quote.changes, books.symbol(key), key, quote.quality | books.quality(key)});
          quote = Quote{.since = window.end(), .bid = quote.bid, .ask = quote.ask};
        },
        [&](Locate key) { books.prefetch(key); });
  }
  [[nodiscard]] EventTime next_timer() const { return quotes_.next_timer(); }

  // The quote that stands counts in windows to come, so it is state without any change in this one.
  void save_key(Locate key, stream::StateWriter& writer) const {
    quotes_.save_key(key, writer, quotes_[key].bid.ticks != 0 || quotes_[key].ask.ticks != 0);
  }
  void open(EventTime watermark) { quotes_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { quotes_.load_key(key, reader); }

 private:
  struct alignas(64) Quote {
    Uint128 spread_ns = 0;     // Price ticks times nanoseconds; negative spreads count as 0.
    Uint128 twice_mid_ns = 0;  // (bid + ask) ticks times nanoseconds.
    std::uint64_t two_sided_ns = 0;
    EventTime since{0};  // The quote stands since then.
    Sequence sequence{0};
    Price bid{0};
    Price ask{0};
    Price min_spread{0};
    Price max_spread{0};
    std::uint32_t changes = 0;
    Quality quality = Quality::good;
    bool in_window = false;
  };

  static Price spread_of(const Quote& quote) {
    return Price{quote.ask > quote.bid ? quote.ask.ticks - quote.bid.ticks : 0};
  }
  static void note_extremes(Quote& quote) {
    if (quote.bid.ticks == 0 || quote.ask.ticks == 0) return;
    quote.min_spread = std::min(quote.min_spread, spread_of(quote));
    quote.max_spread = std::max(quote.max_spread, spread_of(quote));
  }
  static void accumulate(Quote& quote, EventTime until) {
    const std::uint64_t ns = raw(until) > raw(quote.since) ? raw(until) - raw(quote.since) : 0;
    quote.since = std::max(quote.since, until);
    if (quote.bid.ticks == 0 || quote.ask.ticks == 0) return;
    quote.two_sided_ns += ns;
    quote.spread_ns += static_cast<Uint128>(spread_of(quote).ticks) * ns;
    quote.twice_mid_ns += static_cast<Uint128>(std::uint64_t{quote.bid.ticks} + quote.ask.ticks) * ns;
  }

  stream::WindowedState<Quote> quotes_;
};
static_assert(stream::KeyedOperator<QuotedSpread>);

}  // namespace tapeline::analytics
