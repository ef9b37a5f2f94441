#include "exchange/publisher.h"

#include <map>

#include "base/bytes.h"

namespace tapeline::exchange {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t millisecond_ns = 1'000'000;

using Bytes = std::vector<std::byte>;

// Framed messages of 12 bytes, a system event's size, with their number in the last byte and times 1 ms
// apart.
class NumberedSource final : public feed::MessageSource {
 public:
  NumberedSource(std::uint64_t count, std::uint64_t per_block = 7) : left_(count), per_block_(per_block) {}

  Result<std::optional<feed::MessageBlock>> next() override {
    if (left_ == 0) return std::nullopt;
    const std::uint64_t count = std::min(left_, per_block_);
    bytes_.assign(count * frame_bytes, std::byte{});
    for (std::uint64_t i = 0; i < count; ++i) {
      std::byte* frame = bytes_.data() + i * frame_bytes;
      store_be(frame, std::uint16_t{frame_bytes - 2});
      frame[2] = std::byte{'S'};
      store_be48(frame + 7, 3 * second_ns + number_ * millisecond_ns);
      frame[13] = static_cast<std::byte>(number_++);
    }
    left_ -= count;
    return feed::MessageBlock{bytes_, number_ - count + 1, static_cast<std::uint32_t>(count), CaptureTime{0}};
  }
  [[nodiscard]] feed::SessionName session() const override { return feed::SessionName(""); }
  [[nodiscard]] feed::SourceProgress progress() const override { return {}; }
  [[nodiscard]] const feed::SourceCounters& counters() const override { return counters_; }
  [[nodiscard]] std::span<const feed::SequenceGap> gaps() const override { return {}; }

  static constexpr std::size_t frame_bytes = 14;

 private:
  std::uint64_t left_;
  std::uint64_t per_block_;
  std::uint64_t number_ = 0;
  Bytes bytes_;
  feed::SourceCounters counters_;
};

struct Sent {
  std::uint64_t at_ns;
  Feed feed;
  Bytes bytes;
  [[nodiscard]] moldudp64::Packet packet() const { return moldudp64::parse_packet(bytes); }
};

// Drives a publisher under a clock that jumps from deadline to deadline.
class TestRun {
 public:
  explicit TestRun(const PublisherConfig& config, std::uint64_t messages = 1000)
      : publisher(config, [messages](std::uint64_t) { return std::make_unique<NumberedSource>(messages); }) {}

  // Advances until the time, or to the end.
  void until(std::uint64_t end_ns) {
    while (!publisher.is_over() && now_ns <= end_ns) {
      batch.clear();
      const Result<void> advanced = publisher.advance({now_ns, realtime_ns + now_ns}, batch);
      ASSERT_TRUE(advanced.has_value());
      for (const DatagramBatch::Entry& entry : batch.entries())
        sent.push_back({now_ns, entry.feed, {entry.payload.begin(), entry.payload.end()}});
      ++steps;
      now_ns = std::max(publisher.next_deadline_ns(), now_ns + 1);
    }
  }
  void to_the_end() { until(~std::uint64_t{0} - 1); }

  [[nodiscard]] std::vector<Sent> of(Feed feed) const {
    std::vector<Sent> result;
    for (const Sent& one : sent)
      if (one.feed == feed) result.push_back(one);
    return result;
  }
  [[nodiscard]] std::vector<Sent> packets_of_messages(Feed feed) const {
    std::vector<Sent> result = of(feed);
    std::erase_if(result,
                  [](const Sent& one) { return one.packet().kind != moldudp64::PacketKind::messages; });
    return result;
  }
  [[nodiscard]] std::uint64_t messages_by(std::uint64_t time_ns) const {
    std::uint64_t count = 0;
    for (const Sent& one : packets_of_messages(Feed::a))
      if (one.at_ns <= time_ns) count += one.packet().header.count;
    return count;
  }

  std::uint64_t now_ns = 5 * second_ns;
  std::uint64_t realtime_ns = 20'000 * nanoseconds_per_day;  // At now_ns 0.
  DatagramBatch batch;
  Publisher publisher;
  std::vector<Sent> sent;
  std::size_t steps = 0;
};

PublisherConfig at_rate(double messages_per_second) {
  PublisherConfig config;
  config.session = feed::SessionName("TEST000001");
  config.pacing.messages_per_second = messages_per_second;
  return config;
}

TEST(Publisher, BothFeedsCarryEveryMessageOnceAndInOrder) {
  TestRun run(at_rate(100'000));
  run.to_the_end();
  for (const Feed feed : {Feed::a, Feed::b}) {
    std::uint64_t next = 1;
    for (const Sent& one : run.packets_of_messages(feed)) {
      const moldudp64::Packet packet = one.packet();
      ASSERT_EQ(packet.defect, moldudp64::Defect::none);
      EXPECT_EQ(packet.header.session.view(), "TEST000001");
      ASSERT_EQ(packet.header.sequence, next);
      for (std::size_t i = 0; i < packet.header.count; ++i)
        ASSERT_EQ(std::to_integer<int>(packet.blocks[i * NumberedSource::frame_bytes + 13]),
                  static_cast<int>((next - 1 + i) % 256));
      next += packet.header.count;
    }
    EXPECT_EQ(next, 1001);
  }
  EXPECT_EQ(run.publisher.counters().messages, 1000);
  EXPECT_EQ(run.publisher.counters().bytes, 12'000);
}

TEST(Publisher, RateHoldsWithoutDrift) {
  PublisherConfig config = at_rate(1'000'000.0 / 3);
  TestRun run(config, 2'000'000);
  const std::uint64_t start = run.now_ns;
  run.until(start + 3 * second_ns);
  EXPECT_NEAR(static_cast<double>(run.messages_by(start + 1 * second_ns)), 333'333, 100);
  EXPECT_NEAR(static_cast<double>(run.messages_by(start + 3 * second_ns)), 1'000'000, 100);
  // Not a step for each message.
  EXPECT_LT(run.steps, 3 * 10'001 * 2);
  EXPECT_EQ(run.publisher.counters().postponed_ns, 0);
}

TEST(Publisher, BurstsComeOnTopOfTheRate) {
  PublisherConfig config = at_rate(10'000);
  config.pacing.burst_factor = 20;
  config.pacing.burst_length_ns = second_ns / 10;
  TestRun run(config, 1'000'000);
  const std::uint64_t start = run.now_ns;
  run.until(start + 3 * second_ns);
  EXPECT_NEAR(static_cast<double>(run.messages_by(start + second_ns / 10)), 20'000, 200);
  EXPECT_NEAR(static_cast<double>(run.messages_by(start + second_ns)), 29'000, 200);
  EXPECT_NEAR(static_cast<double>(run.messages_by(start + second_ns + second_ns / 10)), 49'000, 200);
  EXPECT_NEAR(static_cast<double>(run.messages_by(start + 2 * second_ns)), 58'000, 200);
}

TEST(Publisher, EventTimesSetThePace) {
  PublisherConfig config;
  config.pacing = {.mode = PacingMode::event_time, .speed = 2};
  TestRun run(config, 1000);  // A second of event time.
  const std::uint64_t start = run.now_ns;
  run.to_the_end();
  EXPECT_NEAR(static_cast<double>(run.messages_by(start + second_ns / 4)), 500, 3);
  EXPECT_EQ(run.messages_by(start + second_ns / 2 + millisecond_ns), 1000);
}

TEST(Publisher, PacketsAreFilledButNoMessageWaitsLong) {
  PublisherConfig fast = at_rate(10'000'000);
  fast.datagram_bytes = 20 + 10 * NumberedSource::frame_bytes;
  TestRun filled(fast);
  filled.to_the_end();
  EXPECT_EQ(filled.packets_of_messages(Feed::a).size(), 100);

  PublisherConfig slow = at_rate(1000);
  slow.flush_ns = 5 * millisecond_ns;
  TestRun flushed(slow, 100);
  const std::uint64_t start = flushed.now_ns;
  flushed.to_the_end();
  std::uint64_t number = 0;
  for (const Sent& one : flushed.packets_of_messages(Feed::b)) {
    // The first of a packet was due a millisecond per message after the start.
    EXPECT_LE(one.at_ns, start + number * millisecond_ns + slow.flush_ns * 3 / 2 + 1);
    number += one.packet().header.count;
  }
  EXPECT_EQ(number, 100);
}

TEST(Publisher, SilenceIsFilledWithHeartbeatsAndTheEndIsRepeated) {
  PublisherConfig config = at_rate(0.2);
  config.heartbeat_ns = second_ns;
  config.linger_ns = second_ns;
  TestRun run(config, 2);
  const std::uint64_t start = run.now_ns;
  run.to_the_end();
  std::map<moldudp64::PacketKind, int> kinds;
  for (const Sent& one : run.of(Feed::a)) {
    const moldudp64::Packet packet = one.packet();
    ++kinds[packet.kind];
    const std::uint64_t out = run.messages_by(one.at_ns);
    if (packet.kind != moldudp64::PacketKind::messages) {
      EXPECT_EQ(packet.header.sequence, out + 1);
    }
  }
  EXPECT_EQ(kinds[moldudp64::PacketKind::messages], 2);
  EXPECT_GE(kinds[moldudp64::PacketKind::heartbeat], 4);
  EXPECT_LE(kinds[moldudp64::PacketKind::heartbeat], 6);
  EXPECT_EQ(kinds[moldudp64::PacketKind::end_of_session], 5);
  EXPECT_EQ(run.sent.front().packet().kind, moldudp64::PacketKind::heartbeat);
  EXPECT_EQ(run.sent.back().packet().kind, moldudp64::PacketKind::end_of_session);
  EXPECT_LT(run.now_ns, start + 7 * second_ns);
}

TEST(Publisher, StopsAtTheCountTheTimeOrWhenTold) {
  PublisherConfig counted = at_rate(1000);
  counted.max_messages = 10;
  TestRun first(counted);
  first.to_the_end();
  EXPECT_EQ(first.publisher.counters().messages, 10);

  PublisherConfig timed = at_rate(1000);
  timed.duration_ns = second_ns / 2;
  TestRun second(timed);
  second.to_the_end();
  EXPECT_NEAR(static_cast<double>(second.publisher.counters().messages), 500, 2);

  PublisherConfig lingering = at_rate(1000);
  lingering.linger_ns = 100 * second_ns;
  TestRun third(lingering);
  third.until(third.now_ns + second_ns / 10);
  third.publisher.finish();
  third.to_the_end();
  EXPECT_NEAR(static_cast<double>(third.publisher.counters().messages), 100, 2);
  EXPECT_EQ(third.sent.back().packet().header.sequence, third.publisher.counters().messages + 1);
  EXPECT_LT(third.now_ns, 6 * second_ns);  // It began at 5.
}

TEST(Publisher, StoppedAgainWhileTheEndLingersItIsOverAtOnce) {
  PublisherConfig config = at_rate(1000);
  config.linger_ns = 100 * second_ns;
  TestRun run(config, 10);
  run.until(run.now_ns + second_ns);
  EXPECT_EQ(run.sent.back().packet().kind, moldudp64::PacketKind::end_of_session);
  EXPECT_FALSE(run.publisher.is_over());
  run.publisher.finish();
  EXPECT_TRUE(run.publisher.is_over());
}

TEST(Publisher, RestampedTimesAreTheTimeOfDay) {
  PublisherConfig config = at_rate(1000);
  config.restamp = true;
  TestRun run(config, 100);
  run.until(run.now_ns + second_ns / 20);
  run.realtime_ns -= second_ns;  // The clock is set back.
  run.to_the_end();
  std::uint64_t last = 0;
  for (const Sent& one : run.packets_of_messages(Feed::a)) {
    const moldudp64::Packet packet = one.packet();
    for (std::size_t i = 0; i < packet.header.count; ++i) {
      const std::uint64_t stamp = load_be48(packet.blocks.data() + i * NumberedSource::frame_bytes + 7);
      EXPECT_GE(stamp, last);
      EXPECT_LE(stamp, one.at_ns);  // The run began at midnight.
      EXPECT_GE(stamp + second_ns + config.flush_ns * 2, one.at_ns);
      last = stamp;
    }
  }
  EXPECT_GT(last, 5 * second_ns);
}

TEST(Publisher, BacklogOfALongSleepIsNotMadeUpFor) {
  PublisherConfig config = at_rate(1000);
  config.max_behind_ns = second_ns / 4;
  TestRun run(config, 100'000);
  const std::uint64_t start = run.now_ns;
  run.until(start + second_ns);
  run.now_ns += second_ns / 5;  // Late, but not too late.
  run.until(start + 2 * second_ns);
  EXPECT_NEAR(static_cast<double>(run.publisher.counters().messages), 2000, 3);
  run.now_ns += 10 * second_ns;
  run.until(start + 13 * second_ns);
  EXPECT_NEAR(static_cast<double>(run.publisher.counters().messages), 3000, 3);
  EXPECT_NEAR(static_cast<double>(run.publisher.counters().postponed_ns), 10.0 * second_ns, 1e7);
}

TEST(Publisher, MessagesThatFitNoPacketAreLeftOut) {
  PublisherConfig config = at_rate(1000);
  config.datagram_bytes = 20 + NumberedSource::frame_bytes - 1;
  TestRun run(config, 3);
  run.to_the_end();
  EXPECT_EQ(run.publisher.counters().too_long, 3);
  EXPECT_EQ(run.publisher.counters().messages, 0);
}

TEST(Publisher, FailureOfTheSourceIsTold) {
  Publisher publisher(at_rate(1), [](std::uint64_t) -> Result<std::unique_ptr<feed::MessageSource>> {
    return fail(ErrorCode::not_found, "no such file");
  });
  DatagramBatch batch;
  EXPECT_EQ(publisher.advance({1, 1}, batch).error().code, ErrorCode::not_found);
}

TEST(Publisher, SessionChangeStartsAnewUnderAnotherName) {
  PublisherConfig config = at_rate(1000);
  config.faults.session_change_ns = second_ns;
  config.duration_ns = 2 * second_ns;
  config.linger_ns = second_ns / 10;
  TestRun run(config, 10'000);
  run.to_the_end();
  EXPECT_EQ(run.publisher.counters().sessions, 2);
  std::vector<std::string> sessions;
  for (const Sent& one : run.packets_of_messages(Feed::a)) {
    const moldudp64::Header header = one.packet().header;
    if (sessions.empty() || sessions.back() != header.session.view()) {
      EXPECT_EQ(header.sequence, 1);
      sessions.emplace_back(header.session.view());
    }
  }
  EXPECT_THAT(sessions, testing::ElementsAre("TEST000001", "TEST000002"));
}

Bytes request(std::string_view session, std::uint64_t sequence, std::uint16_t count) {
  Bytes bytes(moldudp64::header_size);
  moldudp64::encode_request({feed::SessionName(session), sequence, count},
                            std::span(bytes).first<moldudp64::header_size>());
  return bytes;
}

TEST(Publisher, AnswersHoldWhatWasPublished) {
  PublisherConfig config = at_rate(1'000'000);
  config.datagram_bytes = 20 + 10 * NumberedSource::frame_bytes;
  config.restamp = true;
  TestRun run(config, 100'000);
  run.to_the_end();
  std::map<std::uint64_t, Bytes> published;
  for (const Sent& one : run.packets_of_messages(Feed::a)) {
    const moldudp64::Packet packet = one.packet();
    for (std::uint64_t i = 0; i < packet.header.count; ++i) {
      const auto frame = packet.blocks.subspan(i * NumberedSource::frame_bytes, NumberedSource::frame_bytes);
      published[packet.header.sequence + i] = {frame.begin(), frame.end()};
    }
  }
  // The kept messages fill two segments and a little.
  ASSERT_GT(100'000 * NumberedSource::frame_bytes, PublishedMessages::segment_bytes);
  for (const std::uint64_t first : {1ul, 2ul, 31ul, 32ul, 33ul, 74'890ul, 74'898ul, 74'899ul, 99'995ul}) {
    const auto reply = run.publisher.answer(request("TEST000001", first, 25), run.now_ns);
    ASSERT_TRUE(reply.has_value());
    const moldudp64::Packet packet = moldudp64::parse_packet(*reply);
    EXPECT_EQ(packet.defect, moldudp64::Defect::none);
    EXPECT_EQ(packet.header.sequence, first);
    EXPECT_GE(packet.header.count, 1);
    EXPECT_LE(packet.header.count, 10);
    for (std::uint64_t i = 0; i < packet.header.count; ++i)
      EXPECT_TRUE(std::ranges::equal(
          packet.blocks.subspan(i * NumberedSource::frame_bytes, NumberedSource::frame_bytes),
          published[first + i]));
  }
  EXPECT_EQ(moldudp64::parse_packet(*run.publisher.answer(request("TEST000001", 99'995, 0xffff), run.now_ns))
                .header.count,
            6);
  EXPECT_EQ(
      moldudp64::parse_packet(*run.publisher.answer(request("TEST000001", 7, 2), run.now_ns)).header.count,
      2);
}

TEST(Publisher, HostileRequestsGetNoAnswer) {
  TestRun run(at_rate(1000), 100);
  run.to_the_end();
  const auto silent = [&](const Bytes& bytes) { return !run.publisher.answer(bytes, run.now_ns); };
  EXPECT_TRUE(silent({}));
  EXPECT_TRUE(silent(Bytes(19)));
  EXPECT_TRUE(silent(Bytes(1400)));
  EXPECT_TRUE(silent(request("OTHER", 1, 1)));
  EXPECT_TRUE(silent(request("TEST000001", 1, 0)));
  EXPECT_EQ(run.publisher.counters().requests_malformed, 5);
  EXPECT_TRUE(silent(request("TEST000001", 0, 1)));
  EXPECT_TRUE(silent(request("TEST000001", 101, 1)));
  EXPECT_TRUE(silent(request("TEST000001", ~std::uint64_t{0}, 0xffff)));
  EXPECT_EQ(run.publisher.counters().requests_empty, 3);
  EXPECT_FALSE(silent(request("TEST000001", 100, 0xffff)));
  EXPECT_EQ(run.publisher.counters().requests, 9);
  EXPECT_EQ(run.publisher.counters().requests_served, 1);
}

TEST(Publisher, WhatWaitsForItsPacketIsNotAnsweredYet) {
  PublisherConfig config = at_rate(1000);
  config.flush_ns = second_ns;
  TestRun run(config, 100);
  run.until(run.now_ns + second_ns / 10);
  EXPECT_GT(run.publisher.counters().messages, 0);
  EXPECT_FALSE(run.publisher.answer(request("TEST000001", 1, 1), run.now_ns));
}

TEST(Publisher, RepliesAreBoundedPerSecond) {
  PublisherConfig config = at_rate(1000);
  config.replies_per_second = 100;
  TestRun run(config, 100);
  run.to_the_end();
  const auto ask = [&](std::uint64_t at_ns, int times) {
    int answers = 0;
    for (int i = 0; i < times; ++i)
      answers += run.publisher.answer(request("TEST000001", 1, 1), at_ns).has_value();
    return answers;
  };
  EXPECT_EQ(ask(run.now_ns, 1000), 10);
  EXPECT_EQ(ask(run.now_ns + second_ns / 20, 1000), 5);
  EXPECT_EQ(ask(run.now_ns + 100 * second_ns, 1000), 10);
  EXPECT_EQ(run.publisher.counters().requests_throttled, 3000 - 25);
}

TEST(PublishedMessages, ForgetsTheOldestWhenFull) {
  PublishedMessages messages(2 * PublishedMessages::segment_bytes);
  Bytes frame(1002);
  store_be(frame.data(), std::uint16_t{1000});
  constexpr std::uint64_t per_segment = PublishedMessages::segment_bytes / 1002;
  for (std::uint64_t i = 1; i <= 5 * per_segment; ++i) {
    store_be(frame.data() + 2, i);
    messages.append(frame);
  }
  EXPECT_EQ(messages.first_kept(), 3 * per_segment + 1);
  EXPECT_EQ(messages.find(messages.first_kept() - 1, 1, 2000).count, 0);
  for (std::uint64_t number = messages.first_kept(); number < messages.next_sequence(); number += 97) {
    const PublishedMessages::Run run = messages.find(number, 1, 2000);
    ASSERT_EQ(run.count, 1);
    EXPECT_EQ(load_be<std::uint64_t>(run.frames.data() + 2), number);
  }
  EXPECT_EQ(messages.find(messages.first_kept(), 100, 3100).count, 3);
  messages.clear();
  EXPECT_EQ(messages.find(1, 1, 2000).count, 0);
  EXPECT_EQ(messages.next_sequence(), 1);
}

}  // namespace
}  // namespace tapeline::exchange
