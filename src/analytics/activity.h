#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "base/uint128.h"
#include "book/book_types.h"
#include "market/event.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/windowed_state.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct ActivityRow {
  EventTime start;
  EventTime end;
  std::uint64_t sequence;
  std::uint64_t added_shares;
  std::uint64_t cancelled_shares;
  std::uint64_t executed_shares;
  double cancel_to_trade;
  double fill_probability;
  double fill_share;
  double cancelled_lifetime;
  double filled_lifetime;
  std::uint32_t added;
  std::uint32_t cancelled;
  std::uint32_t reduced;
  std::uint32_t replaced;
  std::uint32_t executions;
  std::uint32_t filled;
  Symbol symbol;
  Locate locate;
  Quality quality;
  std::array<std::uint8_t, 5> reserved = {};
};

[[nodiscard]] const table::Schema& activity_schema();

// What became of the displayed orders, per symbol and window:
//
//   cancel to trade    = (orders withdrawn + orders reduced) / executions, messages over messages
//   fill probability   = orders executed to the end / orders that left the book (executed, withdrawn,
//   replaced) fill share         = shares executed / shares that left the book (executed, withdrawn, reduced,
//   replaced) lifetime           = mean of the time from joining a queue to leaving it, of orders executed to
//   the end
//                        and of orders withdrawn; in nanoseconds
//
// A replaced order counts as one that left and one that is new, since it loses its place in the queue. The
// book knows when each order joined, so no state is kept of an order. Ratios without a denominator are null.
//
// Source: the cancel-to-trade ratio as the SEC's Market Information Data Analytics System publishes it; fill
// probability and time to fill as in A. Lo, A. MacKinlay, J. Zhang, "Econometric Models of Limit-Order
// Executions", Journal of Financial Economics 65 (2002), unconditional.
class Activity {
 public:
  explicit Activity(std::uint64_t width_ns) : counts_(width_ns) {}

  void prefetch(Locate key) const { counts_.prefetch(key); }

  template <class Books>
  void process(const stream::Context& context, EventKind kind, const book::OrderChange& change,
               const Books& books) {
    Counts& counts =
        counts_.touch(context.key, [&](Counts& first) { first.quality = books.quality(context.key); });
    counts.sequence = context.sequence;
    if (change.before == 0) {
      ++counts.added;
      counts.added_shares += change.after;
      return;
    }
    const Shares gone = change.before - change.after;
    if (kind <= EventKind::execute_with_price) {
      ++counts.executions;
      counts.executed_shares += gone;
      if (change.after != 0) return;
      ++counts.filled;
      counts.filled_ns += lifetime(context, change);
      return;
    }
    counts.cancelled_shares += gone;
    if (kind == EventKind::replace) {
      ++counts.replaced;
    } else if (change.after == 0) {
      ++counts.cancelled;
      counts.cancelled_ns += lifetime(context, change);
    } else {
      ++counts.reduced;
    }
  }

  // The book's quality has changed with its best prices.
  void note_quality(Locate key, Quality quality) {
    Counts& counts = counts_[key];
    if (counts.in_window) counts.quality |= quality;
  }

  template <class Books, class Out>
  void on_timer(EventTime watermark, const Books& books, Out& out) {
    counts_.advance(
        watermark,
        [&](Locate key, Counts& counts) {
          emit(key, counts, books, out);
          counts = Counts{};
        },
        [&](Locate key) { books.prefetch(key); });
  }
  [[nodiscard]] EventTime next_timer() const { return counts_.next_timer(); }

  void save_key(Locate key, stream::StateWriter& writer) const { counts_.save_key(key, writer); }
  void open(EventTime watermark) { counts_.open(watermark); }
  void load_key(Locate key, stream::StateReader& reader) { counts_.load_key(key, reader); }

 private:
  struct alignas(64) Counts {
    Uint128 filled_ns;
    Uint128 cancelled_ns;
    std::uint64_t added_shares;
    std::uint64_t cancelled_shares;
    std::uint64_t executed_shares;
    Sequence sequence;  // Of the last change.
    std::uint32_t added;
    std::uint32_t cancelled;
    std::uint32_t reduced;
    std::uint32_t replaced;
    std::uint32_t executions;
    std::uint32_t filled;
    Quality quality;
    bool in_window;
  };
  static_assert(sizeof(Counts) == 128);

  static std::uint64_t lifetime(const stream::Context& context, const book::OrderChange& change) {
    return raw(context.time) > raw(change.entered) ? raw(context.time) - raw(change.entered) : 0;
  }
  static double ratio(double part, double whole) {
    return whole != 0 ? part / whole : std::numeric_limits<double>::quiet_NaN();
  }

  template <class Books, class Out>
  void emit(Locate key, const Counts& counts, const Books& books, Out& out) const {
    ActivityRow row{};
    row.start = counts_.window().start();
    row.end = counts_.window().end();
    row.sequence = raw(counts.sequence);
    row.added_shares = counts.added_shares;
    row.cancelled_shares = counts.cancelled_shares;
    row.executed_shares = counts.executed_shares;
    const std::uint64_t withdrawn = std::uint64_t{counts.cancelled} + counts.reduced;
    const std::uint64_t left = std::uint64_t{counts.filled} + counts.cancelled + counts.replaced;
    row.cancel_to_trade = ratio(static_cast<double>(withdrawn), counts.executions);
    row.fill_probability = ratio(counts.filled, static_cast<double>(left));
    const auto executed = static_cast<double>(counts.executed_shares);
    row.fill_share = ratio(executed, executed + static_cast<double>(counts.cancelled_shares));
    row.cancelled_lifetime = ratio(to_double(counts.cancelled_ns), counts.cancelled);
    row.filled_lifetime = ratio(to_double(counts.filled_ns), counts.filled);
    row.added = counts.added;
    row.cancelled = counts.cancelled;
    row.reduced = counts.reduced;
    row.replaced = counts.replaced;
    row.executions = counts.executions;
    row.filled = counts.filled;
    row.symbol = books.symbol(key);
    row.locate = key;
    row.quality = counts.quality | books.quality(key);
    out.emit(row);
  }

  stream::WindowedState<Counts> counts_;
};
static_assert(stream::KeyedOperator<Activity>);

}  // namespace tapeline::analytics
