#include "pipeline/live/ingest.h"

#include <algorithm>

namespace tapeline::pipeline {

namespace {

struct LastBatch {
  std::optional<feed::FeedPosition>
      position;  // Where the feed stands behind it; nothing where the log is empty.
  std::uint64_t last_time_ns = 0;
};

Result<LastBatch> last_batch(event_log::EventLog& log, event_log::Offset end) {
  if (end == event_log::Offset{}) return LastBatch{};
  Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(feed_topic, 0);
  if (!reader) return std::unexpected(reader.error());
  if (Result<void> done = (*reader)->seek({end.value - 1}); !done) return std::unexpected(done.error());
  const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
  if (!batch) return std::unexpected(batch.error());
  if (!*batch) return LastBatch{};
  const Result<feed::FeedPosition> position = feed::feed_position_behind((*batch)->payload);
  if (!position) return std::unexpected(position.error());
  return LastBatch{*position, (*batch)->last_time_ns};
}

}  // namespace

Result<std::optional<feed::FeedPosition>> logged_position(event_log::EventLog& log) {
  const Result<event_log::TopicDescription> topic = log.topic(feed_topic);
  if (!topic && topic.error().code == ErrorCode::not_found) return std::nullopt;
  if (!topic) return std::unexpected(topic.error());
  const Result<std::unique_ptr<event_log::Writer>> writer = log.open_writer(feed_topic, 0);
  if (!writer) return std::unexpected(writer.error());
  const Result<LastBatch> last = last_batch(log, (*writer)->end());
  if (!last) return std::unexpected(last.error());
  return last->position;
}

Result<std::unique_ptr<Ingest>> Ingest::open(const IngestConfig& config, event_log::EventLog& log) {
  Result<std::unique_ptr<event_log::Writer>> writer = log.open_writer(feed_topic, 0);
  if (!writer) return std::unexpected(writer.error());
  const Result<LastBatch> last = last_batch(log, (*writer)->end());
  if (!last) return std::unexpected(last.error());
  std::unique_ptr<Ingest> ingest(new Ingest(config, std::move(*writer), last->position));
  // Times of batches never go back, not even where the clock was set back between two runs: they are
  // searched.
  ingest->last_time_ns_ = last->last_time_ns;
  return ingest;
}

Ingest::Ingest(const IngestConfig& config, std::unique_ptr<event_log::Writer> writer,
               const std::optional<feed::FeedPosition>& position)
    : config_(config),
      writer_(std::move(writer)),
      encoder_(position.value_or(feed::FeedPosition{})),
      sequencer_(config.sequencer, encoder_, position) {
  encoder_.start_batch(batch_);
}

void Ingest::note_time(CaptureTime captured) {
  if (raw(captured) == 0) return;
  if (first_time_ns_ == 0) first_time_ns_ = raw(captured);
  last_time_ns_ = std::max(last_time_ns_, raw(captured));
}

void Ingest::flush_if_large() {
  if (batch_.size() >= config_.max_batch_bytes) (void)flush();
}

void Ingest::on_datagram(feed::Line line, std::span<const std::byte> datagram, CaptureTime captured,
                         std::uint64_t now_ns) {
  note_time(captured);
  sequencer_.on_datagram(line, datagram, captured, now_ns);
  flush_if_large();
}

void Ingest::on_reply(unsigned server, std::span<const std::byte> datagram, CaptureTime captured,
                      std::uint64_t now_ns) {
  note_time(captured);
  sequencer_.on_reply(server, datagram, captured, now_ns);
  flush_if_large();
}

void Ingest::on_snapshot_messages(std::uint64_t attempt, const feed::MessageBlock& block,
                                  std::uint64_t now_ns) {
  note_time(block.capture_time);
  sequencer_.on_snapshot_messages(attempt, block, now_ns);
  flush_if_large();
}

void Ingest::on_snapshot_complete(std::uint64_t attempt, std::uint64_t next_sequence, CaptureTime captured,
                                  std::uint64_t now_ns) {
  note_time(captured);
  sequencer_.on_snapshot_complete(attempt, next_sequence, captured, now_ns);
  flush_if_large();
}

void Ingest::on_snapshot_failed(std::uint64_t attempt, std::uint64_t now_ns) {
  sequencer_.on_snapshot_failed(attempt, now_ns);
}

Result<void> Ingest::flush() {
  const std::uint64_t records = encoder_.record_count();
  if (records == 0) {
    failed_ = false;
    // What came twice leaves no time behind; what is held behind a gap does.
    if (!sequencer_.has_gap()) first_time_ns_ = 0;
    return {};
  }
  event_log::NewBatch batch;
  batch.record_count = static_cast<std::uint32_t>(records);
  // A packet that was held behind a gap is older than the one that ends it.
  batch.first_time_ns = first_time_ns_ != 0 ? std::min(first_time_ns_, last_time_ns_) : last_time_ns_;
  batch.last_time_ns = last_time_ns_;
  const Result<event_log::Offset> offset = writer_->append(batch, batch_);
  failed_ = !offset.has_value();
  if (failed_) {
    ++counters_.failed_appends;
    return std::unexpected(offset.error());
  }
  ++counters_.batches;
  counters_.records += records;
  counters_.bytes += batch_.size();
  batch_.clear();
  encoder_.start_batch(batch_);
  first_time_ns_ = 0;
  return {};
}

}  // namespace tapeline::pipeline
