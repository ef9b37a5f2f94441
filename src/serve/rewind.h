#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "event_log/event_log.h"
#include "os/clock.h"
#include "serve/feed_index.h"
#include "terminal/book_snapshot.h"

namespace tapeline::serve {

// A book of one symbol at one moment that is past, or at many.
struct RewindRequest {
  Locate locate{};
  Symbol symbol = Symbol("");
  ReplayStart start;
  EventTime until{UINT64_MAX};
  std::uint64_t last_sequence = UINT64_MAX;
  std::size_t levels = 10;
  // Frames at `from`, `from` + `step`, … up to `until`, where there is a step; each is the book when all that
  // had happened up to its time, that moment included, was applied.
  EventTime from{0};
  std::uint64_t step_ns = 0;
};

struct RewindFrame {
  EventTime time;
  std::uint64_t sequence;
  terminal::BookSnapshot book;
};

struct RewindAnswer {
  static constexpr std::size_t most_trades = 1'000;

  std::string session;
  std::vector<RewindFrame> frames;      // One without a step.
  Ring<TapeTrade> trades{most_trades};  // From the first frame on.
  std::uint64_t replayed = 0;           // Messages.
};

// Rebuilds one book by a replay of the log from the start given. It is given up after `timeout_ns` of the
// clock, or once `cancelled` is set.
Result<RewindAnswer> rewind(event_log::EventLog& log, const os::Clock& clock, std::uint64_t timeout_ns,
                            const std::atomic<bool>& cancelled, const RewindRequest& request);

struct RewindCounters {
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t refused = 0;
  std::uint64_t replayed_messages = 0;
};

// Does so on a thread of its own, one request after the other.
class Rewinder {
 public:
  using Reply = std::function<void(Result<RewindAnswer>)>;
  static constexpr std::size_t most_waiting = 32;

  Rewinder(event_log::EventLog& log, const os::Clock& clock, std::uint64_t timeout_ns);
  ~Rewinder();
  Rewinder(const Rewinder&) = delete;
  Rewinder& operator=(const Rewinder&) = delete;

  // False where too many wait already. The reply comes on the rewinder's thread.
  [[nodiscard]] bool ask(RewindRequest request, Reply reply);
  [[nodiscard]] RewindCounters counters() const;

 private:
  void run();

  event_log::EventLog& log_;
  const os::Clock& clock_;
  const std::uint64_t timeout_ns_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<RewindRequest, Reply>> waiting_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> done_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> replayed_{0};
  std::thread thread_;  // Last, as it uses the others.
};

}  // namespace tapeline::serve
