#include "trace/tracing.h"

#include <algorithm>

namespace tapeline::trace {

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::size_t traces_at_once = 128;

// Whether every stage is through with the record; clients have none where nobody listens.
bool is_passed(const StageReaders& readers, std::uint64_t offset) {
  const auto is_behind = [offset](const FlightReader& reader) {
    const std::uint64_t written = reader.written();
    const std::optional<StageRecord> last = written == 0 ? std::nullopt : reader.at(written - 1);
    return !last || last->end() <= offset;
  };
  if (std::ranges::any_of(readers.workers, is_behind) || (readers.serve && is_behind(*readers.serve)))
    return false;
  // A lane without a worker is one of before a rescaling.
  return std::ranges::none_of(readers.lanes, [&](const FlightReader& lane) {
    return lane.header().number < readers.workers.size() && is_behind(lane);
  });
}

}  // namespace

Tracing::Tracing(const TracingConfig& config, Own own, MessageLookup lookup, SpanExporter& exporter)
    : config_(config),
      own_(own),
      lookup_(std::move(lookup)),
      exporter_(exporter),
      slow_tokens_(static_cast<double>(config.slow_per_second)) {}

template <class F>
void Tracing::for_new_records(const FlightReader& reader, const std::string& name, F&& f) {
  const std::uint64_t end = reader.written();
  // What was there before the first look is of no interest.
  std::uint64_t& place = places_.try_emplace(name, end).first->second;
  if (place > end) place = 0;  // The recorder has been made anew.
  counters_.missed_records += std::max(place, reader.oldest()) - place;
  for (place = std::max(place, reader.oldest()); place < end; ++place) {
    if (const std::optional<StageRecord> record = reader.at(place))
      f(*record);
    else
      ++counters_.missed_records;
  }
}

void Tracing::note(const LoggedMessage& message, bool slow, std::uint64_t now_ns) {
  ++(slow ? counters_.slow : counters_.sampled);
  if (waiting_.size() >= config_.most_waiting) {
    ++counters_.dropped;
    return;
  }
  waiting_.push_back({message, slow, now_ns + config_.hold_ns});
}

void Tracing::take_samples(const StageRecord& record, std::uint64_t now_ns) {
  // A message that the log has lost meanwhile has no trace.
  (void)lookup_.for_each(record.from, record.end(), [&](const LoggedMessage& message) {
    if (is_sampled(message.sequence, config_.sample_one_in)) note(message, false, now_ns);
    return true;
  });
}

void Tracing::look_for_samples(const FlightReader& ingest, std::uint64_t now_ns) {
  if (config_.sample_one_in == 0) return;
  for_new_records(ingest, "samples", [&](const StageRecord& record) {
    if (may_hold_sample(record.first, record.last, config_.sample_one_in)) take_samples(record, now_ns);
  });
}

bool Tracing::may_trace_slow(std::uint64_t now_ns) {
  const auto most = static_cast<double>(config_.slow_per_second);
  const double come = static_cast<double>(now_ns - slow_tokens_ns_) / second_ns * most;
  slow_tokens_ = std::min(slow_tokens_ + come, most);
  slow_tokens_ns_ = now_ns;
  if (slow_tokens_ < 1) return false;
  slow_tokens_ -= 1;
  return true;
}

void Tracing::look_for_slow(const FlightReader& stage, const std::string& name, std::uint64_t now_ns) {
  if (config_.slow_ns == 0) return;
  for_new_records(stage, name, [&](const StageRecord& record) {
    if (record.oldest_captured_ns == 0 || record.ended_ns < record.oldest_captured_ns + config_.slow_ns)
      return;
    // A batch that was slow at one stage is late at those behind it, too.
    const bool known = std::ranges::any_of(waiting_, [&](const Waiting& waiting) {
      return waiting.slow && record.covers(waiting.message.offset);
    });
    if (known) return;
    if (!may_trace_slow(now_ns)) {
      ++counters_.slow_untraced;
      return;
    }
    const Result<std::optional<LoggedMessage>> oldest = lookup_.at(record.from);
    if (oldest && *oldest && record.covers((*oldest)->offset)) note(**oldest, true, now_ns);
  });
}

void Tracing::turn(const StageReaders& readers, std::uint64_t now_ns) {
  if (readers.ingest) look_for_samples(*readers.ingest, now_ns);
  if (own_.pipeline) {
    if (readers.ingest) look_for_slow(*readers.ingest, "ingest", now_ns);
    for (const FlightReader& worker : readers.workers)
      look_for_slow(worker, "worker-" + std::to_string(worker.header().number), now_ns);
  }
  if (own_.serve && readers.serve) look_for_slow(*readers.serve, "serve", now_ns);
  resolve(readers, now_ns);
  if (now_ns >= retry_ns_) send(now_ns);
}

void Tracing::finish(const StageReaders& readers) {
  resolve(readers, UINT64_MAX);
  send(UINT64_MAX);
}

void Tracing::resolve(const StageReaders& readers, std::uint64_t now_ns) {
  const auto is_own = [this](const Span& span) {
    return span.stage == Stage::serve || span.stage == Stage::client ? own_.serve : own_.pipeline;
  };
  while (!waiting_.empty() && waiting_.front().due_ns <= now_ns) {
    const Waiting& first = waiting_.front();
    if (now_ns < first.due_ns + config_.most_hold_ns && !is_passed(readers, first.message.offset)) break;
    Trace trace = assemble(waiting_.front().message, readers);
    trace.slow = waiting_.front().slow;
    waiting_.pop_front();
    // Of a message that was drawn every process tells its own part; who finds one slow tells all that it
    // sees.
    if (!trace.slow) std::erase_if(trace.spans, [&](const Span& span) { return !is_own(span); });
    if (trace.spans.empty()) continue;
    if (ready_.size() >= config_.most_waiting)
      ++counters_.dropped;
    else
      ready_.push_back(std::move(trace));
  }
}

void Tracing::send(std::uint64_t now_ns) {
  while (!ready_.empty()) {
    const std::size_t count = std::min(ready_.size(), traces_at_once);
    if (Result<void> sent = exporter_.send(std::span(ready_).first(count)); !sent) {
      counters_.failure = sent.error().message;
      retry_ns_ = now_ns + second_ns;
      return;
    }
    counters_.failure.clear();
    counters_.sent += count;
    ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

}  // namespace tapeline::trace
