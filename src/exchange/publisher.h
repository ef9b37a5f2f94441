#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "base/result.h"
#include "exchange/datagram_batch.h"
#include "exchange/faults.h"
#include "exchange/pacer.h"
#include "exchange/published_messages.h"
#include "feed/message_source.h"
#include "feed/moldudp64/packet.h"

namespace tapeline::exchange {

struct PublisherConfig {
  feed::SessionName session = feed::SessionName("TAPE000001");
  Pacing pacing;
  std::size_t datagram_bytes = 1400;  // At most; 1472 fits Ethernet.
  std::uint64_t flush_ns = 200'000;   // No message waits longer for its packet to fill.
  std::uint64_t heartbeat_ns = 1'000'000'000;
  std::uint64_t linger_ns = 500'000'000;  // So long the end of a session is repeated and requests answered.
  std::uint64_t max_behind_ns =
      250'000'000;       // What is later than that is not made up for: the schedule moves.
  bool restamp = false;  // Messages carry the time of day (UTC) when they are published.
  std::optional<std::uint64_t> max_messages = std::nullopt;  // Of all sessions.
  std::optional<std::uint64_t> duration_ns = std::nullopt;   // Of all sessions.
  std::size_t kept_bytes = std::size_t{1} << 30;             // Of messages, for those who ask again.
  std::uint32_t replies_per_second = 50'000;                 // Requests beyond that stay without an answer.
  Faults faults;
  std::uint64_t seed = 1;  // Of the faults.
};

struct PublisherCounters {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;    // Of those, without their lengths.
  std::uint64_t packets = 0;  // Of messages, before faults; each goes to both feeds.
  std::uint64_t heartbeats = 0;
  std::uint64_t sessions = 0;
  std::uint64_t too_long = 0;      // Messages of the source that fit no packet; left out.
  std::uint64_t postponed_ns = 0;  // By which the schedule was moved.
  // Requests for retransmission.
  std::uint64_t requests = 0;
  std::uint64_t requests_served = 0;
  std::uint64_t requests_malformed = 0;  // Or of another session.
  std::uint64_t requests_empty = 0;      // For messages that are not out yet, or no longer kept.
  std::uint64_t requests_throttled = 0;
  std::uint64_t messages_resent = 0;
};

// The time, as the caller read it.
struct Now {
  std::uint64_t monotonic_ns;
  std::uint64_t realtime_ns;
};

// An exchange without its sockets: turns messages into the datagrams of feeds A and B by a schedule, ends and
// begins sessions, and answers requests for what was lost. A pure state machine: the caller brings the time
// and carries the datagrams, so a simulation can drive it. Used by one thread.
class Publisher {
 public:
  // Opens the messages of each session, counted from 0.
  using OpenSource = std::function<Result<std::unique_ptr<feed::MessageSource>>(std::uint64_t session)>;

  // The first session starts at the first call of advance().
  Publisher(const PublisherConfig& config, OpenSource open_source);

  // Adds the datagrams that are due by now; the batch must be empty. Stops early where the batch is full:
  // next_deadline_ns() has then passed already.
  Result<void> advance(Now now, DatagramBatch& batch);
  // When to call advance() again, of the monotonic clock. Messages that are due shortly after one another are
  // taken together.
  [[nodiscard]] std::uint64_t next_deadline_ns() const { return deadline_ns_; }

  // Ends the session, and no other one follows; advance() until it is over, half a second at most. A session
  // whose end is being told already is over at once.
  void finish() {
    if (state_ == State::ending && !finishing_) state_ = State::over;
    finishing_ = true;
  }
  [[nodiscard]] bool is_over() const { return state_ == State::over; }

  // The reply to a request for retransmission: one packet, which may hold fewer messages than were asked for;
  // nothing where there is nothing to say. Valid until the next call. Bounded work, whatever the request.
  [[nodiscard]] std::optional<std::span<const std::byte>> answer(std::span<const std::byte> request,
                                                                 std::uint64_t monotonic_ns);

  // The session that runs, and what is published of it: numbers below published_up_to().
  [[nodiscard]] const feed::SessionName& session() const { return session_; }
  [[nodiscard]] const PublishedMessages& messages() const { return kept_; }
  [[nodiscard]] std::uint64_t published_up_to() const { return packet_.first; }

  // When the session that ends, or the last one, had nothing more to publish, of the monotonic clock.
  [[nodiscard]] std::optional<std::uint64_t> last_session_ended_ns() const {
    if (state_ == State::ending || state_ == State::over) return ending_since_ns_;
    return std::nullopt;
  }

  [[nodiscard]] const PublisherCounters& counters() const { return counters_; }
  [[nodiscard]] const FaultCounters& faults(Feed feed) const {
    return injectors_[static_cast<std::size_t>(feed)].counters();
  }

 private:
  enum class State : std::uint8_t { idle, running, ending, over };

  // The packet that is being filled: messages that lie behind one another in kept_.
  struct OpenPacket {
    std::uint64_t first = 1;
    std::uint16_t count = 0;
    const std::byte* frames = nullptr;
    std::size_t size = 0;
    std::uint64_t begun_ns = 0;
  };

  Result<void> begin_session(Now now);
  Result<void> publish_due(Now now, DatagramBatch& batch);
  Result<bool> load_frame();
  void postpone_if_behind(std::uint64_t due_ns, std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t due_of_next(std::uint64_t now_ns);
  void take_frame(Now now, DatagramBatch& batch);
  void restamp(std::span<std::byte> frame, Now now);
  void flush(std::uint64_t now_ns, DatagramBatch& batch);
  void send_header(std::uint16_t count, std::uint64_t now_ns, DatagramBatch& batch);
  void send(std::span<const std::byte> packet, std::uint64_t now_ns, DatagramBatch& batch);
  void begin_ending(std::uint64_t now_ns, DatagramBatch& batch);
  Result<void> advance_ending(Now now, DatagramBatch& batch);
  [[nodiscard]] std::uint64_t linger_ns() const {
    constexpr std::uint64_t when_told_to_stop_ns = 500'000'000;
    return finishing_ ? std::min(config_.linger_ns, when_told_to_stop_ns) : config_.linger_ns;
  }
  [[nodiscard]] bool has_room(const DatagramBatch& batch) const;
  [[nodiscard]] bool take_reply_token(std::uint64_t now_ns);
  void set_deadline(std::uint64_t now_ns, bool full);

  PublisherConfig config_;
  OpenSource open_source_;
  State state_ = State::idle;
  bool finishing_ = false;
  bool source_ended_ = false;
  feed::SessionName session_;
  std::unique_ptr<feed::MessageSource> source_;
  std::span<const std::byte> block_;  // Frames of the source that are still to come.
  PublishedMessages kept_;
  OpenPacket packet_;
  Pacer pacer_;
  std::uint64_t paced_ = 0;  // Messages that the pacer has counted: those of this session.
  std::array<FaultInjector, feed_count> injectors_;
  PublisherCounters counters_;
  std::uint64_t start_ns_ = 0;  // Of the first session.
  std::uint64_t session_start_ns_ = 0;
  std::uint64_t last_sent_ns_ = 0;
  std::uint64_t ending_since_ns_ = 0;
  std::uint64_t next_end_ns_ = 0;  // When the end of the session is told again.
  std::uint64_t next_due_ns_ = 0;  // Of the next message; set by publish_due.
  std::uint64_t deadline_ns_ = 0;
  std::uint64_t midnight_ns_ = 0;  // Before the start, in UTC, of the real-time clock.
  std::uint64_t last_stamp_ns_ = 0;
  double reply_tokens_ = 0;
  std::uint64_t tokens_at_ns_ = 0;
  std::vector<std::byte> reply_;
};

}  // namespace tapeline::exchange
