#include "exchange/faults.h"

#include "feed/moldudp64/packet.h"

namespace tapeline::exchange {
namespace {

using Bytes = std::vector<std::byte>;

Bytes packet_of(std::uint64_t sequence) {
  moldudp64::PacketBuilder builder;
  builder.start(moldudp64::Session("SESSION"), sequence);
  const Bytes message(12, std::byte{'x'});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(builder.append(message));
  return {builder.bytes().begin(), builder.bytes().end()};
}

struct Outcome {
  std::vector<Bytes> datagrams;
  FaultCounters counters;
};

// Sends packets numbered from 1, a microsecond apart, and then lets time pass.
Outcome run(const Faults& faults, Feed feed, std::uint64_t seed, std::uint64_t packets) {
  FaultInjector injector(faults, feed, seed);
  DatagramBatch batch;
  Outcome outcome;
  const auto collect = [&] {
    for (const DatagramBatch::Entry& entry : batch.entries()) {
      EXPECT_EQ(entry.feed, feed);
      outcome.datagrams.emplace_back(entry.payload.begin(), entry.payload.end());
    }
    batch.clear();
  };
  for (std::uint64_t i = 1; i <= packets; ++i) {
    injector.release(i * 1000, batch);
    injector.pass(batch.store(packet_of(i)), i * 1000, i * 1000, batch);
    collect();
  }
  while (injector.next_release_ns()) {
    injector.release(*injector.next_release_ns(), batch);
    collect();
  }
  outcome.counters = injector.counters();
  return outcome;
}

std::uint64_t number_of(const Bytes& datagram) {
  return moldudp64::parse_packet(datagram).header.sequence;
}

TEST(Faults, NoneLeaveEveryPacketAsItIs) {
  const Outcome outcome = run({}, Feed::a, 1, 100);
  ASSERT_EQ(outcome.datagrams.size(), 100);
  for (std::uint64_t i = 1; i <= 100; ++i) EXPECT_EQ(outcome.datagrams[i - 1], packet_of(i));
  EXPECT_EQ(outcome.counters, FaultCounters{});
}

TEST(Faults, TheSameSeedGivesTheSameFaultsAndFeedsDiffer) {
  const Faults faults = {.loss = 0.1, .duplicate = 0.1, .reorder = 0.1, .delay = 0.1, .corrupt = 0.1};
  const Outcome a = run(faults, Feed::a, 42, 2000);
  EXPECT_EQ(a.datagrams, run(faults, Feed::a, 42, 2000).datagrams);
  EXPECT_NE(a.datagrams, run(faults, Feed::b, 42, 2000).datagrams);
  EXPECT_NE(a.datagrams, run(faults, Feed::a, 43, 2000).datagrams);
}

TEST(Faults, ComeAsOftenAsAskedFor) {
  const Faults faults = {.loss = 0.02, .duplicate = 0.05, .reorder = 0.03, .delay = 0.04, .corrupt = 0.01};
  const std::uint64_t packets = 20'000;
  const Outcome outcome = run(faults, Feed::b, 7, packets);
  // Within four standard deviations, and what is lost is not damaged as well.
  const auto near = [&](std::uint64_t count, double probability) {
    const double expected = probability * static_cast<double>(packets);
    EXPECT_NEAR(static_cast<double>(count), expected, 4 * std::sqrt(expected) + 0.15 * expected);
  };
  near(outcome.counters.lost, 0.02);
  near(outcome.counters.duplicated, 0.05);
  near(outcome.counters.reordered, 0.03);
  near(outcome.counters.delayed, 0.04);
  near(outcome.counters.corrupted, 0.01);
  EXPECT_EQ(outcome.datagrams.size(), packets - outcome.counters.lost + outcome.counters.duplicated);
}

TEST(Faults, ReorderedPacketsFollowTheNextOne) {
  const Outcome outcome = run({.reorder = 0.2}, Feed::a, 3, 1000);
  ASSERT_EQ(outcome.datagrams.size(), 1000);
  std::uint64_t swapped = 0;
  for (std::size_t i = 0; i + 1 < outcome.datagrams.size(); ++i)
    swapped += number_of(outcome.datagrams[i]) > number_of(outcome.datagrams[i + 1]);
  EXPECT_GT(swapped, 100);
  EXPECT_GE(outcome.counters.reordered, swapped);
}

TEST(Faults, DelayedPacketsComeWhenTheyAreDue) {
  const Faults faults = {.delay = 1, .delay_ns = 50'000};
  FaultInjector injector(faults, Feed::a, 1);
  DatagramBatch batch;
  injector.pass(batch.store(packet_of(1)), 1000, 0, batch);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(injector.next_release_ns(), 51'000);
  injector.release(50'999, batch);
  EXPECT_TRUE(batch.empty());
  injector.release(51'000, batch);
  EXPECT_EQ(batch.entries().size(), 1);
  EXPECT_EQ(injector.next_release_ns(), std::nullopt);
}

TEST(Faults, DamageCanBeTold) {
  const Outcome outcome = run({.corrupt = 1}, Feed::a, 5, 2000);
  ASSERT_EQ(outcome.datagrams.size(), 2000);
  std::size_t cut_off = 0;
  std::size_t strange = 0;
  for (const Bytes& datagram : outcome.datagrams) {
    const moldudp64::Packet packet = moldudp64::parse_packet(datagram);
    const bool foreign =
        datagram.size() >= moldudp64::header_size && packet.header.session != moldudp64::Session("SESSION");
    cut_off += datagram.size() < packet_of(1).size();
    strange += foreign;
    EXPECT_TRUE(foreign || packet.defect != moldudp64::Defect::none);
  }
  EXPECT_GT(cut_off, 300);
  EXPECT_GT(strange, 300);
}

TEST(Faults, OutageSilencesOneFeedForItsTime) {
  const Faults faults = *parse_faults("one-feed-down=A@0.0001-0.0002");
  const Outcome a = run(faults, Feed::a, 1, 1000);
  EXPECT_EQ(a.counters.suppressed, 100);
  EXPECT_EQ(a.datagrams.size(), 900);
  EXPECT_EQ(run(faults, Feed::b, 1, 1000).datagrams.size(), 1000);
}

TEST(Faults, AreReadFromText) {
  const Result<Faults> faults = parse_faults(
      "loss=0.01,duplicate=0.02,reorder=0.03,delay=0.04,delay-ms=7,corrupt=0.001,one-feed-down,session-"
      "change=2.5");
  ASSERT_TRUE(faults);
  EXPECT_EQ(faults->loss, 0.01);
  EXPECT_EQ(faults->duplicate, 0.02);
  EXPECT_EQ(faults->reorder, 0.03);
  EXPECT_EQ(faults->delay, 0.04);
  EXPECT_EQ(faults->delay_ns, 7'000'000);
  EXPECT_EQ(faults->corrupt, 0.001);
  EXPECT_EQ(faults->outage->feed, Feed::b);
  EXPECT_EQ(faults->session_change_ns, 2'500'000'000);
  EXPECT_FALSE(parse_faults("")->outage);
  EXPECT_EQ(parse_faults("loss=0.2,reorder")->reorder, 0.01);
  for (const char* wrong : {"loss=", "loss=2", "loss=-1", "loss=x", "lost=0.1", "one-feed-down=C",
                            "one-feed-down=A@3", "one-feed-down=A@3-2", "session-change=0", "loss=nan"})
    EXPECT_FALSE(parse_faults(wrong)) << wrong;
}

}  // namespace
}  // namespace tapeline::exchange
