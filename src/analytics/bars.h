#pragma once

#include <cstdint>

#include "analytics/open_bar.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
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
// or the window's end. A window without trades gives no row.
class TimeBars {
 public:
  explicit TimeBars(std::uint64_t width_ns) : bars_(width_ns) {}

  template <class Out>
  void process(const stream::Context& context, const book::TradeReport& trade, Out&) {
    if (!OpenBar::takes(trade)) return;
    bars_.touch(context.key).bar.add(context, trade, bars_.window().start());
  }

  // `books` knows the symbol and the quality of a key at the window's end.
  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    bars_.advance(watermark, [&](Locate key, State& state) {
      state.bar.stand_until(bars_.window().end());
      BarRow row{};
      row.start = bars_.window().start();
      row.end = bars_.window().end();
      state.bar.write_to(row);
      row.symbol = books.symbol(key);
      row.locate = key;
      row.quality = state.bar.quality | books.quality(key);
      out.emit(row);
      state = State{};
    });
  }
  [[nodiscard]] EventTime next_timer() const { return bars_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const { bars_.save_key(key, writer); }
  void open(EventTime watermark) { bars_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { bars_.load_key(key, reader); }

 private:
  struct State {
    OpenBar bar;
    bool in_window;
  };

  stream::WindowedState<State> bars_;
};
static_assert(stream::KeyedOperator<TimeBars>);

}  // namespace tapeline::analytics
