#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "feed/message_source.h"
#include "feed/moldudp64/packet.h"

namespace tapeline::moldudp64 {

// Follows one session at a time through the packets of any number of redundant feeds: drops copies, notes
// gaps. A packet that is ahead opens a gap at once and what arrives for the gap later is dropped as late;
// waiting for the other feed and asking for a retransmission is the work of an arbiter before this.
//
// Which sessions are followed: the first one seen. Another one takes over when it comes from a destination
// that carried the session followed so far, or after that session's end; else its packets are foreign
// (another product in the same capture). A session left behind does not come back, as the other feed's copies
// of it trail the change.
class SequenceTracker {
 public:
  // `destination` tells feeds apart; any number that is one to one with the address and port.
  // The block of messages not delivered before, nothing where there is none. It points into the packet.
  std::optional<feed::MessageBlock> accept(const Packet& packet, std::uint64_t destination, CaptureTime time);

  [[nodiscard]] const Session& session() const { return session_; }
  [[nodiscard]] feed::SourceCounters& counters() { return counters_; }
  [[nodiscard]] const feed::SourceCounters& counters() const { return counters_; }
  [[nodiscard]] std::span<const feed::SequenceGap> gaps() const { return gaps_; }

 private:
  bool follow(const Session& session, std::uint64_t destination);
  void change_to(const Session& session, std::uint64_t destination);
  [[nodiscard]] bool knows(std::uint64_t destination) const;
  void note_destination(std::uint64_t destination);
  void note_gap(std::uint64_t up_to, CaptureTime time);
  void note_repeated(std::uint64_t first, std::uint64_t count);

  static constexpr std::size_t max_past_sessions = 16;
  static constexpr std::size_t max_destinations = 16;

  bool started_ = false;
  bool session_over_ = false;
  bool position_known_ = false;  // Of this session.
  Session session_ = Session("");
  std::uint64_t next_ = 0;
  std::vector<std::uint64_t> destinations_;  // That carried the session.
  std::vector<Session> past_sessions_;
  std::vector<feed::SequenceGap> gaps_;
  std::size_t session_gaps_from_ = 0;  // Index of this session's first gap.
  feed::SourceCounters counters_;
};

}  // namespace tapeline::moldudp64
