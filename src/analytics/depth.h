#pragma once

#include <array>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/keyed_state.h"
#include "stream/operator.h"
#include "stream/tumbling_windows.h"
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
};

[[nodiscard]] const table::Schema& depth_schema();

// Depth of the best n levels of each side at the end of each window in which the symbol's book changed.
//   imbalance = (bid size - ask size) / (bid size + ask size), of those levels
class Depth {
 public:
  static constexpr std::size_t max_levels = 64;

  Depth(std::uint64_t width_ns, std::size_t levels)
      : windows_(width_ns), levels_(std::min(levels, max_levels)) {}

  // Any change of the book of this key.
  template <class Out>
  void process(const stream::Context& context, const book::OrderChange&, Out&) {
    Touch& touch = touches_[context.key];
    if (!touch.in_window) windows_.add(context.key, context.time);
    touch = {context.sequence, true};
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    windows_.advance(watermark, [&](Locate key) {
      Touch& touch = touches_[key];
      std::array<book::LevelView, max_levels> views;
      DepthRow row{};
      row.time = windows_.end();
      row.sequence = raw(touch.sequence);
      row.symbol = books.symbol(key);
      row.locate = key;
      row.quality = books.quality(key);
      row.bid_levels = sum(books, key, Side::bid, views, row.bid_size, row.bid_orders, row.bid_price);
      row.ask_levels = sum(books, key, Side::ask, views, row.ask_size, row.ask_orders, row.ask_price);
      const auto bid = static_cast<double>(row.bid_size);
      const auto ask = static_cast<double>(row.ask_size);
      row.imbalance = (bid - ask) / (bid + ask);
      out.emit(row);
      touch.in_window = false;
    });
  }
  [[nodiscard]] EventTime next_timer() const { return windows_.next_timer(); }

  void save(stream::StateWriter& writer) const {
    windows_.save(writer);
    touches_.save(writer, [](const Touch& touch) { return touch.in_window; });
  }
  void load(stream::StateReader& reader) {
    windows_.load(reader);
    touches_.load(reader);
  }

 private:
  struct Touch {
    Sequence sequence;
    bool in_window;
  };

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

  stream::TumblingWindows windows_;
  std::size_t levels_;
  stream::KeyedState<Touch> touches_;
};
static_assert(stream::KeyedOperator<Depth>);

}  // namespace tapeline::analytics
