#pragma once

#include <concepts>
#include <cstddef>

#include "market/types.h"
#include "stream/keyed_state.h"
#include "stream/state.h"
#include "stream/tumbling_windows.h"

namespace tapeline::stream {

// The state of an operator with tumbling windows, for each key. `in_window` of a state is kept here: it is
// set from the key's first record in the open window until that window closes.
template <class State>
  requires requires(State state) {
    { state.in_window } -> std::same_as<bool&>;
  }
class WindowedState {
 public:
  explicit WindowedState(std::uint64_t width_ns) : windows_(width_ns) {}

  // Loads what a record of the key will touch: the state, or so much of its beginning.
  template <std::size_t bytes = sizeof(State)>
  void prefetch(Locate key) const {
    states_.template prefetch<bytes>(key);
  }

  [[nodiscard]] const TumblingWindows& window() const { return windows_; }
  State& operator[](Locate key) { return states_[key]; }
  const State& operator[](Locate key) const { return states_[key]; }

  // The state of a key that a record belongs to; begin(state) is called first where it is the first of the
  // key in the open window. The watermark has taken in the time of the record by then.
  template <class Begin>
  State& touch(Locate key, Begin&& begin) {
    State& state = states_[key];
    if (!state.in_window) {
      state.in_window = true;
      windows_.add(key);
      begin(state);
    }
    return state;
  }
  State& touch(Locate key) {
    return touch(key, [](State&) {});
  }

  // If the watermark has reached the end of the window, calls close(key, state) for its keys in increasing
  // order; window() is still the old one then. ahead(key) is called some keys earlier, to load what close
  // will look at besides the state.
  template <class Close, class Ahead>
  void advance(EventTime watermark, Close&& close, Ahead&& ahead) {
    windows_.advance(
        watermark,
        [&](Locate key) {
          State& state = states_[key];
          close(key, state);
          state.in_window = false;
        },
        [&](Locate key) {
          states_.prefetch(key);
          ahead(key);
        });
  }
  template <class Close>
  void advance(EventTime watermark, Close&& close) {
    advance(watermark, close, [](Locate) {});
  }
  [[nodiscard]] EventTime next_timer() const { return windows_.end(); }

  // `outlasts`: the state says something beyond its window.
  void save_key(Locate key, StateWriter& writer, bool outlasts = false) const {
    states_.save_key(key, writer, states_[key].in_window || outlasts);
  }
  void open(EventTime watermark) { windows_.open(watermark); }
  void load_key(Locate key, StateReader& reader) {
    if (states_.load_key(key, reader) && states_[key].in_window) windows_.add(key);
  }

 private:
  TumblingWindows windows_;
  KeyedState<State> states_;
};

}  // namespace tapeline::stream
