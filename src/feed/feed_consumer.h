#pragma once

#include <cstdint>

#include "feed/message_block.h"
#include "feed/message_source.h"
#include "market/types.h"

namespace tapeline::feed {

// Times are those of the packet that brought the news, so that the same packets make the same items.
struct SessionStarted {
  SessionName session;
  std::uint64_t next_sequence;  // Of the first message to come or to be declared missing.
  CaptureTime time;
};

// The messages [from, to) will not come. Empty where only a recovery is given up.
struct GapDeclared {
  std::uint64_t from;
  std::uint64_t to;
  CaptureTime time;
};

struct RecoveryStarted {
  std::uint64_t at;  // The first message that is missing.
  CaptureTime time;
};

struct SnapshotComplete {
  std::uint64_t next_sequence;  // The snapshot holds everything below; messages go on from here.
  CaptureTime time;
};

struct SessionEnded {
  std::uint64_t next_sequence;  // One beyond the session's last message.
  CaptureTime time;
};

// What a feed comes to, in the order in which it goes into the log. What a consumer that keeps books does:
//
//  session_started     Starts every book empty and good. Numbers start anew; what was open is over.
//  messages            Applies them. They are consecutive: the first is the next number, save behind
//                      gap_declared and snapshot_complete, which say where they go on.
//  gap_declared        Marks every book `gapped` from here on: the changes in [from, to) are lost. It also
//                      ends a recovery that failed; what that has put into the books stays, and is gapped.
//  recovery_started    Marks every book `recovering`. The books hold everything below `at`. No messages come
//                      until the recovery ends, by snapshot_complete, gap_declared or session_started. It
//                      may come again before that: the snapshot begins anew.
//  snapshot_messages   Empties the books before the first block behind a recovery_started, then applies the
//                      messages as adds at the end of their queues. Their first_sequence counts from 1 in
//                      each snapshot; it is not a number of the session, and event times may lie far back.
//                      Statistics of trades and messages take nothing from them.
//  snapshot_complete   Clears `recovering` and `gapped`: the books are those of the exchange at
//  next_sequence. end_of_session      Closes what is open. Only session_started follows.
//
// Bytes of a block are valid during the call only. A consumer must not call back into what calls it.
class FeedConsumer {
 public:
  virtual ~FeedConsumer() = default;

  virtual void on_session_started(const SessionStarted& item) = 0;
  virtual void on_messages(const MessageBlock& block) = 0;
  virtual void on_gap_declared(const GapDeclared& item) = 0;
  virtual void on_recovery_started(const RecoveryStarted& item) = 0;
  virtual void on_snapshot_messages(const MessageBlock& block) = 0;
  virtual void on_snapshot_complete(const SnapshotComplete& item) = 0;
  virtual void on_end_of_session(const SessionEnded& item) = 0;
};

// Where a consumer stands after some of these items: what has to be known to go on after a restart.
struct FeedPosition {
  SessionName session = SessionName("");
  std::uint64_t next_sequence = 1;
  bool in_session = false;   // A session has started.
  bool in_recovery = false;  // Books wait for a snapshot or for a gap to be declared.
  bool ended = false;        // The session is over.
  friend bool operator==(const FeedPosition&, const FeedPosition&) = default;

  void apply(const SessionStarted& item) { *this = {item.session, item.next_sequence, true, false, false}; }
  void apply_messages(const MessageBlock& block) {
    next_sequence = block.first_sequence + block.message_count;
  }
  void apply(const GapDeclared& item) {
    next_sequence = item.to;
    in_recovery = false;
  }
  void apply(const RecoveryStarted&) { in_recovery = true; }
  void apply(const SnapshotComplete& item) {
    next_sequence = item.next_sequence;
    in_recovery = false;
  }
  void apply(const SessionEnded&) { ended = true; }
};

}  // namespace tapeline::feed
