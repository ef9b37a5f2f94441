#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct QueuePositionRow {
  EventTime time;
  std::uint64_t sequence;
  std::uint64_t order;
  EventTime entered;
  std::uint64_t shares_ahead;
  std::uint64_t level_shares;
  std::uint32_t orders_ahead;
  std::uint32_t level_orders;
  Shares shares;
  Price price;
  Symbol symbol;
  Mpid attribution;
  Locate locate;
  char side;
  Quality quality;
};

[[nodiscard]] const table::Schema& queue_positions_schema();

// Where the orders at the best prices stand in their queues, at the end of each window in which the symbol's
// book changed: the first so many of each side, in the order in which they will be executed, so that there
// are at most twice as many rows a symbol and window. Ahead of an order is what rests at its price and came
// before it. Of a queue that is shown whole, shares_ahead of the last order and its shares are level_shares.
class QueuePositions {
 public:
  static constexpr std::size_t most_orders = 100;

  QueuePositions(std::uint64_t width_ns, std::size_t orders)
      : touches_(width_ns), orders_(std::min(orders, most_orders)) {}

  void prefetch(Locate key) const { touches_.prefetch(key); }

  // Any change of the book of this key.
  void process(const stream::Context& context) { touches_.touch(context.key).sequence = context.sequence; }

  // A key whose book is empty has no rows here; it has state again only after a change of its book.
  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    touches_.advance(
        watermark,
        [&](Locate key, const Touch& last) {
          for (const Side side : {Side::bid, Side::ask}) emit(key, side, last, books, out);
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

  template <class Books, class Out>
  void emit(Locate key, Side side, const Touch& last, const Books& books, Out& out) const {
    std::array<book::LevelView, 1> best;
    if (books.levels(key, side, best) == 0) return;
    std::array<book::OrderView, most_orders> queue;
    const std::size_t count = books.queue_front(key, side, best[0].price, std::span(queue).first(orders_));
    QueuePositionRow row{};
    row.time = touches_.window().end();
    row.sequence = raw(last.sequence);
    row.level_shares = best[0].shares;
    row.level_orders = best[0].orders;
    row.price = best[0].price;
    row.symbol = books.symbol(key);
    row.locate = key;
    row.side = side == Side::bid ? 'B' : 'S';
    row.quality = books.quality(key);
    for (std::size_t i = 0; i < count; ++i) {
      row.order = raw(queue[i].ref);
      row.entered = queue[i].entered;
      row.shares = queue[i].shares;
      row.attribution = queue[i].attribution;
      row.orders_ahead = static_cast<std::uint32_t>(i);
      out.emit(row);
      row.shares_ahead += queue[i].shares;
    }
  }

  stream::WindowedState<Touch> touches_;
  std::size_t orders_;
};
static_assert(stream::KeyedOperator<QueuePositions>);

}  // namespace tapeline::analytics
