#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "analytics/book_slope.h"
#include "analytics/sweep_cost.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct LiquidityRow {
  static constexpr std::size_t sizes = 3;
  struct Sweep {
    double buy_price;
    double buy_bps;
    double sell_price;
    double sell_bps;
  };
  EventTime time;
  std::uint64_t sequence;
  double mid;
  double bid_slope;
  double ask_slope;
  double slope;
  Sweep sweeps[sizes];
  std::uint32_t shares[sizes];
  Symbol symbol;
  Locate locate;
  Quality quality;
  std::uint8_t reserved = 0;
};

[[nodiscard]] const table::Schema& liquidity_schema();

// How deep the book is over the best n levels of each side, at the end of each window in which it changed:
// the slope of its sides (book_slope.h) and what it would cost to buy or sell three sizes at once
// (sweep_cost.h). A cost is null where there is no mid, or the levels hold less than the size.
class Liquidity {
 public:
  static constexpr std::size_t max_levels = 20;

  Liquidity(std::uint64_t width_ns, std::size_t levels,
            const std::array<std::uint32_t, LiquidityRow::sizes>& shares)
      : touches_(width_ns), levels_(std::min(levels, max_levels)), shares_(shares) {}

  void prefetch(Locate key) const { touches_.prefetch(key); }

  // Any change of the book of this key.
  void process(const stream::Context& context) { touches_.touch(context.key).sequence = context.sequence; }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    touches_.advance(
        watermark,
        [&](Locate key, const Touch& last) {
          LiquidityRow row{};
          row.time = touches_.window().end();
          row.sequence = raw(last.sequence);
          row.symbol = books.symbol(key);
          row.locate = key;
          row.quality = books.quality(key);
          std::copy(shares_.begin(), shares_.end(), row.shares);
          measure(key, books, row);
          out.emit(row);
        },
        [&](Locate key) { books.prefetch_levels(key); });
  }
  [[nodiscard]] EventTime next_timer() const { return touches_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const { touches_.save_key(key, writer); }
  void open(EventTime watermark) { touches_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { touches_.load_key(key, reader); }

 private:
  struct Touch {
    Sequence sequence;  // Of the last message that changed the book.
    bool in_window;
  };
  using Levels = std::array<book::LevelView, max_levels>;

  template <class Books>
  void measure(Locate key, const Books& books, LiquidityRow& row) const {
    Levels bids;
    Levels asks;
    const std::size_t bid_count = books.levels(key, Side::bid, std::span(bids).first(levels_));
    const std::size_t ask_count = books.levels(key, Side::ask, std::span(asks).first(levels_));
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    row.mid = row.bid_slope = row.ask_slope = row.slope = none;
    for (LiquidityRow::Sweep& sweep : row.sweeps) sweep = {none, none, none, none};
    if (bid_count == 0 || ask_count == 0) return;
    const double twice_mid = static_cast<double>(bids[0].price.ticks) + asks[0].price.ticks;
    row.mid = twice_mid / 2 / Price::per_dollar;
    row.bid_slope = side_slope(twice_mid, std::span(bids).first(bid_count));
    row.ask_slope = side_slope(twice_mid, std::span(asks).first(ask_count));
    row.slope = (row.bid_slope + row.ask_slope) / 2;
    for (std::size_t i = 0; i < LiquidityRow::sizes; ++i) {
      const SweepCost buy = sweep_cost(shares_[i], std::span(asks).first(ask_count), twice_mid);
      const SweepCost sell = sweep_cost(shares_[i], std::span(bids).first(bid_count), twice_mid);
      row.sweeps[i] = {buy.price, buy.cost_bps, sell.price, sell.cost_bps};
    }
  }

  stream::WindowedState<Touch> touches_;
  std::size_t levels_;
  std::array<std::uint32_t, LiquidityRow::sizes> shares_;
};
static_assert(stream::KeyedOperator<Liquidity>);

}  // namespace tapeline::analytics
