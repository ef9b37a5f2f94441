#pragma once

#include <array>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/window_touches.h"
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

  // Any change of the book of this key.
  template <class Out>
  void process(const stream::Context& context, const book::OrderChange&, Out&) {
    touches_.touch(context.key, context.sequence);
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    touches_.advance(
        watermark,
        [&](Locate key, Sequence last) {
          std::array<book::LevelView, max_levels> views;
          DepthRow row{};
          row.time = touches_.end();
          row.sequence = raw(last);
          row.symbol = books.symbol(key);
          row.locate = key;
          row.quality = books.quality(key);
          row.bid_levels = sum(books, key, Side::bid, views, row.bid_size, row.bid_orders, row.bid_price);
          row.ask_levels = sum(books, key, Side::ask, views, row.ask_size, row.ask_orders, row.ask_price);
          const auto bid = static_cast<double>(row.bid_size);
          const auto ask = static_cast<double>(row.ask_size);
          row.imbalance = (bid - ask) / (bid + ask);
          out.emit(row);
        },
        [&](Locate key) { books.prefetch(key); });
  }
  [[nodiscard]] EventTime next_timer() const { return touches_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const { touches_.save_key(key, writer); }
  void open(EventTime watermark) { touches_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { touches_.load_key(key, reader); }

 private:
  template <class Books>
  std::uint8_t sum(const Books& books, Locate key, Side side, std::array<book::LevelView, max_levels>& views,
                   std::uint64_t& size, std::uint32_t& orders, Price& best) const {
    const std::size_t count = books.levels(key, side, std::span(views).first(levels_));
    for (std::size_t i = 0; i < count; ++i) {
      size += views[i].shares;
      orders += views[i].orders;
    }
    if (count > 0) best = views[0].price;
    return static_cast<std::uint8_t>(count);
  }

  stream::WindowTouches<Sequence> touches_;
  std::size_t levels_;
};
static_assert(stream::KeyedOperator<Depth>);

}  // namespace tapeline::analytics
