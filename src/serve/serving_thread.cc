#include "serve/serving_thread.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "pipeline/live/ingest.h"

namespace tapeline::serve {

namespace {

// Clients are looked at so often, or as often as a tenth of the thread's time allows.
constexpr std::uint64_t tick_ns = 1'000'000;
constexpr std::uint64_t most_tick_share = 10;
constexpr std::uint64_t open_again_ns = 500'000'000;
constexpr std::uint64_t behind_ns = 1'000'000'000;
constexpr std::size_t commands_at_once = 64;

}  // namespace

ViewState ServingState::view_state() const {
  ViewState state;
  state.error = error;
  state.lag_records = lag_records;
  state.session_ended = view.feed().position().ended;
  if (pipeline) state.feed_state = pipeline->feed.state;
  state.state = "live";
  if (!view.feed().position().in_session) state.state = "starting";
  if (has_log && !caught_up) state.state = "catching_up";
  if (!error.empty()) state.state = "failed";
  return state;
}

ServingThread::ServingThread(event_log::EventLog& log, const os::Clock& clock, HubConfig hub,
                             std::size_t keyframe_bytes, WatchListConfig watched,
                             std::shared_ptr<trace::FlightRecorder> recorder)
    : log_(log),
      clock_(clock),
      state_(std::move(hub), clock, keyframe_bytes, std::move(watched)),
      recorder_(std::move(recorder)) {}

void ServingThread::start(Network& network) {
  state_.hub.set_network(network);
  thread_ = std::thread([this] { run(); });
}

void ServingThread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  // Their replies belong to connections, which must not outlive the network.
  const std::scoped_lock lock(mutex_);
  commands_.clear();
}

bool ServingThread::post(Command command, bool regardless) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || (!regardless && commands_.size() >= most_waiting)) return false;
    commands_.push_back(std::move(command));
  }
  wake_.notify_one();
  return true;
}

// The topic may not be there yet: whoever serves may start before the pipeline.
void ServingThread::open_reader() {
  const std::uint64_t now = clock_.monotonic_ns();
  if (now < next_open_ns_) return;
  next_open_ns_ = now + open_again_ns;
  if (!log_.topic(pipeline::feed_topic)) return;
  Result<std::unique_ptr<event_log::Reader>> reader = log_.open_reader(pipeline::feed_topic, 0);
  if (!reader) return note_failure(reader.error());
  reader_ = std::move(*reader);
  state_.has_log = true;
}

// What has been served so far is not the newest any more, and says so.
void ServingThread::note_failure(const Error& error) {
  state_.error = error.message;
  state_.view.mark_stale();
  reader_.reset();
}

bool ServingThread::follow() {
  if (!state_.error.empty()) return false;
  if (!reader_) open_reader();
  if (!reader_) return false;
  const Result<std::optional<event_log::Batch>> batch = reader_->next();
  if (!batch) {
    note_failure(batch.error());
    return false;
  }
  if (!*batch) {
    state_.caught_up = true;
    at_end_ns_ = clock_.monotonic_ns();
    state_.lag_records = 0;
    return false;
  }
  // A reader that keeps up finds nothing more every now and then.
  if (state_.caught_up && clock_.monotonic_ns() - at_end_ns_ > behind_ns) state_.caught_up = false;
  const std::uint64_t began_ns = recorder_ ? clock_.realtime_ns() : 0;
  if (Result<void> done = state_.view.take(**batch); !done) {
    note_failure(done.error());
    return false;
  }
  if (recorder_) record(**batch, began_ns);
  state_.index.note(state_.view);
  if (const std::atomic<std::uint64_t>* end = reader_->live_end())
    state_.lag_records = end->load(std::memory_order_relaxed) -
                         std::min(end->load(std::memory_order_relaxed), (*batch)->end().value);
  return true;
}

void ServingThread::record(const event_log::Batch& batch, std::uint64_t began_ns) {
  trace::StageRecord record;
  record.stage = trace::Stage::serve;
  record.from = batch.first.value;
  record.count = batch.record_count;
  record.began_ns = record.middle_ns = began_ns;
  record.ended_ns = clock_.realtime_ns();
  record.oldest_captured_ns = batch.first_time_ns;
  recorder_->record(record);
}

bool ServingThread::run_commands() {
  for (std::size_t i = 0; i < commands_at_once; ++i) {
    Command command;
    {
      const std::scoped_lock lock(mutex_);
      if (commands_.empty()) return i > 0;
      command = std::move(commands_.front());
      commands_.pop_front();
    }
    command(state_);
  }
  return true;
}

void ServingThread::tick() {
  StreamContext context{state_.view, state_.status_json, state_.status_version};
  state_.hub.tick(context, state_.view_state());
}

void ServingThread::run() {
  // Commands wake it; the log is looked at no more often than clients can be told.
  stream::IdleStrategy idle({.max_park_ns = tick_ns});
  while (!stopping_) {
    bool worked = follow();
    worked = run_commands() || worked;
    const std::uint64_t now = clock_.monotonic_ns();
    if (now >= next_tick_ns_) {
      tick();
      const std::uint64_t after = clock_.monotonic_ns();
      next_tick_ns_ = after + std::max(tick_ns, (after - now) * (most_tick_share - 1));
    }
    const std::uint64_t park_ns = idle.after_turn(worked);
    if (park_ns == 0) continue;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::nanoseconds(park_ns),
                   [this] { return stopping_ || !commands_.empty(); });
  }
}

}  // namespace tapeline::serve
