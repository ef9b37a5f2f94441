#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct LuldRow {
  EventTime time;
  std::uint64_t sequence;
  double upper_distance_bps;
  double lower_distance_bps;
  Price reference;
  Price lower_band;
  Price upper_band;
  Price bid_price;
  Price ask_price;
  Price collar_reference;
  Price collar_lower;
  Price collar_upper;
  std::uint32_t trades;
  Symbol symbol;
  Locate locate;
  char tier;
  Quality quality;
};

[[nodiscard]] const table::Schema& luld_schema();

// The bands of one reference price at a time of day; 0 for none.
struct LuldBands {
  Price lower;
  Price upper;
};

// Limit Up-Limit Down price bands: reference * (1 -+ p), rounded to the cent, with p of the symbol's tier and
// reference price:
//
//   tier 1: above 3.00 dollars 5 %       tier 2: above 3.00 dollars 10 %
//   both: from 0.75 to 3.00 20 %, below the lesser of 75 % and 0.15 dollars
//
// and twice that from 15:35 to 16:00 for tier 1, and for tier 2 at 3.00 dollars and below. There are none
// outside 09:30 to 16:00.
//
// Source: Plan to Address Extraordinary Market Volatility (NMS Plan of 2012, as amended in 2019), section V
// and Appendix A.
[[nodiscard]] constexpr LuldBands luld_bands(Price reference, char tier, EventTime at) {
  constexpr std::uint64_t minute = 60 * nanoseconds_per_second;
  const std::uint64_t time = raw(at);
  if (reference.ticks == 0 || (tier != '1' && tier != '2') || time < 570 * minute || time > 960 * minute)
    return {Price{0}, Price{0}};
  constexpr std::uint64_t three_dollars = 3 * Price::per_dollar;
  const std::uint64_t price = reference.ticks;
  std::uint64_t width = 0;
  if (price > three_dollars)
    width = price * (tier == '1' ? 5 : 10) / 100;
  else if (4 * price >= three_dollars)
    width = price * 20 / 100;
  else
    width = std::min<std::uint64_t>(price * 75 / 100, 15 * Price::per_dollar / 100);
  if (time >= 935 * minute && (tier == '1' || price <= three_dollars)) width *= 2;
  constexpr std::uint64_t cent = Price::per_dollar / 100;
  const auto to_cent = [](std::uint64_t ticks) {
    return Price{
        static_cast<std::uint32_t>(std::min<std::uint64_t>((ticks + cent / 2) / cent * cent, UINT32_MAX))};
  };
  return {to_cent(price > width ? price - width : 0), to_cent(price + width)};
}

// How far the best prices are from the Limit Up-Limit Down bands, every 30 seconds in which a symbol had a
// change of the BBO or a trade:
//
//   upper distance = (upper band - best ask) / mid * 10^4,  lower distance = (best bid - lower band) / mid *
//   10^4
//
// The official bands come from the consolidated tape and are not in this feed. These follow the plan from
// what the feed has: the reference is the price of the opening, halt or IPO cross; then at the end of each 30
// seconds the mean price of the trades of the five minutes before, a sliding window of ten panes, taken over
// when it is 1 % or more away from the reference. Crosses and trades of other exchanges are not in that mean.
// The collars of a reopening auction are the exchange's own and stand beside.
class Luld {
 public:
  static constexpr std::uint64_t pane_ns = 30 * nanoseconds_per_second;
  static constexpr std::size_t panes = 10;

  Luld() : states_(pane_ns) {}

  // What a change of the BBO touches.
  void prefetch(Locate key) const { states_.prefetch<64>(key); }

  // A change of the BBO.
  template <class Books>
  void process(const stream::Context& context, const Books& books) {
    touch(context, books).quality |= context.quality;
  }

  template <class Books>
  void process(const stream::Context& context, const book::TradeReport& trade, const Books& books) {
    if (!trade.printable || trade.shares == 0) return;
    State& state = touch(context, books);
    state.quality |= context.quality;
    Pane& pane = open_pane(state);
    if (trade.kind == book::TradeKind::cross) {
      if (trade.cross_type != 'O' && trade.cross_type != 'H') return;
      state.reference = trade.price;
      state.since = raw(states_.window().start()) / pane_ns;
      pane.ticks = 0;
      pane.trades = 0;
      return;
    }
    pane.ticks += trade.price.ticks;
    ++pane.trades;
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    states_.advance(
        watermark, [&](Locate key, State& state) { emit(key, state, books, out); },
        [&](Locate key) { books.prefetch(key); });
  }
  [[nodiscard]] EventTime next_timer() const { return states_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const {
    states_.save_key(key, writer, states_[key].in_use);
  }
  void open(EventTime watermark) { states_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { states_.load_key(key, reader); }

 private:
  struct Pane {
    std::uint64_t ticks;   // Sum of the prices.
    std::uint32_t number;  // Since midnight; what an older one left here is void.
    std::uint32_t trades;
    Quality quality;
  };
  struct alignas(64) State {
    std::uint64_t since;  // Panes before this one do not count: there was a cross.
    Sequence sequence;
    Price reference;
    Quality quality;  // Of the open pane.
    bool in_window;
    bool in_use;
    alignas(64) std::array<Pane, panes> ring;
  };

  template <class Books>
  State& touch(const stream::Context& context, const Books& books) {
    State& state = states_.touch(context.key, [&](State& first) {
      first.in_use = true;
      first.quality = books.quality(context.key);
    });
    state.sequence = context.sequence;
    return state;
  }
  Pane& open_pane(State& state) const {
    const auto number = static_cast<std::uint32_t>(raw(states_.window().start()) / pane_ns);
    Pane& pane = state.ring[number % panes];
    if (pane.number != number) {
      pane = Pane{};
      pane.number = number;
    }
    return pane;
  }

  template <class Books, class Out>
  void emit(Locate key, State& state, const Books& books, Out& out) const {
    const std::uint64_t now = raw(states_.window().start()) / pane_ns;
    open_pane(state).quality = state.quality | books.quality(key);
    std::uint64_t ticks = 0;
    std::uint64_t trades = 0;
    LuldRow row{};
    row.quality = books.quality(key);
    for (const Pane& pane : state.ring) {
      if (pane.number + panes <= now || pane.number < state.since) continue;
      ticks += pane.ticks;
      trades += pane.trades;
      row.quality |= pane.quality;
    }
    if (trades != 0) {
      const std::uint64_t mean = (ticks + trades / 2) / trades;
      const std::uint64_t away = std::max<std::uint64_t>(mean, state.reference.ticks) -
                                 std::min<std::uint64_t>(mean, state.reference.ticks);
      if (100 * away >= state.reference.ticks) state.reference = Price{static_cast<std::uint32_t>(mean)};
    }
    const book::SymbolState& symbol = books.state(key);
    const LuldBands bands = luld_bands(state.reference, symbol.luld_tier, states_.window().end());
    const book::Bbo bbo = books.bbo(key);
    const double twice_mid = static_cast<double>(bbo.bid.ticks) + bbo.ask.ticks;
    const bool known = bands.upper.ticks != 0 && bbo.bid_shares != 0 && bbo.ask_shares != 0;
    const auto distance = [&](Price far, Price near) {
      return known ? (static_cast<double>(far.ticks) - near.ticks) * 20'000 / twice_mid
                   : std::numeric_limits<double>::quiet_NaN();
    };
    row.time = states_.window().end();
    row.sequence = raw(state.sequence);
    row.upper_distance_bps = distance(bands.upper, bbo.ask);
    row.lower_distance_bps = distance(bbo.bid, bands.lower);
    row.reference = state.reference;
    row.lower_band = bands.lower;
    row.upper_band = bands.upper;
    row.bid_price = bbo.bid;
    row.ask_price = bbo.ask;
    row.collar_reference = symbol.collar_reference;
    row.collar_lower = symbol.collar_lower;
    row.collar_upper = symbol.collar_upper;
    row.trades = static_cast<std::uint32_t>(trades);
    row.symbol = books.symbol(key);
    row.locate = key;
    row.tier = symbol.luld_tier;
    out.emit(row);
  }

  stream::WindowedState<State> states_;
};
static_assert(stream::KeyedOperator<Luld>);

}  // namespace tapeline::analytics
