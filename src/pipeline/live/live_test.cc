#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/check.h"
#include "event_log/journal/journal.h"
#include "feed/itch50/encoder.h"
#include "feed/moldudp64/packet.h"
#include "os/simulated/simulated_file_system.h"
#include "pipeline/live/ingest.h"
#include "pipeline/live/log_worker.h"
#include "stream/checkpoint_writer.h"
#include "stream/memory/memory_checkpoint_store.h"
#include "stream/row_log.h"

namespace tapeline::pipeline {
namespace {

constexpr std::uint64_t message_count = 6'000;
constexpr std::uint64_t wall_ns = 1'700'000'000'000'000'000;

template <class M>
std::vector<std::byte> encoded(M message, std::uint64_t number, std::uint16_t locate) {
  message.header = {M::type_code, Locate{locate}, 0, EventTime{34'200'000'000'000 + number * 1'000}};
  std::vector<std::byte> bytes(2 + M::wire_size);
  itch50::encode_framed(message, bytes.data());
  bytes.erase(bytes.begin(), bytes.begin() + 2);
  return bytes;
}

// Orders of 40 symbols that come and go, by seed.
std::vector<std::vector<std::byte>> random_messages(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::pair<std::uint64_t, std::uint16_t>> live;
  std::vector<std::vector<std::byte>> messages;
  while (messages.size() < message_count) {
    const std::uint64_t number = messages.size() + 1;
    if (live.size() < 50 || random() % 2 == 0) {
      const auto locate = static_cast<std::uint16_t>(1 + random() % 40);
      const bool buy = random() % 2 == 0;
      const auto ticks = static_cast<std::uint32_t>(buy ? 9'900 + random() % 100 : 10'000 + random() % 100);
      messages.push_back(encoded(itch50::AddOrder{{},
                                                  OrderRef{number},
                                                  buy ? 'B' : 'S',
                                                  static_cast<Shares>(1 + random() % 500),
                                                  Symbol("SYM"),
                                                  Price{ticks}},
                                 number, locate));
      live.emplace_back(number, locate);
      continue;
    }
    std::swap(live[random() % live.size()], live.back());
    const auto [ref, locate] = live.back();
    live.pop_back();
    if (random() % 3 == 0)
      messages.push_back(
          encoded(itch50::OrderExecuted{{}, OrderRef{ref}, 1, MatchNumber{number}}, number, locate));
    else
      messages.push_back(encoded(itch50::OrderDelete{{}, OrderRef{ref}}, number, locate));
  }
  return messages;
}

// A machine with a disk, on which the pipeline starts, works, and dies.
class Machine {
 public:
  explicit Machine(std::uint64_t seed) : random_(seed), messages_(random_messages(7)), files_(seed) {
    config_.analytics = {
        .spread = true, .depth = true, .bar_ns = 100'000, .interval_ns = 300'000, .levels = 5};
    config_.books = {.expected_orders = 1 << 12, .max_blocks = 1 << 18};
    config_.checkpoint_interval_ns = 5'000'000;
  }

  void start(unsigned workers) {
    journal_ = std::make_unique<event_log::journal::Journal>(files_, "data");
    ASSERT_TRUE(journal_->create_topic(feed_topic, {.segment_bytes = 1 << 16}));
    ASSERT_TRUE(journal_->create_topic(rows_topic, {.partitions = 8, .segment_bytes = 1 << 16}));
    checkpoints_.clear();
    std::vector<stream::CheckpointWriter*> writers;
    for (unsigned i = 0; i < workers; ++i) {
      checkpoints_.push_back(std::make_unique<stream::InlineCheckpointWriter>(store_));
      writers.push_back(checkpoints_.back().get());
    }
    auto opened = WorkerSet::open(config_, *journal_, store_, groups_, writers);
    ASSERT_TRUE(opened) << opened.error().message;
    workers_ = std::move(*opened);
    for (const auto& worker : workers_) EXPECT_TRUE(power_was_lost_ || worker->warning().empty());
    auto ingest = Ingest::open({}, *journal_);
    ASSERT_TRUE(ingest) << ingest.error().message;
    ingest_ = std::move(*ingest);
  }

  void die() {
    workers_.clear();
    ingest_.reset();
    journal_.reset();
    files_.crash_process();
  }

  // With it goes what was not synced, and of that any part.
  void lose_power() {
    workers_.clear();
    ingest_.reset();
    journal_.reset();
    files_.lose_power();
    power_was_lost_ = true;
  }

  void sync_lanes() {
    for (const auto& worker : workers_) EXPECT_TRUE(worker->lane().sync());
  }

  // Leaves nothing but the topic `feed`.
  void forget_rows() {
    die();
    for (int lane = 0; lane < 8; ++lane) {
      const std::string folder = std::string("data/") + rows_topic + "/" + std::to_string(lane);
      const Result<std::vector<std::string>> names = files_.list(folder);
      ASSERT_TRUE(names) << names.error().message;
      for (const std::string& name : *names) EXPECT_TRUE(files_.remove(folder + "/" + name));
    }
    store_.replace({});
  }

  // Sends packets on both lines, one of which may lose some, from what the log has up to `end`.
  void send(std::uint64_t end) {
    std::uint64_t next =
        ingest_->sequencer().position().in_session ? ingest_->sequencer().position().next_sequence : 1;
    while (next < end) {
      moldudp64::PacketBuilder packet;
      packet.start(moldudp64::Session("S1"), next);
      const std::uint64_t first = next;
      const std::uint64_t until = std::min(end, first + 1 + random_() % 30);
      while (next < until && packet.append(messages_[next - 1])) ++next;
      CHECK(next > first);
      std::vector<std::byte> bytes(packet.bytes().begin(), packet.bytes().end());
      bytes.resize(bytes.size() + decode_padding);
      now_ns_ += 20'000;
      const bool lost = random_() % 4 == 0;
      for (const feed::Line line : {feed::Line::a, feed::Line::b})
        if (line == feed::Line::b || !lost)
          ingest_->on_datagram(line, std::span(bytes).first(bytes.size() - decode_padding),
                               CaptureTime{wall_ns + now_ns_}, now_ns_);
      const Result<void> flushed = ingest_->flush();
      ASSERT_TRUE(flushed) << flushed.error().message;
      for (const auto& worker : workers_) {
        if (random_() % 2 == 0) {
          EXPECT_TRUE(worker->turn(now_ns_));
        }
      }
    }
  }

  void drain() {
    for (const auto& worker : workers_) {
      for (;;) {
        const Result<bool> worked = worker->turn(now_ns_);
        ASSERT_TRUE(worked) << worked.error().message;
        if (!*worked) break;
      }
      EXPECT_EQ(worker->lag(), 0u);
    }
  }

  void save() {
    for (const auto& worker : workers_) {
      Result<bool> saved = false;
      for (int i = 0; i < 10'000 && !*saved; ++i) {
        saved = worker->save(now_ns_);
        ASSERT_TRUE(saved);
      }
      EXPECT_TRUE(*saved);
    }
  }

  [[nodiscard]] stream::RowDigest digest() {
    stream::RowDigest digest;
    for (std::uint32_t lane = 0; lane < 8; ++lane) {
      auto reader = journal_->open_reader(rows_topic, lane);
      EXPECT_TRUE(reader);
      for (;;) {
        const auto batch = (*reader)->next();
        EXPECT_TRUE(batch);
        if (!batch || !*batch) break;
        EXPECT_TRUE(digest.add_batch((*batch)->payload));
      }
    }
    return digest;
  }

  [[nodiscard]] std::size_t live_orders() const {
    std::size_t orders = 0;
    for (const auto& worker : workers_) orders += worker->worker().books().live_orders();
    return orders;
  }
  [[nodiscard]] const std::vector<std::unique_ptr<LogWorker>>& workers() const { return workers_; }
  [[nodiscard]] const Ingest& ingest() const { return *ingest_; }
  os::SimulatedFileSystem& files() { return files_; }
  Ingest& ingest() { return *ingest_; }
  std::mt19937_64& random() { return random_; }

 private:
  std::mt19937_64 random_;
  std::vector<std::vector<std::byte>> messages_;
  os::SimulatedFileSystem files_;
  stream::MemoryCheckpointStore store_;
  stream::KeyGroups groups_;
  MarketWorkerConfig config_;
  std::unique_ptr<event_log::journal::Journal> journal_;
  std::vector<std::unique_ptr<stream::InlineCheckpointWriter>> checkpoints_;
  std::vector<std::unique_ptr<LogWorker>> workers_;
  std::unique_ptr<Ingest> ingest_;
  std::uint64_t now_ns_ = 1'000'000;
  bool power_was_lost_ = false;  // Checkpoints may be ahead of what is left.
};

// A row carries when its packet came, so runs are compared over one and the same log: by a worker that reads
// it from the start, on a machine that has nothing but that log.
TEST(Live, WritesTheSameRowsAtAnyNumberOfWorkersAndAfterCrashes) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Machine machine(seed);
    unsigned workers = 1 + seed % 8;
    machine.start(workers);
    for (std::uint64_t end = 700; end <= message_count + 1; end += 700) {
      machine.send(std::min(end, message_count + 1));
      if (machine.random()() % 2 == 0) machine.drain();
      machine.die();
      workers = static_cast<unsigned>(1 + machine.random()() % 8);
      machine.start(workers);
    }
    machine.send(message_count + 1);
    machine.drain();
    const stream::RowDigest crashed = machine.digest();
    EXPECT_EQ(machine.ingest().sequencer().counters().lost_messages, 0u);
    EXPECT_GT(crashed.rows(), message_count / 4);
    machine.forget_rows();
    machine.start(1);
    machine.drain();
    EXPECT_EQ(machine.digest(), crashed) << "seed " << seed;
  }
}

// The disk takes rows before the input that they were made from, checkpoints before either, and the rows of
// one worker before those of another.
TEST(Live, WritesTheSameRowsAfterLossesOfPower) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Machine machine(seed);
    machine.start(1 + seed % 4);
    for (std::uint64_t end = 300; end <= 3'000; end += 300) {
      machine.send(end);
      if (machine.random()() % 2 == 0) machine.drain();
      if (machine.random()() % 2 == 0) machine.sync_lanes();
      if (machine.random()() % 4 == 0) {
        EXPECT_TRUE(machine.ingest().writer().sync());
      }
      if (machine.random()() % 3 == 0)
        machine.die();
      else
        machine.lose_power();
      machine.start(static_cast<unsigned>(1 + machine.random()() % 4));
    }
    machine.send(3'000);
    machine.drain();
    const stream::RowDigest crashed = machine.digest();
    machine.forget_rows();
    machine.start(1);
    machine.drain();
    EXPECT_EQ(machine.digest(), crashed) << "seed " << seed;
  }
}

TEST(Live, GoesOnBehindTheLogAfterACleanStop) {
  Machine machine(5);
  machine.start(2);
  machine.send(2'000);
  machine.drain();
  machine.save();
  const std::uint64_t before = machine.digest().rows();
  const std::size_t orders = machine.live_orders();
  EXPECT_GT(orders, 0u);
  machine.die();
  machine.start(3);
  for (const auto& worker : machine.workers()) EXPECT_GT(raw(worker->position()), 1'900u);
  machine.drain();
  EXPECT_EQ(machine.digest().rows(), before);
  // Nothing has come since: the books are whole all the same.
  EXPECT_EQ(machine.live_orders(), orders);
  machine.send(message_count + 1);
  machine.drain();
  EXPECT_EQ(machine.ingest().sequencer().counters().lost_messages, 0u);
  EXPECT_EQ(machine.ingest().sequencer().position().next_sequence, message_count + 1);
}

TEST(Live, KeepsWhatAFullDiskRefused) {
  Machine machine(9);
  machine.start(1);
  machine.send(500);
  machine.files().fail_write_after(0);
  const std::uint64_t next = machine.ingest().sequencer().position().next_sequence;
  moldudp64::PacketBuilder packet;
  packet.start(moldudp64::Session("S1"), next);
  ASSERT_TRUE(packet.append(random_messages(7)[next - 1]));
  std::vector<std::byte> bytes(packet.bytes().begin(), packet.bytes().end());
  bytes.resize(bytes.size() + decode_padding);
  machine.ingest().on_datagram(feed::Line::a, std::span(bytes).first(bytes.size() - decode_padding),
                               CaptureTime{wall_ns}, 2'000'000'000);
  EXPECT_FALSE(machine.ingest().flush());
  EXPECT_TRUE(machine.ingest().is_blocked());
  EXPECT_TRUE(machine.ingest().flush());
  EXPECT_FALSE(machine.ingest().is_blocked());
  machine.drain();
  EXPECT_EQ(machine.workers()[0]->lag(), 0u);
  EXPECT_EQ(machine.ingest().sequencer().position().next_sequence, next + 1);
}

}  // namespace
}  // namespace tapeline::pipeline
