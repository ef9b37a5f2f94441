#include "feed/moldudp64/sequence_tracker.h"

#include <algorithm>

namespace tapeline::moldudp64 {

namespace {

// A session is ASCII; other protocols rarely are at that place.
bool is_printable(const Session& session) {
  return std::all_of(session.bytes.begin(), session.bytes.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

bool SequenceTracker::knows(std::uint64_t destination) const {
  return std::find(destinations_.begin(), destinations_.end(), destination) != destinations_.end();
}

void SequenceTracker::note_destination(std::uint64_t destination) {
  if (destinations_.size() < max_destinations && !knows(destination)) destinations_.push_back(destination);
}

void SequenceTracker::change_to(const Session& session, std::uint64_t destination) {
  if (started_) {
    ++counters_.session_changes;
    if (past_sessions_.size() == max_past_sessions) past_sessions_.erase(past_sessions_.begin());
    past_sessions_.push_back(session_);
  }
  started_ = true;
  session_over_ = false;
  position_known_ = false;
  session_ = session;
  session_gaps_from_ = gaps_.size();
  destinations_.assign(1, destination);
}

// Whether the packet's session is, or becomes, the one followed.
bool SequenceTracker::follow(const Session& session, std::uint64_t destination) {
  if (started_ && session == session_) {
    note_destination(destination);
    return true;
  }
  const bool past = std::find(past_sessions_.begin(), past_sessions_.end(), session) != past_sessions_.end();
  if (past || !is_printable(session) || (started_ && !session_over_ && !knows(destination))) return false;
  change_to(session, destination);
  return true;
}

void SequenceTracker::note_gap(std::uint64_t up_to, CaptureTime time) {
  if (!position_known_) {
    // A capture may begin in the middle of a session; what came before is not a gap in it.
    position_known_ = true;
    next_ = up_to;
  }
  if (up_to <= next_) return;
  ++counters_.gaps;
  counters_.missing_messages += up_to - next_;
  if (gaps_.size() < feed::MessageSource::max_listed_gaps)
    gaps_.push_back({session_, next_, up_to - next_, time});
  next_ = up_to;
}

// Messages below next_: copies of delivered ones, or late ones of a gap.
void SequenceTracker::note_repeated(std::uint64_t first, std::uint64_t count) {
  std::uint64_t late = 0;
  for (std::size_t i = session_gaps_from_; i < gaps_.size(); ++i) {
    const std::uint64_t begin = std::max(first, gaps_[i].first);
    const std::uint64_t end = std::min(first + count, gaps_[i].first + gaps_[i].count);
    if (begin < end) late += end - begin;
  }
  counters_.late_messages += late;
  counters_.duplicate_messages += count - late;
}

std::optional<feed::MessageBlock> SequenceTracker::accept(const Packet& packet, std::uint64_t destination,
                                                          CaptureTime time) {
  ++counters_.packets;
  if (packet.defect != Defect::none) {
    // Only from where the feed comes is it a broken packet of it, and not some other protocol or a request.
    const bool ours = started_ ? knows(destination) : is_printable(packet.header.session);
    ++(ours ? counters_.malformed_packets : counters_.foreign_packets);
    return std::nullopt;
  }
  if (!follow(packet.header.session, destination)) {
    ++counters_.foreign_packets;
    return std::nullopt;
  }
  counters_.trailing_bytes += packet.trailing_bytes;
  const std::uint64_t first = packet.header.sequence;
  note_gap(first, time);
  if (packet.kind != PacketKind::messages) {
    if (packet.kind == PacketKind::heartbeat) ++counters_.heartbeats;
    if (packet.kind == PacketKind::end_of_session) session_over_ = true;
    return std::nullopt;
  }
  const std::uint64_t count = packet.header.count;
  const std::uint64_t repeated = std::min(next_ - first, count);
  if (repeated > 0) note_repeated(first, repeated);
  if (repeated == count) {
    ++counters_.duplicate_packets;
    return std::nullopt;
  }
  const std::size_t repeated_size = size_of_messages(packet.blocks, repeated);
  next_ = first + count;
  ++counters_.blocks;
  counters_.messages += count - repeated;
  return feed::MessageBlock{packet.blocks.subspan(repeated_size), first + repeated,
                            static_cast<std::uint32_t>(count - repeated), time};
}

}  // namespace tapeline::moldudp64
