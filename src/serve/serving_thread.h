#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "event_log/event_log.h"
#include "os/clock.h"
#include "serve/feed_index.h"
#include "serve/hub.h"
#include "serve/market_view.h"
#include "serve/watch_list.h"
#include "status/status.h"
#include "stream/idle_strategy.h"
#include "trace/flight_recorder.h"

namespace tapeline::serve {

// All that the serving thread owns. Commands get at it; they run on that thread, between two batches.
struct ServingState {
  ServingState(HubConfig config, const os::Clock& clock, std::size_t keyframe_bytes, WatchListConfig watched)
      : watch(std::move(watched)), hub(std::move(config), clock), index(keyframe_bytes) {}

  MarketView view;
  WatchList watch;
  Hub hub;
  FeedIndex index;
  std::optional<status::Status> pipeline;  // The last status; nothing where no pipeline runs.
  std::string status_json;                 // The same with what is served, for clients.
  std::uint64_t status_version = 0;
  std::string error;       // Why the log cannot be read any more.
  bool has_log = false;    // There is a topic to follow.
  bool caught_up = false;  // The end of the log has been reached within the last second or so.
  std::uint64_t lag_records = 0;

  [[nodiscard]] ViewState view_state() const;
};

// The thread that follows the log, keeps the view and serves the clients of the stream. It takes no lock that
// the pipeline knows of; when nothing happens it sleeps, ever longer up to the longest park.
class ServingThread {
 public:
  using Command = std::function<void(ServingState&)>;
  static constexpr std::size_t most_waiting = 4'096;

  // The recorder, of the books, may be null.
  ServingThread(event_log::EventLog& log, const os::Clock& clock, HubConfig hub, std::size_t keyframe_bytes,
                WatchListConfig watched, std::shared_ptr<trace::FlightRecorder> recorder);
  ~ServingThread() { stop(); }
  ServingThread(const ServingThread&) = delete;
  ServingThread& operator=(const ServingThread&) = delete;

  void start(Network& network);
  // No command runs after that; those that wait are dropped.
  void stop();

  // From any thread. False where too many wait; what must not be lost is posted regardless.
  bool post(Command command, bool regardless = false);

 private:
  void run();
  // One batch, if there is one.
  [[nodiscard]] bool follow();
  void open_reader();
  void record(const event_log::Batch& batch, std::uint64_t began_ns);
  void note_failure(const Error& error);
  [[nodiscard]] bool run_commands();
  void tick();

  event_log::EventLog& log_;
  const os::Clock& clock_;
  ServingState state_;
  std::shared_ptr<trace::FlightRecorder> recorder_;
  std::unique_ptr<event_log::Reader> reader_;
  std::uint64_t next_open_ns_ = 0;
  std::uint64_t next_tick_ns_ = 0;
  std::uint64_t at_end_ns_ = 0;  // When the reader last found nothing more.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Command> commands_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace tapeline::serve
