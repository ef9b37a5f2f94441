#pragma once

#include <array>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct SnapshotLevel {
  std::uint64_t size;
  Price price;
  std::uint32_t orders;
};

struct SnapshotRow {
  static constexpr std::size_t max_levels = 20;
  EventTime time;
  CaptureTime captured;
  std::uint64_t sequence;
  Symbol symbol;
  Locate locate;
  Quality quality;
  std::array<std::uint8_t, 5> reserved;
  std::array<SnapshotLevel, max_levels> bids;
  std::array<SnapshotLevel, max_levels> asks;
};

// Columns bid_price_01, bid_size_01, bid_orders_01, … for the best `levels` (1 to 20) of each side.
[[nodiscard]] const table::Schema& snapshots_schema(std::size_t levels);

// The best n levels of a book: after every message that changed one of them (interval 0), or at the end of
// each window in which the book changed.
class BookSnapshots {
 public:
  BookSnapshots(std::uint64_t interval_ns, std::size_t levels)
      : on_change_(interval_ns == 0),
        touches_(on_change_ ? nanoseconds_per_second : interval_ns),
        levels_(std::min(levels, SnapshotRow::max_levels)) {}

  // A change at this price of the book, which shows in a snapshot if it lies within the best n levels.
  template <class Books, class Out>
  void process(const stream::Context& context, const book::OrderChange& change, const Books& books, Out&) {
    if (on_change_) {
      pending_ = pending_ || is_within(books, context.key, change);
    } else {
      Touch& touch = touches_.touch(context.key);
      touch.sequence = context.sequence;
      touch.captured = context.captured;
    }
  }

  // After the message whose changes `process` was given.
  template <class Books, class Out>
  void on_event_end(const stream::Context& context, const Books& books, Out& out) {
    if (!pending_) return;
    pending_ = false;
    emit(context.key, context.time, {context.sequence, context.captured, false}, books, out);
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    touches_.advance(
        watermark,
        [&](Locate key, const Touch& last) { emit(key, touches_.window().end(), last, books, out); },
        [&](Locate key) { books.prefetch_levels(key); });
  }
  [[nodiscard]] EventTime next_timer() const { return touches_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const { touches_.save_key(key, writer); }
  void open(EventTime watermark) { touches_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { touches_.load_key(key, reader); }

 private:
  // By the last message that changed the book.
  struct Touch {
    Sequence sequence;
    CaptureTime captured;
    bool in_window;
  };

  // Whether the price is at or better than the n-th level. Asked before and after a removal alike: a level
  // that left the best n lets another one in.
  template <class Books>
  bool is_within(const Books& books, Locate key, const book::OrderChange& change) const {
    std::array<book::LevelView, SnapshotRow::max_levels> views;
    const std::size_t count = books.levels(key, change.side, std::span(views).first(levels_));
    if (count < levels_) return true;
    const Price worst = views[count - 1].price;
    return change.side == Side::bid ? change.price >= worst : change.price <= worst;
  }

  template <class Books, class Out>
  void emit(Locate key, EventTime time, const Touch& last, const Books& books, Out& out) const {
    SnapshotRow row{};
    row.time = time;
    row.captured = last.captured;
    row.sequence = raw(last.sequence);
    row.symbol = books.symbol(key);
    row.locate = key;
    row.quality = books.quality(key);
    std::array<book::LevelView, SnapshotRow::max_levels> views;
    for (const Side side : {Side::bid, Side::ask}) {
      auto& to = side == Side::bid ? row.bids : row.asks;
      const std::size_t count = books.levels(key, side, std::span(views).first(levels_));
      for (std::size_t i = 0; i < count; ++i) to[i] = {views[i].shares, views[i].price, views[i].orders};
    }
    out.emit(row);
  }

  bool on_change_;
  bool pending_ = false;
  stream::WindowedState<Touch> touches_;
  std::size_t levels_;
};
static_assert(stream::KeyedOperator<BookSnapshots>);

}  // namespace tapeline::analytics
