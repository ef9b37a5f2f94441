#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "feed/moldudp64/packet.h"
#include "feed/sequencer/missing_ranges.h"

namespace tapeline::feed {

// Times are of the caller's monotonic clock.
struct RetransmissionConfig {
  unsigned servers = 0;  // 0: what is missing is not asked for.
  // How long the other feed, or a packet that overtook, may fill a gap before anybody is asked.
  std::uint64_t reorder_grace_ns = 200'000;
  std::uint64_t request_timeout_ns = 2'000'000;  // Doubles with each try.
  std::uint64_t max_request_timeout_ns = 50'000'000;
  unsigned max_tries = 6;                          // Of one request without an answer.
  std::uint64_t give_up_after_ns = 1'000'000'000;  // From when the gap was noticed.
  std::uint16_t max_messages_per_request = 1'000;
  std::size_t max_requests_in_flight = 8;
  // With more missing than this a snapshot is quicker.
  std::uint64_t max_messages = 100'000;
};

// What the caller has to do for a sequencer. See Sequencer::next_action.
struct SequencerAction {
  enum class Kind : std::uint8_t { request, start_snapshot, cancel_snapshot };
  Kind kind;
  unsigned server = 0;  // request: which of the servers.
  // request: see moldudp64::encode_request. start_snapshot: the session that it has to be of.
  moldudp64::Header request = {};
  std::uint64_t attempt = 0;  // start_snapshot: to be given back with what comes of it.
};

struct RetransmissionCounters {
  std::uint64_t requests = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t unsent = 0;  // The caller had not taken the actions before; asked again later.
};

// Asks for what is missing: several requests at a time, each for a range of its own, again after a timeout
// and for the rest after a partial answer, until what was asked for is there or has failed.
class Retransmission {
 public:
  static constexpr std::size_t max_waiting_actions = 256;

  explicit Retransmission(const RetransmissionConfig& config);

  // Whether all of [first, end) has been asked for and the answer is awaited.
  [[nodiscard]] bool is_awaited(std::uint64_t first, std::uint64_t end) const;
  // A reply that begins with `first` brought something: what is left of its request is asked for at once.
  void on_answer(std::uint64_t first, unsigned server, MissingRanges& missing,
                 const moldudp64::Session& session, std::uint64_t now_ns,
                 std::vector<SequencerAction>& actions);
  // Tries again what got no answer and marks as failed what has had its tries or its time.
  void on_timer(MissingRanges& missing, const moldudp64::Session& session, std::uint64_t now_ns,
                std::vector<SequencerAction>& actions);
  // Asks for what is missing and not asked for yet, as far as the limits allow.
  void ask(MissingRanges& missing, const moldudp64::Session& session, std::uint64_t now_ns,
           std::vector<SequencerAction>& actions);
  void clear() { requests_.clear(); }

  // When to call on_timer and ask, given that both were called at `now_ns` or that less time has passed
  // since.
  [[nodiscard]] std::uint64_t next_deadline(const MissingRanges& missing, std::uint64_t now_ns) const;
  [[nodiscard]] std::size_t in_flight() const { return requests_.size(); }
  [[nodiscard]] const RetransmissionCounters& counters() const { return counters_; }

 private:
  struct Request {
    std::uint64_t first;  // As sent.
    std::uint64_t end;
    std::uint64_t deadline_ns;
    unsigned tries;
    unsigned server;
  };

  void send(Request& request, const moldudp64::Session& session, std::uint64_t now_ns,
            std::vector<SequencerAction>& actions);
  [[nodiscard]] bool ask_within(const MissingRange& range, const moldudp64::Session& session,
                                std::uint64_t now_ns, std::vector<SequencerAction>& actions);
  void drop_answered(MissingRanges& missing);

  RetransmissionConfig config_;
  std::vector<Request> requests_;  // Disjoint.
  unsigned preferred_server_ = 0;  // The one that answered last.
  RetransmissionCounters counters_;
};

}  // namespace tapeline::feed
