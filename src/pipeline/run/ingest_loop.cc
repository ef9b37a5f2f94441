#include "pipeline/run/ingest_loop.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "feed/moldudp64/packet.h"

namespace tapeline::pipeline {

IngestLoop::IngestLoop(const IngestLoopConfig& config, Ingest& ingest, capture::LivePacketSource& source,
                       capture::DatagramSender& sender, const os::Clock& clock, os::Doorbell& published,
                       std::shared_ptr<trace::FlightRecorder> recorder)
    : config_(config),
      ingest_(ingest),
      source_(source),
      sender_(sender),
      clock_(clock),
      published_(published),
      recorder_(std::move(recorder)),
      recorded_end_(ingest.writer().end().value),
      recorded_sequence_(ingest.sequencer().position().next_sequence) {
  if (config_.snapshot_server) snapshots_.emplace(*config_.snapshot_server, ingest, clock);
  draft_.started_ns = clock.monotonic_ns();
  publish_report(draft_.started_ns);
}

Result<void> IngestLoop::turn(std::uint64_t most_wait_ns) {
  std::uint64_t now_ns = clock_.monotonic_ns();
  if (ingest_.is_blocked()) {
    // What is in hand is kept; the kernel keeps what comes, as far as its buffers go.
    // What a failed sync has lost nobody knows: only a start finds out what is there.
    if (ingest_.writer().has_failed()) return fail(ErrorCode::corrupt, draft_.blocked);
    if (!flush()) std::this_thread::sleep_for(std::chrono::nanoseconds(blocked_wait_ns));
    publish_report(now_ns);
    return {};
  }
  const std::uint64_t deadline_ns = ingest_.next_deadline();
  std::uint64_t wait_ns = std::min(most_wait_ns, deadline_ns > now_ns ? deadline_ns - now_ns : 0);
  if (snapshots_ && snapshots_->is_active()) wait_ns = std::min(wait_ns, snapshot_wait_ns);
  const Result<std::span<const capture::Packet>> packets = source_.poll(wait_ns);
  if (!packets) return std::unexpected(packets.error());
  now_ns = taken_ns_ = clock_.monotonic_ns();
  for (const capture::Packet& packet : *packets) take(packet, now_ns);
  if (snapshots_) snapshots_->turn(now_ns);
  if (ingest_.next_deadline() <= now_ns) ingest_.on_timer(now_ns);
  act(now_ns);
  flush();
  note_recovery(now_ns);
  if (now_ns - last_report_ns_ >= report_interval_ns) publish_report(now_ns);
  return {};
}

void IngestLoop::take(const capture::Packet& packet, std::uint64_t now_ns) {
  const std::uint64_t captured_ns = raw(packet.capture_time);
  if (oldest_captured_ns_ == 0 || captured_ns < oldest_captured_ns_) oldest_captured_ns_ = captured_ns;
  if (packet.channel < config_.lines) {
    ingest_.on_datagram(static_cast<feed::Line>(packet.channel), packet.payload, packet.capture_time, now_ns);
    return;
  }
  // Who answers is told by where it comes from; what comes from nobody we ask is none of ours.
  const auto server = std::ranges::find(config_.retransmission_servers, packet.source);
  if (server == config_.retransmission_servers.end()) return;
  ingest_.on_reply(static_cast<unsigned>(server - config_.retransmission_servers.begin()), packet.payload,
                   packet.capture_time, now_ns);
}

void IngestLoop::act(std::uint64_t now_ns) {
  while (const std::optional<feed::SequencerAction> action = ingest_.next_action()) {
    using Kind = feed::SequencerAction::Kind;
    if (action->kind == Kind::request) {
      std::array<std::byte, moldudp64::header_size> request;
      moldudp64::encode_request(action->request, request);
      // What cannot be sent is like what is lost on the way: the timer asks again.
      (void)sender_.send(config_.lines, config_.retransmission_servers[action->server], request);
    } else if (action->kind == Kind::start_snapshot) {
      snapshots_->start(action->attempt, action->request.session, now_ns);
    } else {
      snapshots_->cancel();
    }
  }
}

// False where the log does not take what waits.
bool IngestLoop::flush() {
  const Result<void> flushed = ingest_.flush();
  const bool appended = ingest_.counters().batches != batches_told_;
  batches_told_ = ingest_.counters().batches;
  // Before the ring: a worker that wakes may take this thread's core.
  const std::uint64_t now_ns = appended ? clock_.realtime_ns() : 0;
  const std::uint64_t taking_ns = appended && recorder_ ? clock_.monotonic_ns() - taken_ns_ : 0;
  if (appended) published_.ring();
  if (!flushed) {
    draft_.blocked = flushed.error().message;
    return false;
  }
  draft_.blocked.clear();
  if (oldest_captured_ns_ != 0 && appended) {
    delays_.record(now_ns > oldest_captured_ns_ ? now_ns - oldest_captured_ns_ : 0);
    if (recorder_) note_append(now_ns - taking_ns, now_ns);
  }
  oldest_captured_ns_ = 0;
  return true;
}

// All that one turn has appended is one batch here, be it more in the log.
void IngestLoop::note_append(std::uint64_t began_ns, std::uint64_t ended_ns) {
  trace::StageRecord record;
  record.stage = trace::Stage::ingest;
  record.from = recorded_end_;
  recorded_end_ = ingest_.writer().end().value;
  record.count = static_cast<std::uint32_t>(recorded_end_ - record.from);
  record.began_ns = record.middle_ns = began_ns;
  record.ended_ns = ended_ns;
  record.oldest_captured_ns = oldest_captured_ns_;
  record.first = recorded_sequence_;
  record.last = recorded_sequence_ = ingest_.sequencer().position().next_sequence;
  recorder_->record(record);
}

void IngestLoop::note_recovery(std::uint64_t now_ns) {
  const bool gap = ingest_.sequencer().has_gap();
  if (gap == gap_since_ns_.has_value()) return;
  if (gap) {
    gap_since_ns_ = now_ns;
    return;
  }
  ++draft_.recoveries;
  draft_.longest_recovery_ns = std::max(draft_.longest_recovery_ns, now_ns - *gap_since_ns_);
  gap_since_ns_.reset();
}

void IngestLoop::publish_report(std::uint64_t now_ns) {
  last_report_ns_ = now_ns;
  const feed::Sequencer& sequencer = ingest_.sequencer();
  draft_.sequencer = sequencer.counters();
  draft_.retransmission = sequencer.retransmission_counters();
  draft_.log = ingest_.counters();
  draft_.position = sequencer.position();
  draft_.has_gap = sequencer.has_gap();
  for (std::size_t i = 0; i < feed::line_count; ++i)
    draft_.down[i] = sequencer.is_down(static_cast<feed::Line>(i));
  draft_.held_bytes = sequencer.held_bytes();
  draft_.channels.assign(source_.counters().begin(), source_.counters().end());
  draft_.snapshot_failure = snapshots_ ? snapshots_->last_failure() : "";
  report_.set(draft_);
}

}  // namespace tapeline::pipeline
