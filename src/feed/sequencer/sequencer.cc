#include "feed/sequencer/sequencer.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace tapeline::feed {

namespace {

// The part [first, end) of a block.
MessageBlock part_of(const MessageBlock& block, std::uint64_t first, std::uint64_t end) {
  const std::uint64_t skipped = first - block.first_sequence;
  const std::uint64_t count = end - first;
  if (skipped == 0 && count == block.message_count) return block;
  const std::span<const std::byte> rest =
      block.bytes.subspan(moldudp64::size_of_messages(block.bytes, skipped));
  return {rest.first(moldudp64::size_of_messages(rest, count)), first, static_cast<std::uint32_t>(count),
          block.capture_time};
}

bool is_printable(const moldudp64::Session& session) {
  return std::all_of(session.bytes.begin(), session.bytes.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

Sequencer::Sequencer(const SequencerConfig& config, FeedConsumer& consumer,
                     const std::optional<FeedPosition>& position)
    : config_(config),
      consumer_(consumer),
      position_(position.value_or(FeedPosition{})),
      known_end_(position_.next_sequence),
      held_(config.max_held_bytes, config.max_held_packets),
      retransmission_(config.retransmission) {
  resumed_recovery_ = position_.in_recovery;
  if (position_.ended) session_end_ = position_.next_sequence;
}

// ---- Packets in.

void Sequencer::on_datagram(Line line, std::span<const std::byte> datagram, CaptureTime captured,
                            std::uint64_t now_ns) {
  on_packet(line, moldudp64::parse_packet(datagram), captured, now_ns);
}

void Sequencer::on_packet(Line line, const moldudp64::Packet& packet, CaptureTime captured,
                          std::uint64_t now_ns) {
  const auto index = static_cast<std::size_t>(line);
  LineCounters& counters = counters_.lines[index];
  last_now_ns_ = now_ns;
  ++counters.packets;
  if (packet.defect != moldudp64::Defect::none || packet.blocks.size() > HeldPackets::max_block_bytes) {
    ++counters.malformed;
    return;
  }
  const std::uint64_t count =
      packet.kind == moldudp64::PacketKind::messages ? std::uint64_t{packet.header.count} : 0;
  const std::uint64_t end = packet.header.sequence + count;
  const bool other_session = !position_.in_session || packet.header.session != position_.session;
  if (!other_session || !session_seen_ns_) session_seen_ns_ = now_ns;
  if (other_session && !follow(packet.header.session, now_ns)) {
    ++counters.foreign;
    return;
  }
  counters.last_seen_ns = now_ns;
  down_[index] = false;
  last_captured_ = captured;
  if (other_session) start_session(packet.header.session);
  if (!is_plausible(end)) {
    ++counters.foreign;
    return;
  }
  note_line(counters, index, packet);
  if (resumed_recovery_) {
    resumed_recovery_ = false;
    give_up(now_ns);
  }
  // One that contradicts the messages is not the end.
  if (packet.kind == moldudp64::PacketKind::end_of_session && end >= known_end_) session_end_ = end;
  if (count > 0) {
    const MessageBlock block = {packet.blocks, packet.header.sequence, packet.header.count, captured};
    ++(take(block, now_ns) > 0 ? counters.first_arrivals : counters.duplicates);
  } else {
    ++counters.heartbeats;
    if (!position_.ended) note_end_of_known(end, now_ns);
  }
  if (has_gap() || session_end_) settle(now_ns);
}

void Sequencer::on_reply(unsigned server, std::span<const std::byte> datagram, CaptureTime captured,
                         std::uint64_t now_ns) {
  last_now_ns_ = now_ns;
  ++counters_.replies;
  const moldudp64::Packet packet = moldudp64::parse_packet(datagram);
  if (packet.defect != moldudp64::Defect::none || packet.blocks.size() > HeldPackets::max_block_bytes) {
    ++counters_.malformed_replies;
    return;
  }
  if (!position_.in_session || packet.header.session != position_.session) {
    ++counters_.foreign_replies;
    return;
  }
  if (packet.kind != moldudp64::PacketKind::messages) {
    ++counters_.empty_replies;
    return;
  }
  const std::uint64_t first = packet.header.sequence;
  if (server >= config_.retransmission.servers ||
      !retransmission_.is_awaited(first, first + packet.header.count)) {
    ++counters_.unasked_replies;
    return;
  }
  last_captured_ = captured;
  const std::uint64_t gained = take({packet.blocks, first, packet.header.count, captured}, now_ns);
  counters_.recovered_messages += gained;
  if (gained > 0) retransmission_.on_answer(first, server, missing_, position_.session, now_ns, actions_);
  settle(now_ns);
}

// Whether another session than the present one takes over.
bool Sequencer::follow(const moldudp64::Session& session, std::uint64_t now_ns) {
  const bool past = std::find(past_sessions_.begin(), past_sessions_.end(), session) != past_sessions_.end();
  if (past || !is_printable(session)) return false;
  if (!position_.in_session || session_end_) return true;
  if (candidate_ == session && now_ns - *session_seen_ns_ >= config_.session_silence_ns) return true;
  candidate_ = session;
  return false;
}

void Sequencer::start_session(const moldudp64::Session& session) {
  if (position_.in_session) {
    ++counters_.session_changes;
    leave_session();
    if (past_sessions_.size() == max_past_sessions) past_sessions_.erase(past_sessions_.begin());
    past_sessions_.push_back(position_.session);
  }
  candidate_.reset();
  session_seen_ns_ = last_now_ns_;
  session_end_.reset();
  far_ahead_ = 0;
  known_end_ = 1;
  line_next_.fill(0);
  failed_attempts_ = 0;
  const SessionStarted item = {session, known_end_, last_captured_};
  position_.apply(item);
  consumer_.on_session_started(item);
}

// Delivers what is held and declares what lies between.
void Sequencer::leave_session() {
  resumed_recovery_ = false;
  retransmission_.clear();
  if (recovering_) {
    cancel_snapshot();
    recovering_ = false;
    declare(missing_.empty() || missing_.front().first > position_.next_sequence ? position_.next_sequence
                                                                                 : missing_.front().end);
  }
  for (;;) {
    deliver_held();
    if (missing_.empty()) break;
    declare(missing_.front().end);
  }
  CHECK(held_.empty());
}

// A packet that claims to be far ahead of all others is damaged or hostile, unless a second one agrees.
bool Sequencer::is_plausible(std::uint64_t end) {
  if (end <= known_end_ || end - known_end_ <= config_.max_lead_messages) return true;
  const std::uint64_t difference = end > far_ahead_ ? end - far_ahead_ : far_ahead_ - end;
  if (far_ahead_ != 0 && difference <= config_.max_lead_messages) return true;
  far_ahead_ = end;
  return false;
}

void Sequencer::note_line(LineCounters& counters, std::size_t line, const moldudp64::Packet& packet) {
  const std::uint64_t first = packet.header.sequence;
  const std::uint64_t count =
      packet.kind == moldudp64::PacketKind::messages ? std::uint64_t{packet.header.count} : 0;
  std::uint64_t& next = line_next_[line];
  if (next == 0) next = first;
  if (first > next) {
    ++counters.gaps;
    counters.missing_messages += first - next;
  } else if (first < next) {
    ++counters.behind;
  }
  next = std::max(next, first + count);
}

// ---- Order.

// Messages below `first` exist.
void Sequencer::note_end_of_known(std::uint64_t first, std::uint64_t now_ns) {
  if (first <= known_end_) return;
  ++counters_.gaps;
  missing_.append(known_end_, first, now_ns);
  known_end_ = first;
}

// What of [first, end) has not come, up to the first message that has.
Sequencer::Range Sequencer::first_missing(std::uint64_t first, std::uint64_t end) {
  if (const auto range = missing_.at_or_after(first); range != missing_.end() && range->first < end)
    return {std::max(first, range->first), std::min(end, range->end)};
  return {std::max(first, known_end_), end};
}

// Delivers or holds what is new in the block. How many messages that was.
std::uint64_t Sequencer::take(const MessageBlock& block, std::uint64_t now_ns) {
  const std::uint64_t end = block.first_sequence + block.message_count;
  if (position_.ended || end <= position_.next_sequence) return 0;
  if (block.first_sequence == known_end_ && known_end_ == position_.next_sequence && !recovering_)
      [[likely]] {
    known_end_ = end;
    deliver(block);
    return block.message_count;
  }
  note_end_of_known(block.first_sequence, now_ns);
  std::uint64_t gained = 0;
  for (std::uint64_t at = block.first_sequence;;) {
    at = std::max(at, position_.next_sequence);
    if (at >= end) break;
    const Range range = first_missing(at, end);
    if (range.first >= range.end) break;
    const MessageBlock part = part_of(block, range.first, range.end);
    const bool is_next = !recovering_ && range.first == position_.next_sequence;
    if (!is_next && !has_room(part.bytes.size())) {
      make_room(range.first, now_ns);
      continue;
    }
    missing_.fill(range.first, range.end);
    known_end_ = std::max(known_end_, range.end);
    gained += part.message_count;
    at = range.end;
    if (is_next) {
      deliver(part);
      deliver_held();
    } else {
      held_.insert(part);
    }
  }
  return gained;
}

bool Sequencer::has_room(std::size_t bytes) const {
  return missing_.size() < max_missing_ranges && held_.has_room(bytes);
}

// For messages from `at` on. In a recovery the lowest messages are let go: the snapshot may well hold them.
// Else the gap before all that is held has to end, one way or the other, but not with what is at hand.
void Sequencer::make_room(std::uint64_t at, std::uint64_t now_ns) {
  if (!recovering_) {
    give_up(now_ns, at);
    deliver_held();
    return;
  }
  CHECK(!held_.empty());
  const MessageBlock lowest = held_.front();
  counters_.evicted_messages += lowest.message_count;
  missing_.reopen_front(lowest.first_sequence, lowest.first_sequence + lowest.message_count, now_ns);
  held_.pop_front();
}

void Sequencer::deliver(const MessageBlock& block) {
  position_.apply_messages(block);
  counters_.messages += block.message_count;
  if (missing_.empty()) failed_attempts_ = 0;
  consumer_.on_messages(block);
}

// As far as nothing is missing, and with what a snapshot has overtaken taken away.
void Sequencer::deliver_held() {
  while (!recovering_ && !held_.empty()) {
    const MessageBlock block = held_.front();
    const std::uint64_t end = block.first_sequence + block.message_count;
    if (block.first_sequence > position_.next_sequence) break;
    if (end > position_.next_sequence) deliver(part_of(block, position_.next_sequence, end));
    held_.pop_front();
  }
}

// Delivers, gives up on what has failed, and so on until something has to be waited for.
void Sequencer::advance(std::uint64_t now_ns) {
  deliver_held();
  while (!recovering_ && !missing_.empty() && missing_.front().failed) {
    give_up(now_ns);
    deliver_held();
  }
  if (recovering_ || !missing_.empty() || !session_end_ || position_.ended) return;
  if (position_.next_sequence < *session_end_) return;
  const SessionEnded item = {position_.next_sequence, last_captured_};
  position_.apply(item);
  consumer_.on_end_of_session(item);
}

void Sequencer::settle(std::uint64_t now_ns) {
  advance(now_ns);
  while (!recovering_ && !missing_.empty()) {
    retransmission_.ask(missing_, position_.session, now_ns, actions_);
    if (!missing_.front().failed) break;
    advance(now_ns);
  }
}

// ---- Gaps that nobody filled.

// On the range at the front, which begins at the next message to deliver, as far as it lies before `limit`.
void Sequencer::give_up(std::uint64_t now_ns, std::uint64_t limit) {
  retransmission_.clear();
  if (failed_attempts_ < config_.max_snapshot_attempts) {
    start_snapshot(now_ns);
    return;
  }
  const bool at_next = !missing_.empty() && missing_.front().first == position_.next_sequence;
  declare(at_next ? std::min(missing_.front().end, limit) : position_.next_sequence);
}

void Sequencer::declare(std::uint64_t to) {
  const GapDeclared item = {position_.next_sequence, to, last_captured_};
  missing_.fill(item.from, item.to);
  ++counters_.gaps_declared;
  counters_.lost_messages += item.to - item.from;
  position_.apply(item);
  consumer_.on_gap_declared(item);
}

void Sequencer::start_snapshot(std::uint64_t now_ns) {
  recovering_ = true;
  snapshot_is_running_ = true;
  snapshot_deadline_ns_ = now_ns + config_.snapshot_timeout_ns;
  ++counters_.snapshots_started;
  actions_.push_back({.kind = SequencerAction::Kind::start_snapshot,
                      .request = {position_.session, position_.next_sequence, 0},
                      .attempt = ++attempt_});
  const RecoveryStarted item = {position_.next_sequence, last_captured_};
  position_.apply(item);
  consumer_.on_recovery_started(item);
}

void Sequencer::cancel_snapshot() {
  if (snapshot_is_running_)
    actions_.push_back({.kind = SequencerAction::Kind::cancel_snapshot, .attempt = attempt_});
  snapshot_is_running_ = false;
}

void Sequencer::fail_snapshot(std::uint64_t now_ns) {
  snapshot_is_running_ = false;
  ++counters_.snapshots_failed;
  if (++failed_attempts_ < config_.max_snapshot_attempts) {
    snapshot_deadline_ns_ = now_ns + config_.snapshot_retry_ns;
    return;
  }
  recovering_ = false;
  give_up(now_ns);
  missing_.renew(now_ns);  // Nobody has asked for the rest so far.
  settle(now_ns);
}

void Sequencer::on_snapshot_messages(std::uint64_t attempt, const MessageBlock& block, std::uint64_t now_ns) {
  last_now_ns_ = now_ns;
  if (!snapshot_is_running_ || attempt != attempt_) {
    ++counters_.stale_snapshot_calls;
    return;
  }
  snapshot_deadline_ns_ = now_ns + config_.snapshot_timeout_ns;
  counters_.snapshot_messages += block.message_count;
  consumer_.on_snapshot_messages(block);
}

void Sequencer::on_snapshot_complete(std::uint64_t attempt, std::uint64_t next_sequence, CaptureTime captured,
                                     std::uint64_t now_ns) {
  last_now_ns_ = now_ns;
  if (!snapshot_is_running_ || attempt != attempt_) {
    ++counters_.stale_snapshot_calls;
    return;
  }
  last_captured_ = captured;
  // One from before where the consumer stands would take the books back; one from far ahead is not to be
  // believed.
  if (next_sequence < position_.next_sequence ||
      (next_sequence > known_end_ && next_sequence - known_end_ > config_.max_lead_messages)) {
    fail_snapshot(now_ns);
    return;
  }
  recovering_ = false;
  snapshot_is_running_ = false;
  ++counters_.snapshots_completed;
  if (next_sequence > position_.next_sequence) {
    failed_attempts_ = 0;
    missing_.fill(position_.next_sequence, next_sequence);
    missing_.renew(now_ns);
    known_end_ = std::max(known_end_, next_sequence);
  } else {
    ++failed_attempts_;  // It brought nothing further: the gap behind it is still there.
  }
  const SnapshotComplete item = {next_sequence, last_captured_};
  position_.apply(item);
  consumer_.on_snapshot_complete(item);
  settle(now_ns);
}

void Sequencer::on_snapshot_failed(std::uint64_t attempt, std::uint64_t now_ns) {
  last_now_ns_ = now_ns;
  if (!snapshot_is_running_ || attempt != attempt_) {
    ++counters_.stale_snapshot_calls;
    return;
  }
  fail_snapshot(now_ns);
}

// ---- Time.

void Sequencer::on_timer(std::uint64_t now_ns) {
  last_now_ns_ = now_ns;
  update_silences(now_ns);
  if (recovering_) {
    if (now_ns < snapshot_deadline_ns_) return;
    if (snapshot_is_running_) {
      cancel_snapshot();
      fail_snapshot(now_ns);
    } else {
      start_snapshot(now_ns);
    }
    return;
  }
  if (missing_.empty()) return;
  retransmission_.on_timer(missing_, position_.session, now_ns, actions_);
  settle(now_ns);
}

void Sequencer::update_silences(std::uint64_t now_ns) {
  for (std::size_t i = 0; i < line_count; ++i) {
    LineCounters& counters = counters_.lines[i];
    if (down_[i] || counters.last_seen_ns == 0) continue;
    if (now_ns < counters.last_seen_ns + config_.line_down_after_ns) continue;
    down_[i] = true;
    ++counters.silences;
  }
}

std::uint64_t Sequencer::next_deadline() const {
  std::uint64_t deadline = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < line_count; ++i) {
    if (!down_[i] && counters_.lines[i].last_seen_ns != 0)
      deadline = std::min(deadline, counters_.lines[i].last_seen_ns + config_.line_down_after_ns);
  }
  if (recovering_) return std::min(deadline, snapshot_deadline_ns_);
  if (missing_.empty()) return deadline;
  return std::min(deadline, retransmission_.next_deadline(missing_, last_now_ns_));
}

std::optional<SequencerAction> Sequencer::next_action() {
  if (actions_taken_ == actions_.size()) {
    actions_.clear();
    actions_taken_ = 0;
    return std::nullopt;
  }
  return actions_[actions_taken_++];
}

}  // namespace tapeline::feed
