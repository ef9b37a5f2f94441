#pragma once

#include <array>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct DepthRow {
  EventTime time;
  std::uint64_t sequence;
  std::uint64_t bid_size;
  std::uint64_t ask_size;
  double imbalance;
  std::uint32_t bid_orders;
  std::uint32_t ask_orders;
  Price bid_price;
  Price ask_price;
  Symbol symbol;
  Locate locate;
  std::uint8_t bid_levels;
  std::uint8_t ask_levels;
  Quality quality;
  std::array<std::uint8_t, 3> reserved = {};
};

[[nodiscard]] const table::Schema& depth_schema();

// Depth of the best n levels of each side at the end of each window in which the symbol's book changed.
//   imbalance = (bid size - ask size) / (bid size + ask size), of those levels
class Depth {
 public:
  static constexpr std::size_t max_levels = 64;

  Depth(std::uint64_t width_ns, std::size_t levels)
      : touches_(width_ns), levels_(std::min(levels, max_levels)) {}

  void prefetch(Locate key) const { touches_.prefetch(key); }

  // Any change of the book of this key.
  template <class Out>
  void process(const stream::Context& context, const book::OrderChange&, Out&) {
    touches_.touch(context.key).sequence = context.sequence;
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    touches_.advance(
        watermark,
        [&](Locate key, const Touch& last) {
          const book::SideDepth bids = books.depth(key, Side::bid, levels_);
          const book::SideDepth asks = books.depth(key, Side::ask, levels_);
          DepthRow row{};
          row.time = touches_.window().end();
          row.sequence = raw(last.sequence);
          row.bid_size = bids.shares;
          row.ask_size = asks.shares;
          const auto bid = static_cast<double>(row.bid_size);
          const auto ask = static_cast<double>(row.ask_size);
          row.imbalance = (bid - ask) / (bid + ask);
          row.bid_orders = bids.orders;
          row.ask_orders = asks.orders;
          row.bid_price = bids.best;
          row.ask_price = asks.best;
          row.symbol = books.symbol(key);
          row.locate = key;
          row.bid_levels = static_cast<std::uint8_t>(bids.levels);
          row.ask_levels = static_cast<std::uint8_t>(asks.levels);
          row.quality = books.quality(key);
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

  stream::WindowedState<Touch> touches_;
  std::size_t levels_;
};
static_assert(stream::KeyedOperator<Depth>);

}  // namespace tapeline::analytics
