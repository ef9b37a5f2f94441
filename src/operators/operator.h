#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "stream/state.h"
#include "table/schema.h"

// The interface for operators that users write and Tapeline loads from a shared library, in replay and in the
// live pipeline alike. docs/operators.md leads through it; examples/operators/ has one to copy.
namespace tapeline::operators {

using stream::Context;  // Of the record at hand: key, sequence, time, time of capture, quality of the book.

// What the row struct of a user's table begins with.
struct RowKey {
  std::uint64_t sequence = 0;  // Of the last message that the row comes from; 0 for none.
  EventTime time{};            // Of that message, or the end of a window.
  CaptureTime captured{};      // Left out of digests: another capture of the feed cannot repeat it.
  Symbol symbol{""};
  Locate locate{};                  // The key of the record at hand, or of the state that a timer closes.
  Quality quality = Quality::good;  // Of the book over all that the row tells of.
  std::array<std::uint8_t, 5> reserved{};
};
static_assert(sizeof(RowKey) == 40);

// The books, as they stand while an operator is called: after the message on_order, on_bbo and on_trade are
// told of, and before any message of the watermark's time in on_timer. A locate is a key of the record at
// hand or one with state: what a worker knows of others depends on how many workers there are.
class Books {
 public:
  [[nodiscard]] virtual Symbol symbol(Locate key) const = 0;
  [[nodiscard]] virtual book::Bbo bbo(Locate key) const = 0;
  [[nodiscard]] virtual Quality quality(Locate key) const = 0;
  // Fills `out` with the best levels of a side, best first; returns how many there were.
  virtual std::size_t levels(Locate key, Side side, std::span<book::LevelView> out) const = 0;
  // Nothing where there is no such order.
  [[nodiscard]] virtual std::optional<book::OrderView> find_order(Locate key, OrderRef ref) const = 0;
  [[nodiscard]] virtual std::optional<book::QueuePosition> queue_position(Locate key, OrderRef ref) const = 0;

  // The key of a row about the record at hand.
  [[nodiscard]] RowKey row_key(const Context& context) const {
    return {raw(context.sequence), context.time, context.captured,
            symbol(context.key),   context.key,  context.quality};
  }

 protected:
  ~Books() = default;
};

// Where rows go.
class Rows {
 public:
  // Row is a plain struct without padding, of at most 4,096 bytes, that begins with `RowKey key` and that the
  // operator's schema describes.
  template <class Row>
  void emit(const Row& row) {
    static_assert(std::is_trivially_copyable_v<Row> && std::is_standard_layout_v<Row>);
    static_assert(std::is_same_v<decltype(Row::key), RowKey> && offsetof(Row, key) == 0);
    emit_bytes(std::as_bytes(std::span(&row, 1)));
  }

 protected:
  ~Rows() = default;
  virtual void emit_bytes(std::span<const std::byte> row) = 0;
};

// A keyed operator in event time with one table of its own. The key is the symbol's locate; records of one
// key come in the feed's order, and which keys an instance sees depends on the number of workers.
//
// It is a deterministic function of what it is told: it reads no clock, draws no random number and does no
// I/O, so that live, replayed and restored runs give the same rows. One thread at a time calls it. An
// exception from any function ends the run with an error that names the operator; nothing is lost, as the log
// keeps the input.
class Operator {
 public:
  virtual ~Operator() = default;

  // Its table: name, description, size of the row struct, and the columns behind `key`, whose own columns are
  // added. The schema and all that it points to live as long as the library is loaded.
  [[nodiscard]] virtual const table::Schema& schema() const = 0;

  // A change of one resting order.
  virtual void on_order(const Context&, const book::OrderChange&, const Books&, Rows&) {}
  // The best bid or offer has changed. Equal ones: the book was put in place as a whole.
  virtual void on_bbo(const Context&, const book::Bbo& /*before*/, const book::Bbo& /*after*/, const Books&,
                      Rows&) {}
  // A print, with the best bid and offer that it met.
  virtual void on_trade(const Context&, const book::TradeReport&, const book::Bbo& /*prevailing*/,
                        const Books&, Rows&) {}

  // At each multiple of so many ns since midnight on_timer is due; 0: at none. Constant.
  [[nodiscard]] virtual std::uint64_t timer_ns() const { return 0; }
  // The watermark has reached such a multiple, or gone beyond some; at the end of the session it is
  // stream::end_of_time. At least one row has to be emitted of every key whose state is changed.
  virtual void on_timer(EventTime /*watermark*/, const Books&, Rows&) {}

  // State, saved key by key, so that any number of workers can take it over (see stream/operator.h): a new
  // instance is opened at the watermark, then told the keys one by one. What all keys share follows from the
  // watermark.
  virtual void open(EventTime /*watermark*/) {}
  virtual void save_key(Locate, stream::StateWriter&) const {}
  virtual void load_key(Locate, stream::StateReader&) {}
};

}  // namespace tapeline::operators
