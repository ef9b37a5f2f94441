#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "feed/feed_consumer.h"

namespace tapeline::feed::testing {

// Writes each item down as a word, so that a test can compare a whole story: "start(S,1) 1-3 gap(4,6) 6
// end(7)". A block is its numbers; with messages that hold nothing but their number, CHECKs that they do.
class RecordingConsumer : public FeedConsumer {
 public:
  void on_session_started(const SessionStarted& item) override {
    add("start(" + std::string(item.session.view()) + "," + std::to_string(item.next_sequence) + ")");
  }
  void on_messages(const MessageBlock& block) override {
    const std::uint64_t last = block.first_sequence + block.message_count - 1;
    check_content(block);
    add(last == block.first_sequence ? std::to_string(last)
                                     : std::to_string(block.first_sequence) + "-" + std::to_string(last));
  }
  void on_gap_declared(const GapDeclared& item) override {
    add("gap(" + std::to_string(item.from) + "," + std::to_string(item.to) + ")");
  }
  void on_recovery_started(const RecoveryStarted& item) override {
    add("recover(" + std::to_string(item.at) + ")");
  }
  void on_snapshot_messages(const MessageBlock& block) override {
    add("snapshot*" + std::to_string(block.message_count));
  }
  void on_snapshot_complete(const SnapshotComplete& item) override {
    add("complete(" + std::to_string(item.next_sequence) + ")");
  }
  void on_end_of_session(const SessionEnded& item) override {
    add("end(" + std::to_string(item.next_sequence) + ")");
  }

  // What came since the last call.
  std::string story() { return std::exchange(story_, {}); }

 private:
  void add(const std::string& word) {
    if (!story_.empty()) story_ += ' ';
    story_ += word;
  }
  static void check_content(const MessageBlock& block) {
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < block.message_count; ++i) {
      CHECK(load_be<std::uint16_t>(block.bytes.data() + at) == 8);
      CHECK(load_be<std::uint64_t>(block.bytes.data() + at + 2) == block.first_sequence + i);
      at += 10;
    }
    CHECK(at == block.bytes.size());
  }

  std::string story_;
};

}  // namespace tapeline::feed::testing
