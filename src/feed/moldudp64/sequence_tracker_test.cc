#include "feed/moldudp64/sequence_tracker.h"

namespace tapeline::moldudp64 {
namespace {

constexpr std::uint64_t feed_a = 0;
constexpr std::uint64_t feed_b = 1;
constexpr std::uint64_t elsewhere = 2;

class SequenceTrackerTest : public ::testing::Test {
 protected:
  // Sends messages `first` to `last` and returns "from-to" of what is new.
  std::string send(std::uint64_t first, std::uint64_t last, std::uint64_t destination = feed_a,
                   std::string_view session = "S1") {
    builder_.start(Session(session), first);
    for (std::uint64_t i = first; i <= last; ++i) {
      const std::array<std::byte, 1> message = {static_cast<std::byte>(i)};
      EXPECT_TRUE(builder_.append(message));
    }
    return accept(destination);
  }
  std::string heartbeat(std::uint64_t next, std::uint64_t destination = feed_a) {
    return send(next, next - 1, destination);
  }
  std::string end_of_session(std::uint64_t next) {
    builder_.start(Session("S1"), next);
    builder_.make_end_of_session();
    return accept(feed_a);
  }
  std::string accept(std::uint64_t destination) {
    const auto block = tracker_.accept(parse_packet(builder_.bytes()), destination, CaptureTime{5});
    if (!block) return "";
    EXPECT_EQ(raw(block->capture_time), 5);
    EXPECT_EQ(block->bytes.size(), 3 * block->message_count);
    EXPECT_EQ(block->bytes[2], static_cast<std::byte>(block->first_sequence));
    return std::to_string(block->first_sequence) + "-" +
           std::to_string(block->first_sequence + block->message_count - 1);
  }
  const feed::SourceCounters& counters() { return tracker_.counters(); }

  PacketBuilder builder_;
  SequenceTracker tracker_;
};

TEST_F(SequenceTrackerTest, StartsWhereTheCaptureStarts) {
  EXPECT_EQ(send(100, 102), "100-102");
  EXPECT_EQ(send(103, 103), "103-103");
  EXPECT_EQ(counters().gaps, 0);
  EXPECT_EQ(counters().messages, 4);
  EXPECT_EQ(counters().blocks, 2);
}

TEST_F(SequenceTrackerTest, CopiesOfTheOtherFeedAreDropped) {
  EXPECT_EQ(send(1, 3, feed_a), "1-3");
  EXPECT_EQ(send(1, 3, feed_b), "");
  EXPECT_EQ(send(3, 5, feed_b), "4-5");
  EXPECT_EQ(counters().duplicate_packets, 1);
  EXPECT_EQ(counters().duplicate_messages, 4);
  EXPECT_EQ(counters().late_messages, 0);
}

TEST_F(SequenceTrackerTest, GapsBySequenceAndByHeartbeat) {
  EXPECT_EQ(send(1, 2), "1-2");
  EXPECT_EQ(send(5, 5), "5-5");
  EXPECT_EQ(heartbeat(6), "");
  EXPECT_EQ(heartbeat(9), "");
  EXPECT_EQ(end_of_session(10), "");
  ASSERT_EQ(tracker_.gaps().size(), 3);
  EXPECT_EQ(tracker_.gaps()[0].first, 3);
  EXPECT_EQ(tracker_.gaps()[0].count, 2);
  EXPECT_EQ(tracker_.gaps()[1].first, 6);
  EXPECT_EQ(tracker_.gaps()[1].count, 3);
  EXPECT_EQ(tracker_.gaps()[2].first, 9);
  EXPECT_EQ(tracker_.gaps()[2].session, Session("S1"));
  EXPECT_EQ(counters().missing_messages, 6);
  EXPECT_EQ(counters().heartbeats, 2);
}

TEST_F(SequenceTrackerTest, LateMessagesOfAGapAreCountedAsSuch) {
  send(1, 1);
  send(4, 4);
  EXPECT_EQ(send(1, 3), "");
  EXPECT_EQ(counters().late_messages, 2);
  EXPECT_EQ(counters().duplicate_messages, 1);
}

TEST_F(SequenceTrackerTest, ANewSessionOfTheSameFeedStartsAnew) {
  send(50, 50, feed_a);
  send(51, 51, feed_b);
  EXPECT_EQ(send(1, 2, feed_b, "S2"), "1-2");
  EXPECT_EQ(tracker_.session(), Session("S2"));
  EXPECT_EQ(counters().session_changes, 1);
  EXPECT_EQ(counters().gaps, 0);
  // The last packets of the old session on the slower feed are behind.
  EXPECT_EQ(send(52, 52, feed_a, "S1"), "");
  EXPECT_EQ(counters().foreign_packets, 1);
  EXPECT_EQ(send(3, 3, feed_a, "S2"), "3-3");
}

TEST_F(SequenceTrackerTest, AnotherProductIsForeignUntilTheSessionEnds) {
  send(1, 1);
  EXPECT_EQ(send(1, 1, elsewhere, "OTHER"), "");
  EXPECT_EQ(counters().foreign_packets, 1);
  end_of_session(2);
  EXPECT_EQ(send(1, 1, elsewhere, "NEXT"), "1-1");
}

TEST_F(SequenceTrackerTest, MalformedPacketsAreDroppedWhole) {
  send(1, 1);
  builder_.start(Session("S1"), 2);
  EXPECT_TRUE(builder_.append(std::array{std::byte{1}}));
  const Packet torn = parse_packet(builder_.bytes().first(builder_.bytes().size() - 1));
  EXPECT_FALSE(tracker_.accept(torn, feed_a, CaptureTime{0}).has_value());
  EXPECT_EQ(counters().malformed_packets, 1);
  EXPECT_FALSE(tracker_.accept(torn, elsewhere, CaptureTime{0}).has_value());
  EXPECT_EQ(counters().foreign_packets, 1);
  EXPECT_EQ(send(2, 2), "2-2");
}

TEST_F(SequenceTrackerTest, BinarySessionsAreOtherProtocols) {
  EXPECT_EQ(send(1, 1, feed_a, "\x01\x02"), "");
  EXPECT_EQ(counters().foreign_packets, 1);
}

}  // namespace
}  // namespace tapeline::moldudp64
