#include "pipeline/run/worker_thread.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

#include "os/cpu.h"

namespace tapeline::pipeline {

namespace {

void sleep_ns(std::uint64_t ns) {
  std::this_thread::sleep_for(std::chrono::nanoseconds(ns));
}

}  // namespace

WorkerThread::WorkerThread(unsigned number, const WorkerThreadConfig& config, std::optional<unsigned> cpu,
                           std::unique_ptr<stream::CheckpointThread> writer,
                           std::unique_ptr<LogWorker> worker, const os::Clock& clock, os::Doorbell& input,
                           os::Doorbell& output, const std::function<void(const Error&)>& on_failure,
                           std::shared_ptr<trace::FlightRecorder> recorder)
    : number_(number),
      config_(config),
      cpu_(cpu),
      writer_(std::move(writer)),
      worker_(std::move(worker)),
      clock_(clock),
      input_(input),
      output_(output),
      on_failure_(on_failure),
      recorder_(std::move(recorder)),
      recorded_end_(worker_->position()),
      last_turn_ns_(clock.monotonic_ns()) {
  publish_report(last_turn_ns_);
}

void WorkerThread::start() {
  thread_ = std::thread([this] { run(); });
}

void WorkerThread::run() {
  os::name_this_thread(fmt::format("worker-{}", number_));
  os::set_timer_slack_ns(1'000);
  os::put_this_thread_ahead();
  if (cpu_)
    if (const Result<void> pinned = os::pin_this_thread(*cpu_); !pinned) on_failure_(pinned.error());
  if (const Result<void> worked = work(); !worked) on_failure_(worked.error());
  publish_report(clock_.monotonic_ns());
  ended_.store(true, std::memory_order_release);
}

Result<void> WorkerThread::work() {
  for (;;) {
    const Order order = order_.load(std::memory_order_acquire);
    if (order == Order::end) return {};
    const std::uint32_t ticket = input_.ticket();
    const Result<bool> worked = order == Order::drain ? drain() : turn();
    output_failure_.clear();
    if (!worked) {
      // A full disk is not the end: there will be room again.
      if (worked.error().code != ErrorCode::io || worker_->lane().has_failed())
        return std::unexpected(worked.error());
      output_failure_ = worked.error().message;
      note_turn(false);
      sleep_ns(retry_ns);
      continue;
    }
    if (order == Order::drain && !*worked) return {};
    note_turn(*worked);
    if (!*worked)
      idle(ticket);
    else
      backoff_ns_ = 0;
  }
}

// Whether there was something to do.
Result<bool> WorkerThread::turn() {
  const std::uint64_t begin_ns = clock_.monotonic_ns();
  Result<bool> worked = worker_->take_in();
  if (!worked) return worked;
  const std::uint64_t taken_ns = clock_.monotonic_ns();
  if (const Result<void> put_out = worker_->put_out(); !put_out) return std::unexpected(put_out.error());
  const std::uint64_t before_ns = clock_.monotonic_ns();
  if (*worked) {
    computing_.record(taken_ns - begin_ns);
    appending_.record(before_ns - taken_ns);
    note_delays();
    if (recorder_) record(begin_ns, taken_ns, before_ns);
  }
  // While messages wait, state does, but not for long.
  if (worker_->lag() > 0 && before_ns - saved_ns_ < most_unsaved_ns) return worked;
  saved_ns_ = before_ns;
  worker_->save_some(before_ns);
  const std::uint64_t after_ns = clock_.monotonic_ns();
  if (worker_->worker().checkpointer().in_progress() || checkpoint_in_progress_)
    stalls_.record(after_ns - before_ns);
  note_checkpoint(after_ns);
  // A checkpoint keeps this thread running for milliseconds on end, and who waits for its core meanwhile, be
  // it the reader of these very rows, has a message to take in.
  if (checkpoint_in_progress_) std::this_thread::yield();
  return worked;
}

void WorkerThread::note_delays() {
  if (worker_->worker().counters().output_batches != output_batches_) {
    output_batches_ = worker_->worker().counters().output_batches;
    output_.ring();
    const std::uint64_t captured_ns = raw(worker_->oldest_captured());
    const std::uint64_t now_ns = clock_.realtime_ns();
    delays_.record(now_ns > captured_ns ? now_ns - captured_ns : 0);
  }
  const std::uint64_t newest_ns = raw(worker_->worker().watermark());
  newest_event_ns_.store(newest_ns, std::memory_order_relaxed);
  if (newest_ns == 0) return;
  constexpr std::int64_t day_ns = 86'400'000'000'000;
  constexpr std::int64_t furthest_ns = 3'600'000'000'000;  // A feed of another day says nothing of the way.
  const auto captured_ns = static_cast<std::int64_t>(raw(worker_->newest_captured()));
  const std::int64_t midnight_ns =
      (captured_ns - config_.midnight_after_utc_ns) / day_ns * day_ns + config_.midnight_after_utc_ns;
  const std::int64_t sent_ns = midnight_ns + static_cast<std::int64_t>(newest_ns);
  const bool is_of_today = std::abs(captured_ns - sent_ns) < furthest_ns;
  midnight_ns_.store(is_of_today ? static_cast<std::uint64_t>(midnight_ns) : 0, std::memory_order_relaxed);
  // Every worker sees every message, so one of them is enough.
  if (is_of_today && number_ == 0)
    feed_delays_.record(static_cast<std::uint64_t>(sent_ns), static_cast<std::uint64_t>(captured_ns));
}

void WorkerThread::record(std::uint64_t begin_ns, std::uint64_t taken_ns, std::uint64_t put_out_ns) {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  const std::uint64_t realtime_ns = clock_.realtime_ns();
  trace::StageRecord record;
  record.stage = trace::Stage::worker;
  record.number = static_cast<std::uint16_t>(number_);
  record.from = raw(recorded_end_);
  recorded_end_ = worker_->position();
  record.count = static_cast<std::uint32_t>(raw(recorded_end_) - record.from);
  record.began_ns = realtime_ns - (now_ns - begin_ns);
  record.middle_ns = realtime_ns - (now_ns - taken_ns);
  record.ended_ns = realtime_ns - (now_ns - put_out_ns);
  record.oldest_captured_ns = raw(worker_->oldest_captured());
  recorder_->record(record);
}

// All that the log has, then all state. False once that is done.
Result<bool> WorkerThread::drain() {
  const Result<bool> worked = turn();
  if (!worked || *worked) return worked;
  const Result<bool> saved = worker_->save(clock_.monotonic_ns());
  if (!saved) return saved;
  if (!*saved) sleep_ns(100'000);
  return !*saved;
}

void WorkerThread::idle(std::uint32_t ticket) {
  // State that waits to be saved is work, too, but none that is in a hurry.
  const bool saving = !worker_->worker().checkpointer().is_done();
  switch (config_.idle) {
    case WorkerIdle::spin: return;
    case WorkerIdle::backoff:
      backoff_ns_ = std::clamp<std::uint64_t>(2 * backoff_ns_, 2'000, config_.max_idle_ns);
      return sleep_ns(backoff_ns_);
    case WorkerIdle::park:
      // Checkpoints are taken by the clock, so it looks now and then although nobody rings.
      return input_.wait(ticket, saving ? 100'000 : std::max<std::uint64_t>(config_.max_idle_ns, 20'000'000));
  }
}

void WorkerThread::note_turn(bool worked) {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  duty_.note_turn(now_ns - last_turn_ns_, worked, worked && worker_->lag() > 0);
  last_turn_ns_ = now_ns;
  if (now_ns - last_report_ns_ >= report_interval_ns) publish_report(now_ns);
}

void WorkerThread::note_checkpoint(std::uint64_t now_ns) {
  const stream::KeyCheckpointer& checkpointer = worker_->worker().checkpointer();
  const bool in_progress = checkpointer.in_progress();
  if (in_progress && !checkpoint_in_progress_) checkpoint_begun_ns_ = now_ns;
  if (checkpointer.counters().checkpoints != draft_.checkpoints.checkpoints) {
    draft_.checkpoints.checkpoints = checkpointer.counters().checkpoints;
    draft_.last_checkpoint_ns = now_ns;
    draft_.checkpoint_duration_ns = checkpoint_in_progress_ ? now_ns - checkpoint_begun_ns_ : 0;
  }
  checkpoint_in_progress_ = in_progress;
}

void WorkerThread::publish_report(std::uint64_t now_ns) {
  const Worker& worker = worker_->worker();
  draft_.number = number_;
  draft_.groups = worker_->groups();
  draft_.position = worker_->position();
  draft_.lag = worker_->lag();
  draft_.counters = worker.counters();
  draft_.books = worker.books().counters();
  draft_.live_orders = worker.books().live_orders();
  draft_.live_levels = worker.books().live_levels();
  constexpr std::uint64_t sizing_interval_ns = 1'000'000'000;  // Adding up takes a while.
  if (now_ns - sized_ns_ >= sizing_interval_ns) {
    draft_.book_bytes = worker.books().memory_bytes();
    const stream::DutyCycle::Totals totals = duty_.totals();
    const stream::DutyCycle::Totals recent = totals.since(reported_duty_);
    reported_duty_ = totals;
    draft_.busy = recent.busy_ratio();
    draft_.back_pressure = recent.back_pressure_ratio();
    sized_ns_ = now_ns;
  }
  survey_.look(worker.books());
  draft_.census = survey_.census();
  draft_.system_event = worker.system_event();
  draft_.rows_end = worker_->lane().end().value;
  draft_.checkpoints = worker.checkpointer().counters();
  draft_.checkpoint_failure = worker.checkpointer().last_failure();
  draft_.warning = output_failure_.empty() ? worker_->warning() : output_failure_;
  last_report_ns_ = now_ns;
  report_.set(draft_);
}

}  // namespace tapeline::pipeline
