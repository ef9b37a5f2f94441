#include "exchange/publisher.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"

namespace tapeline::exchange {

namespace {

// Of a message behind its length: type 1, locate 2, tracking number 2, timestamp 6.
constexpr std::size_t stamp_at = moldudp64::length_size + 5;
constexpr std::size_t stamp_end = stamp_at + 6;

// How often the end of a session is repeated while it lingers.
constexpr std::uint64_t end_repeats = 5;

// Of the first frame, its length included.
std::size_t frame_size(std::span<const std::byte> frames) {
  return moldudp64::length_size + load_be<std::uint16_t>(frames.data());
}

feed::SessionName session_name(const feed::SessionName& first, std::uint64_t number) {
  if (number == 0) return first;
  constexpr std::size_t kept = 4;
  return feed::SessionName(fmt::format("{:.{}}{:06}",
                                       std::string_view(first.bytes.data(), first.bytes.size()), kept,
                                       (number + 1) % 1'000'000));
}

}  // namespace

Publisher::Publisher(const PublisherConfig& config, OpenSource open_source)
    : config_(config),
      open_source_(std::move(open_source)),
      session_(config.session),
      kept_(config.kept_bytes),
      pacer_(config.pacing, 0),
      injectors_{FaultInjector(config.faults, Feed::a, config.seed),
                 FaultInjector(config.faults, Feed::b, config.seed)} {
  CHECK(config.datagram_bytes <= DatagramBatch::max_datagram_bytes);
  reply_.reserve(config.datagram_bytes);
}

Result<void> Publisher::begin_session(Now now) {
  Result<std::unique_ptr<feed::MessageSource>> source = open_source_(counters_.sessions);
  if (!source) return std::unexpected(source.error());
  source_ = std::move(*source);
  source_ended_ = false;
  block_ = {};
  session_ = session_name(config_.session, counters_.sessions);
  if (counters_.sessions == 0) {
    start_ns_ = now.monotonic_ns;
    midnight_ns_ = now.realtime_ns / nanoseconds_per_day * nanoseconds_per_day;
  }
  ++counters_.sessions;
  kept_.clear();
  packet_ = {};
  pacer_ = Pacer(config_.pacing, now.monotonic_ns);
  paced_ = 0;
  session_start_ns_ = now.monotonic_ns;
  state_ = State::running;
  return {};
}

// Whether all that one packet can turn into fits.
bool Publisher::has_room(const DatagramBatch& batch) const {
  return batch.has_room(feed_count * FaultInjector::max_entries_per_packet, config_.datagram_bytes);
}

Result<void> Publisher::advance(Now now, DatagramBatch& batch) {
  if (state_ == State::over) return {};
  if (state_ == State::idle) {
    if (auto begun = begin_session(now); !begun) return begun;
    // Receivers that are there from the start learn at once which session it is.
    send_header(moldudp64::heartbeat_count, now.monotonic_ns, batch);
  }
  for (FaultInjector& injector : injectors_) injector.release(now.monotonic_ns, batch);
  if (state_ == State::running)
    if (auto done = publish_due(now, batch); !done) return done;
  if (state_ == State::ending)
    if (auto done = advance_ending(now, batch); !done) return done;
  set_deadline(now.monotonic_ns, !has_room(batch));
  return {};
}

// Makes block_ begin with the next frame that fits a packet; false at the end of the source.
Result<bool> Publisher::load_frame() {
  for (;;) {
    if (!block_.empty()) {
      const std::size_t size = frame_size(block_);
      if (size <= config_.datagram_bytes - moldudp64::header_size) return true;
      ++counters_.too_long;
      block_ = block_.subspan(size);
      continue;
    }
    if (source_ended_) return false;
    Result<std::optional<feed::MessageBlock>> block = source_->next();
    if (!block) return std::unexpected(block.error());
    if (*block)
      block_ = (*block)->bytes;
    else
      source_ended_ = true;
  }
}

std::uint64_t Publisher::due_of_next(std::uint64_t now_ns) {
  switch (config_.pacing.mode) {
    case PacingMode::rate: return pacer_.due_ns(paced_);
    case PacingMode::event_time: {
      if (frame_size(block_) < stamp_end) return now_ns;
      return pacer_.due_ns(EventTime{load_be48(block_.data() + stamp_at)});
    }
    case PacingMode::unpaced: return now_ns;
  }
  return now_ns;
}

void Publisher::postpone_if_behind(std::uint64_t due_ns, std::uint64_t now_ns) {
  if (due_ns + config_.max_behind_ns >= now_ns) return;
  const std::uint64_t by_ns = now_ns - due_ns;
  pacer_.postpone(by_ns);
  counters_.postponed_ns += by_ns;
}

Result<void> Publisher::publish_due(Now now, DatagramBatch& batch) {
  const std::uint64_t now_ns = now.monotonic_ns;
  const bool out_of_time = config_.duration_ns && now_ns - start_ns_ >= *config_.duration_ns;
  const bool session_is_old =
      config_.faults.session_change_ns && now_ns - session_start_ns_ >= *config_.faults.session_change_ns;
  bool ended = finishing_ || out_of_time || session_is_old;
  bool looked = false;  // At the schedule, for the first message of this call.
  while (!ended && has_room(batch)) {
    const Result<bool> more = load_frame();
    if (!more) return std::unexpected(more.error());
    if (!*more || (config_.max_messages && counters_.messages >= *config_.max_messages)) {
      ended = true;
      break;
    }
    if (!looked) postpone_if_behind(due_of_next(now_ns), now_ns);
    looked = true;
    next_due_ns_ = due_of_next(now_ns);
    if (next_due_ns_ > now_ns) break;
    take_frame(now, batch);
  }
  if (ended && has_room(batch)) {
    begin_ending(now_ns, batch);
    return {};
  }
  if (packet_.count > 0 && now_ns - packet_.begun_ns >= config_.flush_ns && has_room(batch))
    flush(now_ns, batch);
  if (now_ns - last_sent_ns_ >= config_.heartbeat_ns && packet_.count == 0 && has_room(batch)) {
    send_header(moldudp64::heartbeat_count, now_ns, batch);
    ++counters_.heartbeats;
  }
  return {};
}

void Publisher::restamp(std::span<std::byte> frame, Now now) {
  if (frame.size() < stamp_end) return;
  // A real-time clock that is set back must not send messages back in time.
  last_stamp_ns_ = std::max(last_stamp_ns_, now.realtime_ns - std::min(now.realtime_ns, midnight_ns_));
  store_be48(frame.data() + stamp_at, last_stamp_ns_);
}

// Moves the first frame of block_ into the open packet, which is sent before where it does not fit.
void Publisher::take_frame(Now now, DatagramBatch& batch) {
  const std::size_t size = frame_size(block_);
  const std::size_t room = config_.datagram_bytes - moldudp64::header_size;
  if (packet_.count > 0 && (packet_.size + size > room || packet_.count == moldudp64::max_message_count))
    flush(now.monotonic_ns, batch);
  const std::span<std::byte> frame = kept_.append(block_.first(size));
  block_ = block_.subspan(size);
  if (config_.restamp) restamp(frame, now);
  // Frames of a packet lie behind one another, so that it is copied in one piece.
  if (packet_.count > 0 && packet_.frames + packet_.size != frame.data()) flush(now.monotonic_ns, batch);
  if (packet_.count == 0) {
    packet_.frames = frame.data();
    packet_.begun_ns = now.monotonic_ns;
  }
  packet_.size += size;
  ++packet_.count;
  ++paced_;
  ++counters_.messages;
  counters_.bytes += size - moldudp64::length_size;
}

void Publisher::flush(std::uint64_t now_ns, DatagramBatch& batch) {
  const std::span<std::byte> packet = batch.store(moldudp64::header_size + packet_.size);
  moldudp64::encode_header({session_, packet_.first, packet_.count}, packet.first<moldudp64::header_size>());
  std::memcpy(packet.data() + moldudp64::header_size, packet_.frames, packet_.size);
  send(packet, now_ns, batch);
  ++counters_.packets;
  packet_ = {.first = packet_.first + packet_.count};
}

// A heartbeat or an end of session.
void Publisher::send_header(std::uint16_t count, std::uint64_t now_ns, DatagramBatch& batch) {
  const std::span<std::byte> packet = batch.store(moldudp64::header_size);
  moldudp64::encode_header({session_, packet_.first, count}, packet.first<moldudp64::header_size>());
  send(packet, now_ns, batch);
}

void Publisher::send(std::span<const std::byte> packet, std::uint64_t now_ns, DatagramBatch& batch) {
  for (FaultInjector& injector : injectors_) injector.pass(packet, now_ns, now_ns - start_ns_, batch);
  last_sent_ns_ = now_ns;
}

void Publisher::begin_ending(std::uint64_t now_ns, DatagramBatch& batch) {
  if (packet_.count > 0) flush(now_ns, batch);
  state_ = State::ending;
  ending_since_ns_ = now_ns;
  next_end_ns_ = now_ns;
}

Result<void> Publisher::advance_ending(Now now, DatagramBatch& batch) {
  const std::uint64_t now_ns = now.monotonic_ns;
  if (now_ns - ending_since_ns_ < linger_ns()) {
    if (now_ns < next_end_ns_ || !has_room(batch)) return {};
    send_header(moldudp64::end_of_session_count, now_ns, batch);
    next_end_ns_ = now_ns + linger_ns() / end_repeats;
    return {};
  }
  const bool out_of_time = config_.duration_ns && now_ns - start_ns_ >= *config_.duration_ns;
  const bool out_of_messages = config_.max_messages && counters_.messages >= *config_.max_messages;
  if (finishing_ || source_ended_ || out_of_time || out_of_messages) {
    state_ = State::over;
    return {};
  }
  return begin_session(now);
}

void Publisher::set_deadline(std::uint64_t now_ns, bool full) {
  if (full) {
    deadline_ns_ = now_ns;
    return;
  }
  if (state_ == State::running) {
    // While a packet fills, no heartbeat is due: the packet says as much.
    deadline_ns_ =
        packet_.count > 0 ? packet_.begun_ns + config_.flush_ns : last_sent_ns_ + config_.heartbeat_ns;
    // Messages that come close behind one another are taken together: waking up for each costs more than it.
    deadline_ns_ = std::min(deadline_ns_, std::max(next_due_ns_, now_ns + config_.flush_ns / 2));
    if (config_.duration_ns) deadline_ns_ = std::min(deadline_ns_, start_ns_ + *config_.duration_ns);
    if (config_.faults.session_change_ns)
      deadline_ns_ = std::min(deadline_ns_, session_start_ns_ + *config_.faults.session_change_ns);
  } else {
    deadline_ns_ = std::min(next_end_ns_, ending_since_ns_ + linger_ns());
  }
  for (const FaultInjector& injector : injectors_)
    if (const std::optional<std::uint64_t> next = injector.next_release_ns())
      deadline_ns_ = std::min(deadline_ns_, *next);
}

// A bucket that holds a tenth of a second's replies.
bool Publisher::take_reply_token(std::uint64_t now_ns) {
  const double rate = config_.replies_per_second;
  if (now_ns > tokens_at_ns_) reply_tokens_ += static_cast<double>(now_ns - tokens_at_ns_) * rate / 1e9;
  tokens_at_ns_ = std::max(tokens_at_ns_, now_ns);
  reply_tokens_ = std::min(reply_tokens_, std::max(1.0, rate / 10));
  if (reply_tokens_ < 1) return false;
  reply_tokens_ -= 1;
  return true;
}

std::optional<std::span<const std::byte>> Publisher::answer(std::span<const std::byte> request,
                                                            std::uint64_t monotonic_ns) {
  ++counters_.requests;
  const std::optional<moldudp64::Header> wanted = moldudp64::parse_request(request);
  if (!wanted || wanted->session != session_ || wanted->count == 0) {
    ++counters_.requests_malformed;
    return std::nullopt;
  }
  // What still waits for its packet is not out yet.
  if (wanted->sequence < kept_.first_kept() || wanted->sequence >= published_up_to()) {
    ++counters_.requests_empty;
    return std::nullopt;
  }
  if (!take_reply_token(monotonic_ns)) {
    ++counters_.requests_throttled;
    return std::nullopt;
  }
  const std::uint64_t count = std::min<std::uint64_t>(wanted->count, published_up_to() - wanted->sequence);
  const PublishedMessages::Run run =
      kept_.find(wanted->sequence, count, config_.datagram_bytes - moldudp64::header_size);
  reply_.resize(moldudp64::header_size);
  moldudp64::encode_header({session_, wanted->sequence, run.count},
                           std::span(reply_).first<moldudp64::header_size>());
  reply_.insert(reply_.end(), run.frames.begin(), run.frames.end());
  ++counters_.requests_served;
  counters_.messages_resent += run.count;
  return reply_;
}

}  // namespace tapeline::exchange
