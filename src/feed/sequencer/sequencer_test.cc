#include "feed/sequencer/sequencer.h"

#include "feed/testing/recording_consumer.h"

namespace tapeline::feed {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint64_t ms = 1'000'000;

Bytes padded(std::span<const std::byte> bytes) {
  Bytes copy(bytes.begin(), bytes.end());
  copy.reserve(copy.size() + decode_padding);
  return copy;
}

// Messages [first, end) of a session; each is its number.
Bytes messages(std::uint64_t first, std::uint64_t end, std::string_view session = "S") {
  moldudp64::PacketBuilder builder(0xffff);
  builder.start(moldudp64::Session(session), first);
  for (std::uint64_t i = first; i < end; ++i) {
    std::array<std::byte, 8> number;
    store_be(number.data(), i);
    EXPECT_TRUE(builder.append(number));
  }
  return padded(builder.bytes());
}

Bytes heartbeat(std::uint64_t next, std::string_view session = "S") {
  return messages(next, next, session);
}

Bytes end_of_session(std::uint64_t next, std::string_view session = "S") {
  moldudp64::PacketBuilder builder;
  builder.start(moldudp64::Session(session), next);
  builder.make_end_of_session();
  return padded(builder.bytes());
}

MessageBlock snapshot_block(const Bytes& packet) {
  const moldudp64::Packet parsed = moldudp64::parse_packet(packet);
  return {parsed.blocks, parsed.header.sequence, parsed.header.count, CaptureTime{0}};
}

// A sequencer with its consumer and a clock. Each step returns what the consumer was told.
class Bench {
 public:
  explicit Bench(const SequencerConfig& config, const std::optional<FeedPosition>& position = {})
      : sequencer(config, consumer_, position) {}

  std::string a(const Bytes& datagram) { return on(Line::a, datagram); }
  std::string b(const Bytes& datagram) { return on(Line::b, datagram); }
  std::string reply(unsigned server, const Bytes& datagram) {
    sequencer.on_reply(server, datagram, CaptureTime{now}, now);
    return consumer_.story();
  }
  // Moves the clock on, with the timer called at each deadline in between.
  std::string wait(std::uint64_t duration_ns) {
    const std::uint64_t until = now + duration_ns;
    while (sequencer.next_deadline() <= until) {
      EXPECT_GE(sequencer.next_deadline(), now) << "a deadline that the timer left in the past";
      now = sequencer.next_deadline();
      sequencer.on_timer(now);
      note_actions();
    }
    now = until;
    return consumer_.story();
  }
  std::string snapshot_messages(std::uint64_t count) {
    const Bytes packet = messages(1, 1 + count);
    sequencer.on_snapshot_messages(attempt, snapshot_block(packet), now);
    return consumer_.story();
  }
  std::string snapshot_complete(std::uint64_t next) {
    sequencer.on_snapshot_complete(attempt, next, CaptureTime{now}, now);
    return consumer_.story();
  }
  std::string snapshot_failed() {
    sequencer.on_snapshot_failed(attempt, now);
    return consumer_.story();
  }
  // "0:4+2" asks server 0 for 4 and 5.
  std::string actions() {
    note_actions();
    return std::exchange(actions_, {});
  }

  testing::RecordingConsumer consumer_;
  Sequencer sequencer;
  std::uint64_t now = 1'000 * ms;
  std::uint64_t attempt = 0;
  SessionName snapshot_session{""};

 private:
  std::string on(Line line, const Bytes& datagram) {
    sequencer.on_datagram(line, datagram, CaptureTime{now}, now);
    return consumer_.story();
  }
  void note_actions() {
    while (const auto action = sequencer.next_action()) {
      if (!actions_.empty()) actions_ += ' ';
      if (action->kind == SequencerAction::Kind::start_snapshot) {
        attempt = action->attempt;
        snapshot_session = action->request.session;
      }
      switch (action->kind) {
        case SequencerAction::Kind::start_snapshot: actions_ += "snapshot"; break;
        case SequencerAction::Kind::cancel_snapshot: actions_ += "cancel"; break;
        case SequencerAction::Kind::request:
          actions_ += std::to_string(action->server) + ":" + std::to_string(action->request.sequence) + "+" +
                      std::to_string(action->request.count);
      }
    }
  }

  std::string actions_;
};

SequencerConfig alone() {
  return {};
}

SequencerConfig with_servers(unsigned servers) {
  SequencerConfig config;
  config.retransmission.servers = servers;
  return config;
}

SequencerConfig with_snapshots(unsigned attempts, unsigned servers = 0) {
  SequencerConfig config = with_servers(servers);
  config.max_snapshot_attempts = attempts;
  return config;
}

TEST(Sequencer, FirstCopyWins) {
  Bench bench(alone());
  EXPECT_EQ(bench.a(messages(1, 4)), "start(S,1) 1-3");
  EXPECT_EQ(bench.b(messages(1, 4)), "");
  EXPECT_EQ(bench.b(messages(4, 6)), "4-5");
  EXPECT_EQ(bench.a(messages(3, 8)), "6-7");  // Overlaps: only the new part.
  EXPECT_EQ(bench.a(heartbeat(8)), "");
  const auto& lines = bench.sequencer.counters().lines;
  EXPECT_EQ(lines[0].packets, 3);
  EXPECT_EQ(lines[0].first_arrivals, 2);
  EXPECT_EQ(lines[0].heartbeats, 1);
  EXPECT_EQ(lines[0].behind, 1);
  EXPECT_EQ(lines[1].duplicates, 1);
  EXPECT_EQ(bench.sequencer.counters().messages, 7);
  EXPECT_FALSE(bench.sequencer.has_gap());
}

TEST(Sequencer, TheOtherLineFillsAGapWithinTheGrace) {
  Bench bench(with_servers(1));
  bench.a(messages(1, 4));
  EXPECT_EQ(bench.a(messages(6, 8)), "");
  EXPECT_TRUE(bench.sequencer.has_gap());
  EXPECT_EQ(bench.wait(100'000), "");
  EXPECT_EQ(bench.b(messages(4, 6)), "4-5 6-7");
  EXPECT_EQ(bench.wait(10 * ms), "");
  EXPECT_EQ(bench.actions(), "");
  EXPECT_EQ(bench.sequencer.counters().lines[0].gaps, 1);
  EXPECT_EQ(bench.sequencer.counters().lines[0].missing_messages, 2);
  EXPECT_EQ(bench.sequencer.counters().lines[1].gaps, 0);
  EXPECT_EQ(bench.sequencer.counters().gaps, 1);
  EXPECT_EQ(bench.sequencer.counters().gaps_declared, 0);
}

TEST(Sequencer, WithoutServersAGapIsDeclaredAfterTheGrace) {
  Bench bench(alone());
  bench.a(messages(1, 4));
  bench.a(messages(6, 8));
  bench.a(messages(9, 10));
  EXPECT_EQ(bench.wait(199'999), "");
  EXPECT_EQ(bench.wait(1), "gap(4,6) 6-7 gap(8,9) 9");
  EXPECT_EQ(bench.b(messages(4, 6)), "");  // Too late.
  EXPECT_EQ(bench.sequencer.counters().lost_messages, 3);
}

TEST(Sequencer, HeartbeatAndEndOfSessionShowWhatTheTailLacks) {
  Bench bench(with_servers(1));
  bench.a(messages(1, 4));
  EXPECT_EQ(bench.a(heartbeat(6)), "");
  bench.wait(200'000);
  EXPECT_EQ(bench.actions(), "0:4+2");
  EXPECT_EQ(bench.reply(0, messages(4, 6)), "4-5");
  EXPECT_EQ(bench.b(end_of_session(7)), "");
  bench.wait(200'000);
  EXPECT_EQ(bench.actions(), "0:6+1");
  EXPECT_EQ(bench.reply(0, messages(6, 7)), "6 end(7)");
  EXPECT_EQ(bench.a(end_of_session(7)), "");
  EXPECT_EQ(bench.a(messages(7, 8)), "") << "nothing comes behind the end";
}

TEST(Sequencer, PartialRepliesAreAskedForTheRest) {
  Bench bench(with_servers(1));
  bench.a(messages(1, 2));
  bench.a(messages(10, 11));
  bench.wait(200'000);
  EXPECT_EQ(bench.actions(), "0:2+8");
  EXPECT_EQ(bench.reply(0, messages(2, 5)), "2-4");
  EXPECT_EQ(bench.actions(), "0:5+5");
  EXPECT_EQ(bench.b(messages(9, 10)), "") << "held";
  EXPECT_EQ(bench.reply(0, messages(5, 8)), "5-7");
  EXPECT_EQ(bench.actions(), "0:8+1");
  EXPECT_EQ(bench.reply(0, messages(8, 9)), "8 9 10");
  EXPECT_EQ(bench.sequencer.counters().recovered_messages, 7);
  EXPECT_EQ(bench.actions(), "");
}

TEST(Sequencer, ServersTakeTurnsWithGrowingPatience) {
  Bench bench(with_servers(2));
  bench.a(messages(1, 2));
  bench.a(messages(3, 4));
  bench.wait(200'000);
  EXPECT_EQ(bench.actions(), "0:2+1");
  bench.wait(2 * ms);
  EXPECT_EQ(bench.actions(), "1:2+1");
  bench.wait(4 * ms - 1);
  EXPECT_EQ(bench.actions(), "");
  bench.wait(1);
  EXPECT_EQ(bench.actions(), "0:2+1");
  bench.wait(8 * ms + 16 * ms);
  EXPECT_EQ(bench.actions(), "1:2+1 0:2+1");
  EXPECT_EQ(bench.wait(32 * ms), "");
  EXPECT_EQ(bench.actions(), "1:2+1");
  EXPECT_EQ(bench.wait(50 * ms), "gap(2,3) 3") << "six tries";
  EXPECT_EQ(bench.sequencer.retransmission_counters().requests, 6);
  EXPECT_EQ(bench.sequencer.retransmission_counters().timeouts, 6);
}

TEST(Sequencer, TheServerThatAnsweredIsAskedFirst) {
  Bench bench(with_servers(2));
  bench.a(messages(1, 2));
  bench.a(messages(3, 4));
  bench.wait(3 * ms);
  EXPECT_EQ(bench.actions(), "0:2+1 1:2+1");
  EXPECT_EQ(bench.reply(1, messages(2, 3)), "2 3");
  bench.a(messages(5, 6));
  bench.wait(200'000);
  EXPECT_EQ(bench.actions(), "1:4+1");
}

TEST(Sequencer, RequestsAreBoundedInSizeAndNumber) {
  SequencerConfig config = with_servers(1);
  config.retransmission.max_messages_per_request = 10;
  config.retransmission.max_requests_in_flight = 3;
  Bench bench(config);
  bench.a(messages(1, 2));
  bench.a(messages(52, 53));
  bench.wait(200'000);
  EXPECT_EQ(bench.actions(), "0:2+10 0:12+10 0:22+10");
  EXPECT_EQ(bench.reply(0, messages(12, 22)), "");
  EXPECT_EQ(bench.actions(), "0:32+10");
  EXPECT_EQ(bench.reply(0, messages(2, 12)), "2-11 12-21");
  EXPECT_EQ(bench.actions(), "0:42+10");
}

TEST(Sequencer, HostileRepliesAreCountedAndDropped) {
  Bench bench(with_servers(1));
  bench.a(messages(1, 2));
  EXPECT_EQ(bench.reply(0, messages(2, 3)), "");  // Nothing was asked for.
  bench.a(messages(10, 11));
  bench.wait(200'000);
  EXPECT_EQ(bench.reply(0, messages(2, 11)), "");  // More than was asked for.
  EXPECT_EQ(bench.reply(0, messages(1, 5)), "");
  EXPECT_EQ(bench.reply(9, messages(2, 5)), "");  // There is no such server.
  EXPECT_EQ(bench.reply(0, messages(2, 5, "OTHER")), "");
  EXPECT_EQ(bench.reply(0, heartbeat(2)), "");
  Bytes cut = messages(2, 5);
  cut.pop_back();
  EXPECT_EQ(bench.reply(0, cut), "");
  const SequencerCounters& counters = bench.sequencer.counters();
  EXPECT_EQ(counters.replies, 7);
  EXPECT_EQ(counters.unasked_replies, 4);
  EXPECT_EQ(counters.foreign_replies, 1);
  EXPECT_EQ(counters.empty_replies, 1);
  EXPECT_EQ(counters.malformed_replies, 1);
  EXPECT_EQ(bench.reply(0, messages(2, 10)), "2-9 10");
}

TEST(Sequencer, ASnapshotReplacesWhatNobodyHas) {
  SequencerConfig config = with_snapshots(2, 1);
  config.retransmission.max_tries = 1;
  Bench bench(config);
  bench.a(messages(1, 4));
  bench.a(messages(6, 8));
  EXPECT_EQ(bench.wait(3 * ms), "recover(4)");
  EXPECT_EQ(bench.actions(), "0:4+2 snapshot");
  EXPECT_EQ(bench.a(messages(8, 10)), "") << "held";
  EXPECT_EQ(bench.snapshot_messages(5), "snapshot*5");
  EXPECT_EQ(bench.snapshot_complete(7), "complete(7) 7 8-9") << "from the middle of a packet";
  EXPECT_EQ(bench.a(messages(10, 11)), "10");
  EXPECT_FALSE(bench.sequencer.has_gap());
}

TEST(Sequencer, JoiningInTheMiddleTakesASnapshot) {
  SequencerConfig config = with_snapshots(2, 1);
  config.retransmission.max_messages = 100;
  Bench bench(config);
  EXPECT_EQ(bench.a(messages(500, 502)), "start(S,1)");
  EXPECT_EQ(bench.wait(200'000), "recover(1)");
  EXPECT_EQ(bench.actions(), "snapshot") << "too much to be asked for";
  EXPECT_EQ(bench.b(messages(502, 505)), "");
  EXPECT_EQ(bench.snapshot_complete(502), "complete(502) 502-504");
}

TEST(Sequencer, ASnapshotAheadOfTheFeedSkipsWhatComesLater) {
  Bench bench(with_snapshots(1));
  bench.a(messages(5, 6));
  EXPECT_EQ(bench.wait(1 * ms), "recover(1)");
  bench.actions();
  EXPECT_EQ(bench.snapshot_complete(9), "complete(9)");
  EXPECT_EQ(bench.a(messages(6, 9)), "");
  EXPECT_EQ(bench.a(messages(8, 11)), "9-10");
}

TEST(Sequencer, ASnapshotShortOfTheHeldPacketsLeavesAGapToAskFor) {
  SequencerConfig config = with_snapshots(1, 1);
  config.retransmission.max_messages = 10;
  Bench joined(config);
  joined.a(messages(50, 51));
  joined.wait(1 * ms);
  EXPECT_EQ(joined.actions(), "snapshot");
  EXPECT_EQ(joined.snapshot_complete(48), "complete(48)");
  joined.wait(1 * ms);
  EXPECT_EQ(joined.actions(), "0:48+2");
  EXPECT_EQ(joined.reply(0, messages(48, 50)), "48-49 50");
}

TEST(Sequencer, AfterTheLastSnapshotAttemptTheGapIsDeclared) {
  Bench bench(with_snapshots(3));
  bench.a(messages(1, 4));
  bench.a(messages(6, 8));
  EXPECT_EQ(bench.wait(1 * ms), "recover(4)");
  EXPECT_EQ(bench.actions(), "snapshot");
  EXPECT_EQ(bench.snapshot_failed(), "");
  EXPECT_EQ(bench.wait(250 * ms), "recover(4)");
  EXPECT_EQ(bench.actions(), "snapshot");
  EXPECT_EQ(bench.snapshot_complete(3), "") << "older than the consumer is: it would take books back";
  EXPECT_EQ(bench.wait(250 * ms), "recover(4)");
  EXPECT_EQ(bench.actions(), "snapshot");
  EXPECT_EQ(bench.wait(4'999 * ms), "");
  bench.snapshot_messages(1);
  EXPECT_EQ(bench.wait(4'999 * ms), "") << "it goes on";
  EXPECT_EQ(bench.wait(2 * ms), "gap(4,6) 6-7");
  EXPECT_EQ(bench.actions(), "cancel");
  bench.snapshot_messages(1);
  bench.snapshot_complete(9);
  bench.snapshot_failed();
  EXPECT_EQ(bench.sequencer.counters().stale_snapshot_calls, 3);
  EXPECT_EQ(bench.sequencer.counters().snapshots_failed, 3);
  bench.a(messages(9, 10));
  EXPECT_EQ(bench.wait(1 * ms), "recover(8)") << "the next gap has its own attempts";
}

TEST(Sequencer, ASnapshotThatStandsWhereTheGapBeginsIsTriedAgain) {
  Bench bench(with_snapshots(2));
  bench.a(messages(1, 4));
  bench.a(messages(6, 8));
  bench.wait(1 * ms);
  bench.actions();
  EXPECT_EQ(bench.snapshot_complete(4), "complete(4) recover(4)");
  bench.actions();
  EXPECT_EQ(bench.snapshot_complete(4), "complete(4) gap(4,6) 6-7");
}

TEST(Sequencer, AFullBufferDeclaresTheGapOrTakesASnapshot) {
  SequencerConfig config = with_servers(1);
  config.max_held_packets = 2;
  Bench bench(config);
  bench.a(messages(1, 2));
  bench.a(messages(3, 4));
  bench.a(messages(5, 6));
  EXPECT_EQ(bench.a(messages(7, 8)), "gap(2,3) 3");
  EXPECT_EQ(bench.a(messages(9, 10)), "gap(4,5) 5");

  Bench inside(config);
  inside.a(messages(1, 2));
  inside.a(messages(8, 9));
  inside.a(messages(10, 11));
  EXPECT_EQ(inside.b(messages(4, 5)), "gap(2,4) 4") << "not with what is at hand";

  config.max_snapshot_attempts = 1;
  Bench recovering(config);
  recovering.a(messages(1, 2));
  recovering.a(messages(3, 4));
  recovering.a(messages(5, 6));
  EXPECT_EQ(recovering.a(messages(7, 8)), "recover(2)");
  EXPECT_EQ(recovering.a(messages(8, 9)), "");
  EXPECT_EQ(recovering.sequencer.counters().evicted_messages, 2) << "3 and 5";
  recovering.actions();
  EXPECT_EQ(recovering.snapshot_complete(5), "complete(5)");
  recovering.wait(1 * ms);
  EXPECT_EQ(recovering.actions(), "0:5+2") << "5 was let go, 6 never came";
  EXPECT_EQ(recovering.reply(0, messages(5, 7)), "5-6 7 8");
}

TEST(Sequencer, HeldBytesAreBounded) {
  SequencerConfig config = alone();
  config.max_held_bytes = 512 * 1024;
  config.retransmission.reorder_grace_ns = 1'000 * ms;
  Bench bench(config);
  bench.a(messages(1, 2));
  std::string told;
  for (std::uint64_t first = 3; first < 200'000; first += 1'000)
    told += bench.a(messages(first, first + 1'000));
  EXPECT_THAT(told, ::testing::StartsWith("gap(2,3) 3-1002"));
  EXPECT_LE(bench.sequencer.held_bytes(), config.max_held_bytes);
}

TEST(Sequencer, ASessionChangeGivesUpOnTheOldOne) {
  SequencerConfig config = with_snapshots(1, 1);
  config.session_silence_ns = 0;
  Bench bench(config);
  bench.a(messages(1, 4));
  bench.a(messages(6, 8));
  bench.a(heartbeat(9));
  EXPECT_EQ(bench.a(messages(1, 3, "T")), "") << "no end was announced: a second packet has to agree";
  EXPECT_EQ(bench.b(messages(1, 3, "T")), "gap(4,6) 6-7 gap(8,9) start(T,1) 1-2");
  EXPECT_EQ(bench.a(messages(4, 6)), "") << "the old session is over";
  EXPECT_EQ(bench.a(messages(3, 4, "T")), "3");
  EXPECT_EQ(bench.sequencer.counters().lines[0].foreign, 2);
  EXPECT_EQ(bench.sequencer.counters().session_changes, 1);
}

// One who starts in the session T does not know that S was before it.
TEST(Sequencer, PacketsOfASessionBeforeDoNotBringItBack) {
  const FeedPosition position = {SessionName("T"), 10, true, false, false};
  SequencerConfig config = alone();
  config.session_silence_ns = 20 * ms;
  Bench bench(config, position);
  EXPECT_EQ(bench.a(messages(90, 95, "S")), "");
  bench.wait(15 * ms);
  EXPECT_EQ(bench.b(messages(90, 95, "S")), "") << "nobody knows yet whether T is there";
  EXPECT_EQ(bench.a(messages(10, 12, "T")), "10-11");
  bench.wait(15 * ms);
  EXPECT_EQ(bench.a(messages(95, 97, "S")), "") << "T was there a moment ago";
  bench.wait(5 * ms);
  EXPECT_EQ(bench.a(messages(1, 2, "U")), "") << "a second packet has to agree";
  EXPECT_EQ(bench.a(messages(2, 3, "U")), "start(U,1)");
}

TEST(Sequencer, ASnapshotIsOfTheSession) {
  Bench bench(with_snapshots(1));
  bench.a(messages(3, 4, "T"));
  bench.wait(1 * ms);
  EXPECT_EQ(bench.actions(), "snapshot");
  EXPECT_EQ(bench.snapshot_session, SessionName("T"));
}

TEST(Sequencer, ASessionChangeDuringARecovery) {
  Bench bench(with_snapshots(1));
  bench.a(messages(1, 4));
  bench.a(messages(6, 8));
  bench.wait(1 * ms);
  bench.a(end_of_session(8));
  bench.actions();
  EXPECT_EQ(bench.a(messages(1, 2, "T")), "gap(4,6) 6-7 start(T,1) 1");
  EXPECT_EQ(bench.actions(), "cancel");
}

TEST(Sequencer, AnAnnouncedEndLetsTheNextSessionStartAtOnce) {
  Bench bench(alone());
  bench.a(messages(1, 4));
  EXPECT_EQ(bench.a(end_of_session(3)), "") << "contradicts the messages";
  EXPECT_EQ(bench.a(end_of_session(4)), "end(4)");
  EXPECT_EQ(bench.b(messages(1, 3, "T")), "start(T,1) 1-2");
}

TEST(Sequencer, DamagedPacketsChangeNothing) {
  Bench bench(alone());
  bench.a(messages(1, 4));
  Bytes cut = messages(4, 6);
  cut.pop_back();
  EXPECT_EQ(bench.a(cut), "");
  EXPECT_EQ(bench.a(messages(1, 2, std::string_view("\x01\x02", 2))), "");
  EXPECT_EQ(bench.a(messages(std::uint64_t{1} << 60, (std::uint64_t{1} << 60) + 1)), "");
  EXPECT_FALSE(bench.sequencer.has_gap());
  EXPECT_EQ(bench.sequencer.counters().lines[0].malformed, 1);
  EXPECT_EQ(bench.sequencer.counters().lines[0].foreign, 2);
  bench.b(messages((std::uint64_t{1} << 60) + 1, (std::uint64_t{1} << 60) + 2));
  EXPECT_TRUE(bench.sequencer.has_gap()) << "two agree";
}

TEST(Sequencer, GoesOnFromAPosition) {
  FeedPosition position = {SessionName("S"), 10, true, false, false};
  Bench bench(with_servers(1), position);
  EXPECT_EQ(bench.a(messages(15, 17)), "");
  bench.wait(200'000);
  EXPECT_EQ(bench.actions(), "0:10+5");
  EXPECT_EQ(bench.reply(0, messages(10, 15)), "10-14 15-16");

  position.in_recovery = true;
  Bench recovering(with_snapshots(1), position);
  EXPECT_EQ(recovering.a(messages(10, 12)), "recover(10)") << "the books were being filled";
  recovering.actions();
  EXPECT_EQ(recovering.snapshot_complete(11), "complete(11) 11");
  Bench hopeless(alone(), position);
  EXPECT_EQ(hopeless.a(messages(10, 12)), "gap(10,10) 10-11");

  position = {SessionName("S"), 10, true, false, true};
  Bench ended(alone(), position);
  EXPECT_EQ(ended.a(end_of_session(10)), "");
  EXPECT_EQ(ended.a(messages(1, 2, "T")), "start(T,1) 1");
}

TEST(Sequencer, PositionFollowsTheConsumer) {
  Bench bench(with_snapshots(1));
  EXPECT_EQ(bench.sequencer.position(), FeedPosition{});
  bench.a(messages(1, 4));
  bench.a(messages(6, 8));
  EXPECT_EQ(bench.sequencer.position(), (FeedPosition{SessionName("S"), 4, true, false, false}));
  bench.wait(1 * ms);
  EXPECT_EQ(bench.sequencer.position(), (FeedPosition{SessionName("S"), 4, true, true, false}));
  bench.actions();
  bench.snapshot_complete(7);
  bench.a(end_of_session(8));
  EXPECT_EQ(bench.sequencer.position(), (FeedPosition{SessionName("S"), 8, true, false, true}));
}

TEST(Sequencer, ASilentLineIsDown) {
  Bench bench(alone());
  bench.a(messages(1, 2));
  bench.b(messages(1, 2));
  EXPECT_FALSE(bench.sequencer.is_down(Line::b));
  for (int second = 0; second < 3; ++second) {
    bench.wait(1'000 * ms);
    bench.a(heartbeat(2));
  }
  EXPECT_FALSE(bench.sequencer.is_down(Line::a));
  EXPECT_TRUE(bench.sequencer.is_down(Line::b));
  EXPECT_EQ(bench.sequencer.counters().lines[1].silences, 1);
  bench.b(heartbeat(2));
  EXPECT_FALSE(bench.sequencer.is_down(Line::b));
}

}  // namespace
}  // namespace tapeline::feed
