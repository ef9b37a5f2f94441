#pragma once

#include <cstdint>
#include <stdexcept>
#include <type_traits>

#include "operators/operator.h"
#include "stream/keyed_state.h"
#include "stream/tumbling_windows.h"

namespace tapeline::operators {

// An operator that sums up windows of one width, aligned to midnight, for each key. Derive from it, note
// records in open(context)'s state, and emit one row for each window in close(). State is all zeros at the
// start, trivially copyable, and is saved and restored as it lies in memory.
//
// A record that is late counts in the open window; a window once closed stays so.
template <class State>
class WindowedOperator : public Operator {
  static_assert(std::is_trivially_copyable_v<State>);

 public:
  // Throws std::invalid_argument where the width is 0.
  explicit WindowedOperator(std::uint64_t width_ns) : windows_(checked(width_ns)) {}

  [[nodiscard]] std::uint64_t timer_ns() const final { return windows_.width_ns(); }
  void on_timer(EventTime watermark, const Books& books, Rows& rows) final {
    windows_.advance(watermark, [&](Locate key) {
      Slot& slot = slots_[key];
      RowKey row{slot.sequence, windows_.end(), slot.captured, books.symbol(key), key, slot.quality};
      row.quality |= books.quality(key);
      close(row, slot.state, books, rows);
      slot = Slot{};
    });
  }
  void open(EventTime watermark) final { windows_.open(watermark); }
  void save_key(Locate key, stream::StateWriter& writer) const final {
    slots_.save_key(key, writer, slots_[key].in_window);
  }
  void load_key(Locate key, stream::StateReader& reader) final {
    if (slots_.load_key(key, reader)) windows_.add(key);
  }

 protected:
  // The state of the record's key in the open window; the window's quality takes in the book's.
  State& state_of(const Context& context) {
    Slot& slot = slots_[context.key];
    if (!slot.in_window) windows_.add(context.key);
    slot.in_window = true;
    slot.sequence = raw(context.sequence);
    slot.captured = context.captured;
    slot.quality |= context.quality;
    return slot.state;
  }
  [[nodiscard]] EventTime window_start() const { return windows_.start(); }
  [[nodiscard]] EventTime window_end() const { return windows_.end(); }

  // Emits the row of a window that is over and had records; `key` has its end, its last message and its
  // quality.
  virtual void close(const RowKey& key, const State& state, const Books& books, Rows& rows) = 0;

 private:
  struct Slot {
    State state;
    std::uint64_t sequence;
    CaptureTime captured;
    Quality quality;
    bool in_window;
  };
  static std::uint64_t checked(std::uint64_t width_ns) {
    if (width_ns == 0) throw std::invalid_argument("a window has to have a width");
    return width_ns;
  }

  stream::TumblingWindows windows_;
  stream::KeyedState<Slot> slots_;
};

}  // namespace tapeline::operators
