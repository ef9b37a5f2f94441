#include "serve/alert_desk.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "evidence/bundle.h"
#include "evidence/replay.h"
#include "evidence/story_json.h"
#include "pipeline/live/ingest.h"
#include "pipeline/row_tables.h"
#include "serve/json_text.h"
#include "stream/row_log.h"

namespace tapeline::serve {

namespace {

constexpr std::uint64_t look_interval_ns = 500'000'000;
constexpr auto pause = std::chrono::milliseconds(50);

}  // namespace

AlertDesk::AlertDesk(event_log::EventLog& log, const os::Clock& clock,
                     const surveillance::Parameters& parameters, std::string version,
                     std::uint64_t timeout_ns)
    : log_(log),
      clock_(clock),
      parameters_(parameters),
      version_(std::move(version)),
      timeout_ns_(timeout_ns),
      thread_([this] { run(); }) {}

AlertDesk::~AlertDesk() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  wake_.notify_all();
  thread_.join();
}

std::string AlertDesk::alerts_json(std::size_t limit, std::string_view filter) const {
  const std::scoped_lock lock(mutex_);
  std::string text;
  JsonText json(text);
  json.begin_object().member("total", total_).key("alerts").begin_array();
  std::size_t count = 0;
  for (auto it = alerts_.rbegin(); it != alerts_.rend() && count < limit; ++it) {
    if (it->row.symbol.view().find(filter) == std::string_view::npos) continue;
    json.json(evidence::alert_json(it->row));
    ++count;
  }
  json.end_array().end_object();
  return text + "\n";
}

bool AlertDesk::ask_evidence(std::uint64_t id, Reply reply) {
  const std::scoped_lock lock(mutex_);
  if (stopping_ || waiting_.size() >= most_waiting) return false;
  waiting_.emplace_back(id, std::move(reply));
  wake_.notify_one();
  return true;
}

void AlertDesk::open_new_lanes() {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  if (now_ns < look_again_ns_) return;
  look_again_ns_ = now_ns + look_interval_ns;
  const Result<event_log::TopicDescription> topic = log_.topic(pipeline::rows_topic);
  if (!topic) return;  // Not made yet.
  while (lanes_.size() < topic->options.partitions) {
    auto reader = log_.open_reader(pipeline::rows_topic, static_cast<std::uint32_t>(lanes_.size()));
    if (!reader) return;
    lanes_.push_back(std::move(*reader));
  }
}

bool AlertDesk::follow() {
  if (!error_.empty()) return false;
  open_new_lanes();
  bool any = false;
  for (const auto& lane : lanes_) {
    const Result<std::optional<event_log::Batch>> batch = lane->next();
    if (!batch) {
      error_ = batch.error().message;
      return false;
    }
    if (!*batch) continue;
    any = true;
    take(**batch);
  }
  return any;
}

void AlertDesk::take(const event_log::Batch& batch) {
  Result<stream::RowBatchCursor> cursor = stream::RowBatchCursor::open(batch.payload);
  if (!cursor) {
    error_ = cursor.error().message;
    return;
  }
  constexpr auto table = static_cast<std::uint16_t>(pipeline::RowTable::alerts);
  for (;;) {
    const Result<std::optional<stream::RowView>> row = cursor->next();
    if (!row) error_ = row.error().message;
    if (!row || !*row) return;
    if ((*row)->header.table != table || (*row)->bytes.size() != sizeof(surveillance::AlertRow)) continue;
    evidence::FoundAlert alert{{}, cursor->header().session};
    std::memcpy(&alert.row, (*row)->bytes.data(), sizeof alert.row);
    if (static_cast<std::size_t>(alert.row.detector) >= surveillance::detector_count) continue;
    const std::scoped_lock lock(mutex_);
    ++total_;
    // Lanes are each in order; among them, the order is that of the messages.
    auto place = alerts_.end();
    while (place != alerts_.begin() && std::prev(place)->session == alert.session &&
           std::prev(place)->row.sequence > alert.row.sequence)
      --place;
    alerts_.insert(place, alert);
    if (alerts_.size() > most_alerts) alerts_.pop_front();
  }
}

Result<std::string> AlertDesk::evidence_of(std::uint64_t id) {
  std::optional<evidence::FoundAlert> alert;
  {
    const std::scoped_lock lock(mutex_);
    for (const evidence::FoundAlert& one : alerts_)
      if (one.row.id == id) alert = one;
  }
  if (!alert)
    return fail(ErrorCode::not_found,
                fmt::format("the newest {} alerts have none with this id; tapeline evidence collect has all",
                            most_alerts));
  const std::uint64_t deadline = clock_.monotonic_ns() + timeout_ns_;
  bool gave_up = false;
  const evidence::FeedDrive drive = evidence::drive_log(log_, [&] {
    gave_up = stopping_ || clock_.monotonic_ns() > deadline;
    return !gave_up;
  });
  Result<std::string> story =
      fail(ErrorCode::not_found,
           "the log's messages do not come to this alert again: has retention removed some, or "
           "have the settings of surveillance changed?");
  const evidence::CollectionRequest request{parameters_, version_, "feed", {*alert}};
  const Result<std::uint64_t> collected =
      evidence::collect(drive, request, [&](const evidence::Bundle& bundle) -> Result<void> {
        const Result<evidence::Replay> replayed = evidence::replay(bundle);
        if (!replayed) return std::unexpected(replayed.error());
        story = evidence::story_json(bundle, *replayed);
        return {};
      });
  if (!collected) return std::unexpected(collected.error());
  if (gave_up && !story)
    return fail(ErrorCode::interrupted,
                "the evidence was given up: it took too long; see serve.rewind_timeout_ms");
  return story;
}

void AlertDesk::run() {
  while (!stopping_) {
    const bool any = follow();
    std::unique_lock lock(mutex_);
    if (!waiting_.empty()) {
      const auto [id, reply] = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      reply(evidence_of(id));
      continue;
    }
    if (!any) wake_.wait_for(lock, pause, [this] { return stopping_ || !waiting_.empty(); });
  }
}

}  // namespace tapeline::serve
