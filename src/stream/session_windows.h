#pragma once

#include <algorithm>
#include <cstdint>

#include "market/types.h"
#include "stream/key_set.h"
#include "stream/keyed_state.h"
#include "stream/operator.h"
#include "stream/state.h"
#include "stream/timer_grid.h"

namespace tapeline::stream {

// Session windows: one of a key lasts while its records come within a gap of each other, and is over once
// none has come for so long. [first, last] are the times of its first and its last record.
//
// A session that is over is closed when the key's next record comes, or at a multiple of the gap, whichever
// is first; its content is the same either way. Late data: a record before the last one counts in the session
// that is open and moves neither of its ends; where that has been closed, the record begins one of its own.
template <class State>
class SessionWindows {
 public:
  struct Session {
    EventTime first;
    EventTime last;
    State state;
    bool is_open;
  };

  explicit SessionWindows(std::uint64_t gap_ns) : gap_ns_(gap_ns), grid_(gap_ns) {}

  void prefetch(Locate key) const { sessions_.prefetch(key); }

  // The session that a record of this time belongs to; close(key, session) is called first for one that is
  // over by then.
  template <class Close>
  Session& touch(Locate key, EventTime time, Close&& close) {
    Session& session = sessions_[key];
    if (session.is_open && is_over(session, time)) end(key, session, close);
    if (!session.is_open) {
      session.is_open = true;
      session.first = session.last = time;
      open_.add(key);
    }
    session.last = std::max(session.last, time);
    return session;
  }

  // Calls close(key, session) for those that are over by the watermark, in increasing order of their keys.
  template <class Close>
  void advance(EventTime watermark, Close&& close) {
    if (!grid_.advance(watermark)) return;
    open_.for_each([&](Locate key) {
      Session& session = sessions_[key];
      if (is_over(session, watermark)) end(key, session, close);
    });
  }
  [[nodiscard]] EventTime next_timer() const { return grid_.next(); }

  void save_key(Locate key, StateWriter& writer) const {
    sessions_.save_key(key, writer, sessions_[key].is_open);
  }
  void open(EventTime watermark) { grid_.open(watermark); }
  void load_key(Locate key, StateReader& reader) {
    if (sessions_.load_key(key, reader)) open_.add(key);
  }

 private:
  [[nodiscard]] bool is_over(const Session& session, EventTime time) const {
    return raw(time) >= raw(session.last) + gap_ns_;
  }
  template <class Close>
  void end(Locate key, Session& session, Close&& close) {
    close(key, std::as_const(session));
    session = Session{};
    open_.remove(key);
  }

  std::uint64_t gap_ns_;
  TimerGrid grid_;
  KeyedState<Session> sessions_;
  KeySet open_;
};

}  // namespace tapeline::stream
