#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "feed/feed_consumer.h"
#include "feed/moldudp64/packet.h"
#include "feed/sequencer/held_packets.h"
#include "feed/sequencer/missing_ranges.h"
#include "feed/sequencer/retransmission.h"

namespace tapeline::feed {

// The two redundant multicasts of one feed.
enum class Line : std::uint8_t { a = 0, b = 1 };
inline constexpr std::size_t line_count = 2;

struct SequencerConfig {
  RetransmissionConfig retransmission;
  // Snapshots in a row that may fail before the gap is declared; 0 where there is no snapshot service.
  unsigned max_snapshot_attempts = 0;
  std::uint64_t snapshot_timeout_ns = 5'000'000'000;  // Without a message of it.
  std::uint64_t snapshot_retry_ns = 250'000'000;
  // What may wait behind a gap.
  std::size_t max_held_bytes = std::size_t{256} << 20;
  std::size_t max_held_packets = 262'144;
  // A line sends a heartbeat a second.
  std::uint64_t line_down_after_ns = 3'000'000'000;
  // A change of session that no end announced is believed when the present session has been silent for so
  // long: packets of a session before it can be on their way, and one who has just started does not know its
  // name.
  std::uint64_t session_silence_ns = 100'000'000;
  // A packet further ahead than this is believed once a second one agrees.
  std::uint64_t max_lead_messages = std::uint64_t{1} << 26;
};

// Of one line. A packet is counted in one of the five kinds.
struct LineCounters {
  std::uint64_t packets = 0;
  std::uint64_t first_arrivals = 0;  // Brought at least one message that the other line had not.
  std::uint64_t duplicates = 0;      // Brought none.
  std::uint64_t heartbeats = 0;      // And ends of session.
  std::uint64_t malformed = 0;
  std::uint64_t foreign = 0;           // Of another session, or too far ahead to be believed.
  std::uint64_t behind = 0;            // Came after a later one of the same line; also in one of the others.
  std::uint64_t gaps = 0;              // In this line alone, whether or not the other one filled them.
  std::uint64_t missing_messages = 0;  // In those gaps.
  std::uint64_t silences = 0;          // Times that it fell silent.
  std::uint64_t last_seen_ns = 0;      // 0: never.
};

struct SequencerCounters {
  std::array<LineCounters, line_count> lines;
  std::uint64_t messages = 0;            // Delivered, without those of snapshots.
  std::uint64_t recovered_messages = 0;  // Of these, by retransmission.
  std::uint64_t gaps = 0;                // That opened, on both lines taken together.
  std::uint64_t gaps_declared = 0;
  std::uint64_t lost_messages = 0;  // In the gaps declared.
  std::uint64_t session_changes = 0;
  std::uint64_t evicted_messages = 0;  // Held, and let go to make room for later ones.
  // Replies.
  std::uint64_t replies = 0;
  std::uint64_t unasked_replies = 0;    // For what was not, or no longer, asked for; dropped.
  std::uint64_t malformed_replies = 0;  // Dropped.
  std::uint64_t foreign_replies = 0;    // Of another session; dropped.
  std::uint64_t empty_replies = 0;      // Without any message.
  // Snapshots.
  std::uint64_t snapshots_started = 0;
  std::uint64_t snapshots_completed = 0;
  std::uint64_t snapshots_failed = 0;
  std::uint64_t snapshot_messages = 0;
  std::uint64_t stale_snapshot_calls = 0;  // Of an attempt that was over; dropped.
};

// Turns the packets of two lines into one stream: each message once, in order, or declared missing. It opens
// no socket and reads no clock: the caller hands in packets, replies, snapshots and the time, carries out
// the actions and calls on_timer. Used by one thread.
//
// What is missing on both lines is first waited for, then asked for from retransmission servers, while what
// comes behind it is held. If that fails, or too much is missing, as it is for one who joins in the middle
// of a session, a snapshot replaces it. If that fails too, or there is no such service, the gap is declared.
//
// A session change gives up on what the old session still lacks: it is declared, what was held is delivered.
// A change that no end of session announced is believed at its second packet, once the present session is
// silent. Sessions left behind do not come back.
class Sequencer {
 public:
  // The consumer must outlive it. With a position it goes on from there, as after a restart: what was missed
  // meanwhile is a gap like any other, and a recovery that was open starts anew at the first packet.
  Sequencer(const SequencerConfig& config, FeedConsumer& consumer,
            const std::optional<FeedPosition>& position = {});

  // `now_ns` is monotonic and never goes back from call to call; so are all times below. The datagram is
  // followed by decode_padding readable bytes.
  void on_datagram(Line line, std::span<const std::byte> datagram, CaptureTime captured,
                   std::uint64_t now_ns);
  void on_packet(Line line, const moldudp64::Packet& packet, CaptureTime captured, std::uint64_t now_ns);
  // What a retransmission server sent; with decode_padding, too.
  void on_reply(unsigned server, std::span<const std::byte> datagram, CaptureTime captured,
                std::uint64_t now_ns);

  // What a snapshot attempt brings: blocks, then its end or its failure. The attempt is the action's.
  void on_snapshot_messages(std::uint64_t attempt, const MessageBlock& block, std::uint64_t now_ns);
  void on_snapshot_complete(std::uint64_t attempt, std::uint64_t next_sequence, CaptureTime captured,
                            std::uint64_t now_ns);
  void on_snapshot_failed(std::uint64_t attempt, std::uint64_t now_ns);

  // To be called at next_deadline(), or any time.
  void on_timer(std::uint64_t now_ns);
  // UINT64_MAX where nothing is due; in the past where something is due at once.
  [[nodiscard]] std::uint64_t next_deadline() const;

  // The next thing to do, to be asked for after each call until there is nothing. A start_snapshot takes
  // the place of the snapshot before it.
  [[nodiscard]] std::optional<SequencerAction> next_action();

  [[nodiscard]] const FeedPosition& position() const { return position_; }
  [[nodiscard]] bool has_gap() const { return recovering_ || !missing_.empty(); }
  [[nodiscard]] bool is_down(Line line) const { return down_[static_cast<std::size_t>(line)]; }
  [[nodiscard]] const SequencerCounters& counters() const { return counters_; }
  [[nodiscard]] const RetransmissionCounters& retransmission_counters() const {
    return retransmission_.counters();
  }
  [[nodiscard]] std::size_t held_bytes() const { return held_.allocated_bytes(); }
  [[nodiscard]] std::size_t held_blocks() const { return held_.blocks(); }

  // More holes at a time are treated like a full buffer.
  static constexpr std::size_t max_missing_ranges = 1024;
  static constexpr std::size_t max_past_sessions = 16;

 private:
  struct Range {
    std::uint64_t first;
    std::uint64_t end;
  };

  [[nodiscard]] bool follow(const moldudp64::Session& session, std::uint64_t now_ns);
  void start_session(const moldudp64::Session& session);
  void leave_session();
  [[nodiscard]] bool is_plausible(std::uint64_t end);
  void note_line(LineCounters& counters, std::size_t line, const moldudp64::Packet& packet);
  void note_end_of_known(std::uint64_t first, std::uint64_t now_ns);
  std::uint64_t take(const MessageBlock& block, std::uint64_t now_ns);
  [[nodiscard]] Range first_missing(std::uint64_t first, std::uint64_t end);
  [[nodiscard]] bool has_room(std::size_t bytes) const;
  void make_room(std::uint64_t at, std::uint64_t now_ns);
  void deliver(const MessageBlock& block);
  void deliver_held();
  void advance(std::uint64_t now_ns);
  void settle(std::uint64_t now_ns);
  void give_up(std::uint64_t now_ns, std::uint64_t limit = UINT64_MAX);
  void declare(std::uint64_t to);
  void start_snapshot(std::uint64_t now_ns);
  void fail_snapshot(std::uint64_t now_ns);
  void cancel_snapshot();
  void update_silences(std::uint64_t now_ns);

  SequencerConfig config_;
  FeedConsumer& consumer_;
  FeedPosition position_;  // What the consumer has been told; next_sequence is the next to deliver.
  bool resumed_recovery_ = false;

  std::uint64_t known_end_ = 1;  // One beyond the last message that is known to exist.
  std::uint64_t far_ahead_ = 0;  // Where a packet too far ahead to be believed ended.
  std::optional<std::uint64_t> session_end_;
  std::optional<moldudp64::Session> candidate_;   // Seen once.
  std::optional<std::uint64_t> session_seen_ns_;  // A packet of the present session, or the start.
  std::vector<moldudp64::Session> past_sessions_;

  MissingRanges missing_;
  HeldPackets held_;
  Retransmission retransmission_;

  bool recovering_ = false;           // The consumer waits for the outcome.
  bool snapshot_is_running_ = false;  // Else the next attempt waits for snapshot_deadline_ns_.
  std::uint64_t snapshot_deadline_ns_ = 0;
  std::uint64_t attempt_ = 0;
  unsigned failed_attempts_ = 0;  // In a row, for what is missing now.

  std::vector<SequencerAction> actions_;
  std::size_t actions_taken_ = 0;
  std::array<std::uint64_t, line_count> line_next_{};  // What each line should send next; 0: not known.
  std::array<bool, line_count> down_{};
  CaptureTime last_captured_{0};
  std::uint64_t last_now_ns_ = 0;
  SequencerCounters counters_;
};

}  // namespace tapeline::feed
