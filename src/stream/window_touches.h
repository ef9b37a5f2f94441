#pragma once

#include <cstdint>

#include "market/types.h"
#include "stream/keyed_state.h"
#include "stream/operator.h"
#include "stream/tumbling_windows.h"

namespace tapeline::stream {

// Which keys a record has touched in the open window, and what the last record left there: for operators that
// look at a key's book once at the end of each window in which it changed.
template <class Last>
class WindowTouches {
 public:
  explicit WindowTouches(std::uint64_t width_ns) : windows_(width_ns) {}

  void prefetch(Locate key) const { touches_.prefetch(key); }

  void touch(Locate key, const Last& last) {
    Touch& touch = touches_[key];
    if (!touch.in_window) windows_.add(key);
    touch = {last, true};
  }

  // If the watermark has reached the end of the window, calls close(key, last) for its keys in increasing
  // order; `end` is still that window's then.
  template <class Close>
  void advance(EventTime watermark, Close&& close) {
    advance(watermark, close, [](Locate) {});
  }
  // ahead(key) is called some keys earlier, to load what close(key) will look at.
  template <class Close, class Ahead>
  void advance(EventTime watermark, Close&& close, Ahead&& ahead) {
    windows_.advance(
        watermark,
        [&](Locate key) {
          Touch& touch = touches_[key];
          close(key, touch.last);
          touch.in_window = false;
        },
        [&](Locate key) {
          touches_.prefetch(key);
          ahead(key);
        });
  }
  [[nodiscard]] EventTime end() const { return windows_.end(); }
  [[nodiscard]] EventTime next_timer() const { return windows_.next_timer(); }

  void save_key(Locate key, StateWriter& writer) const {
    touches_.save_key(key, writer, touches_[key].in_window);
  }
  void open(EventTime watermark) { windows_.open(watermark); }
  void load_key(Locate key, StateReader& reader) {
    if (touches_.load_key(key, reader)) windows_.add(key);
  }

 private:
  struct Touch {
    Last last;
    bool in_window;
  };

  TumblingWindows windows_;
  KeyedState<Touch> touches_;
};

}  // namespace tapeline::stream
