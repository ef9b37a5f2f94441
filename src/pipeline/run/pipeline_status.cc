#include "pipeline/run/pipeline_status.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "metrics/quantity_text.h"
#include "os/machine.h"
#include "os/memory_usage.h"

namespace tapeline::pipeline {

namespace {

status::Latency latency_of(std::string name, const metrics::HistogramSnapshot& histogram) {
  status::Latency latency;
  latency.name = std::move(name);
  latency.count = histogram.count();
  latency.p50_ns = histogram.percentile(0.5);
  latency.p90_ns = histogram.percentile(0.9);
  latency.p99_ns = histogram.percentile(0.99);
  latency.p999_ns = histogram.percentile(0.999);
  latency.max_ns = histogram.max();
  latency.sum_ns = histogram.sum();
  for (const std::uint64_t bound_ns : status::latency_bounds_ns)
    latency.buckets.push_back(histogram.count_up_to(bound_ns));
  return latency;
}

std::string_view state_of(const IngestReport& ingest, std::uint64_t silent_ns, std::uint64_t silence_ns) {
  if (ingest.position.ended) return "ended";
  if (!ingest.position.in_session) return "waiting";
  if (silent_ns >= silence_ns) return "stale";
  return ingest.has_gap || ingest.position.in_recovery ? "recovering" : "live";
}

// Of NASDAQ TotalView-ITCH 5.0, section 4.1: messages start and end (O, C), system hours (S, E), market hours
// (Q, M).
std::string hours_of(char system_event) {
  switch (system_event) {
    case 'O':
    case 'S': return "before";
    case 'Q': return "open";
    case 'M':
    case 'E':
    case 'C': return "after";
    default: return "unknown";
  }
}

}  // namespace

PipelineStatus::PipelineStatus(const LivePipeline& pipeline, const os::ClockQualityMonitor& clock_quality,
                               std::string version, std::uint64_t process_started_ns)
    : pipeline_(pipeline),
      clock_quality_(clock_quality),
      version_(std::move(version)),
      started_ns_(process_started_ns) {}

status::Status PipelineStatus::take() {
  const std::uint64_t now_ns = pipeline_.clock().monotonic_ns();
  const IngestReport ingest = pipeline_.ingest_report();
  const std::vector<WorkerReport> workers = pipeline_.worker_reports();
  status::Status status;
  status.version = version_;
  status.process = os::process_id();
  status.uptime_ms = (now_ns - started_ns_) / 1'000'000;
  status.started_at_ns = started_ns_;
  status.caught_up_at_ns = pipeline_.caught_up_at_ns();
  std::uint64_t packets = 0;
  for (const capture::ChannelCounters& channel : ingest.channels) packets += channel.packets;
  std::uint64_t slowest = workers.empty() ? 0 : UINT64_MAX;
  std::uint64_t rows = 0;
  for (const WorkerReport& worker : workers) {
    slowest = std::min(slowest, worker.counters.messages);
    rows += worker.counters.rows;
  }
  captured_.note(packets, now_ns);
  sequenced_.note(ingest.sequencer.messages, now_ns);
  logged_.note(ingest.log.records, now_ns);
  computed_.note(slowest, now_ns);
  rows_.note(rows, now_ns);
  status.stages = {captured_.stage("captured", "packets"), sequenced_.stage("sequenced", "messages"),
                   logged_.stage("logged", "records"), computed_.stage("computed", "messages"),
                   rows_.stage("put out", "rows")};
  add_feed(status, ingest, now_ns);
  add_market(status, workers);
  const auto add_topic = [&](const char* name, const LivePipeline::TopicSize& size) {
    status.topics.push_back({name, size.partitions, size.records, size.bytes, size.segments});
  };
  add_topic(feed_topic, pipeline_.feed_size());
  add_topic(rows_topic, pipeline_.rows_size());
  for (const WorkerReport& worker : workers)
    status.workers.push_back({worker.number, worker.groups.count, raw(worker.position), worker.lag,
                              worker.back_pressure, worker.counters.rows, worker.busy, worker.live_orders});
  const WorkerPool::Timings timings = pipeline_.pool().timings();
  add_latencies(status, timings);
  add_checkpoints(status, workers, now_ns);
  status.checkpoints.longest_stall_us = timings.stalls.max() / 1'000;
  const os::ClockQuality clock = clock_quality_.latest();
  status.clock = {std::string(to_string(clock.source)), clock.synchronised, clock.error_bound_ns,
                  clock.detail};
  const os::MemoryUsage memory = os::memory_usage();
  status.memory = {memory.resident_bytes, memory.peak_resident_bytes};
  add_warnings(status, ingest, workers);
  return status;
}

void PipelineStatus::add_feed(status::Status& status, const IngestReport& ingest,
                              std::uint64_t now_ns) const {
  status::Feed& feed = status.feed;
  const feed::SequencerCounters& counters = ingest.sequencer;
  std::uint64_t least_silent_ns = now_ns - ingest.started_ns;
  constexpr std::array<const char*, feed::line_count> names{"A", "B"};
  for (std::size_t i = 0; i < pipeline_.config().loop.lines; ++i) {
    const feed::LineCounters& line = counters.lines[i];
    const std::uint64_t since_ns = line.last_seen_ns == 0 ? ingest.started_ns : line.last_seen_ns;
    const std::uint64_t silent_ns = now_ns > since_ns ? now_ns - since_ns : 0;
    least_silent_ns = std::min(least_silent_ns, silent_ns);
    feed.lines.push_back({names[i], !ingest.down[i] && line.last_seen_ns != 0, line.packets,
                          line.first_arrivals, line.duplicates, line.malformed + line.foreign,
                          i < ingest.channels.size() ? ingest.channels[i].dropped : 0,
                          silent_ns / 1'000'000});
  }
  feed.venue = pipeline_.config().venue;
  feed.messages = counters.messages;
  feed.session = std::string(ingest.position.session.view());
  feed.state = state_of(ingest, least_silent_ns, pipeline_.config().silence_ns);
  feed.next_sequence = ingest.position.next_sequence;
  feed.open_gaps = ingest.has_gap ? 1 : 0;
  feed.closed_gaps = counters.gaps - std::min<std::uint64_t>(counters.gaps, feed.open_gaps);
  feed.requests = ingest.retransmission.requests;
  feed.retransmitted_messages = counters.recovered_messages;
  feed.snapshots = counters.snapshots_completed;
  feed.lost_messages = counters.lost_messages;
}

void PipelineStatus::add_market(status::Status& status, const std::vector<WorkerReport>& workers) const {
  status::Market& market = status.market;
  const WorkerPool::MarketTime time = pipeline_.pool().market_time();
  market.newest_ns = time.newest_ns;
  if (time.now_ns) {
    market.behind_ns = *time.now_ns - std::min(*time.now_ns, time.newest_ns);
    market.minute = *time.now_ns / 60'000'000'000;
  }
  book::BookCounters books;
  for (const WorkerReport& worker : workers) {
    if (worker.system_event != 0) market.hours = hours_of(worker.system_event);
    market.symbols += worker.census.symbols;
    market.not_trading += worker.census.not_trading;
    market.crossed += worker.census.crossed;
    market.gapped += worker.census.gapped;
    market.recovering += worker.census.recovering;
    market.suspect += worker.census.suspect;
    books.unknown_order += worker.books.unknown_order;
    books.overfill += worker.books.overfill;
    books.duplicate_ref += worker.books.duplicate_ref;
    books.invalid_field += worker.books.invalid_field;
    books.crossed += worker.books.crossed;
    books.locked += worker.books.locked;
    books.unknown_message += worker.books.unknown_message;
    books.malformed_message += worker.books.malformed_message;
    books.over_capacity += worker.books.over_capacity;
  }
  status.book_events = {{"unknown_order", books.unknown_order},
                        {"overfill", books.overfill},
                        {"duplicate_ref", books.duplicate_ref},
                        {"invalid_field", books.invalid_field},
                        {"crossed", books.crossed},
                        {"locked", books.locked},
                        {"unknown_message", books.unknown_message},
                        {"malformed_message", books.malformed_message},
                        {"over_capacity", books.over_capacity}};
}

void PipelineStatus::add_latencies(status::Status& status, const WorkerPool::Timings& timings) const {
  status.latencies.push_back(latency_of("packet to log", pipeline_.loop().delays()));
  status.latencies.push_back(latency_of("packet to rows", timings.delays));
  status.latencies.push_back(latency_of("  computing", timings.computing));
  status.latencies.push_back(latency_of("  rows to log", timings.appending));
  status.latencies.push_back(latency_of("  saving state", timings.stalls));
  const metrics::DelaySnapshot& delays = timings.feed_delays;
  status::Latency exchange = latency_of("exchange to capture", delays.delays);
  exchange.note = metrics::explain_negative_delays(delays, clock_quality_.latest().error_bound_ns);
  status.latencies.push_back(std::move(exchange));
}

void PipelineStatus::add_checkpoints(status::Status& status, const std::vector<WorkerReport>& workers,
                                     std::uint64_t now_ns) const {
  status::Checkpoints& all = status.checkpoints;
  std::uint64_t oldest_ns = workers.empty() ? 0 : UINT64_MAX;
  for (const WorkerReport& worker : workers) {
    all.taken += worker.checkpoints.checkpoints;
    all.failed += worker.checkpoints.failures;
    all.keys += worker.checkpoints.saved_keys;
    all.bytes += worker.checkpoints.saved_bytes;
    all.duration_us = std::max(all.duration_us, worker.checkpoint_duration_ns / 1'000);
    oldest_ns = std::min(oldest_ns, worker.last_checkpoint_ns);
    if (!worker.checkpoint_failure.empty()) all.last_error = worker.checkpoint_failure;
  }
  all.age_ms = oldest_ns == 0 || oldest_ns > now_ns ? 0 : (now_ns - oldest_ns) / 1'000'000;
}

void PipelineStatus::add_warnings(status::Status& status, const IngestReport& ingest,
                                  const std::vector<WorkerReport>& workers) const {
  std::vector<std::string>& warnings = status.warnings;
  if (!ingest.blocked.empty())
    warnings.push_back(fmt::format("the log takes nothing, packets wait in the kernel: {}", ingest.blocked));
  for (const WorkerReport& worker : workers)
    if (!worker.warning.empty())
      warnings.push_back(fmt::format("worker {}: {}", worker.number, worker.warning));
  if (!ingest.snapshot_failure.empty()) warnings.push_back(ingest.snapshot_failure);
  if (const std::string failure = pipeline_.log_failure(); !failure.empty()) warnings.push_back(failure);
  for (const status::FeedLine& line : status.feed.lines)
    if (!line.up && status.feed.state != "waiting" && status.feed.state != "ended" &&
        line.silent_ms * 1'000'000 >= pipeline_.config().silence_ns)
      warnings.push_back(fmt::format("feed {} has been silent for {}", line.name,
                                     metrics::time_text(line.silent_ms * 1'000'000)));
  if (const std::optional<Error> failure = pipeline_.failure())
    warnings.push_back(fmt::format("the pipeline has stopped: {}", failure->message));
}

}  // namespace tapeline::pipeline
