#pragma once

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "event_log/journal/journal.h"
#include "feed/feed_log/feed_log.h"
#include "feed/itch50/encoder.h"
#include "os/simulated/simulated_file_system.h"
#include "pipeline/live/ingest.h"

// A feed made up for the tests of this module, in a journal on a simulated disk.
namespace tapeline::serve {

class TestFeed {
 public:
  static constexpr std::uint16_t symbols = 5;  // Locates 1 to 5 are named S1 to S5.

  explicit TestFeed(std::uint64_t seed = 1)
      : TestFeed(seed, std::make_unique<os::SimulatedFileSystem>(seed), "data") {}
  TestFeed(std::uint64_t seed, std::unique_ptr<os::FileSystem> files, const std::string& folder)
      : random_(seed), files_(std::move(files)), journal_(*files_, folder) {
    EXPECT_TRUE(journal_.create_topic(pipeline::feed_topic, {.segment_bytes = 1 << 16}));
    auto writer = journal_.open_writer(pipeline::feed_topic, 0);
    EXPECT_TRUE(writer);
    writer_ = std::move(*writer);
    encoder_.start_batch(batch_);
  }

  void start_session(const std::string& name) {
    live_.clear();
    next_ = 1;
    time_ns_ = 34'200'000'000'000;
    encoder_.on_session_started({feed::SessionName(name), 1, CaptureTime{1}});
    for (std::uint16_t locate = 1; locate <= symbols; ++locate) {
      itch50::StockDirectory directory{};
      directory.stock = Symbol("S" + std::to_string(locate));
      send(directory, locate);
      send(itch50::TradingAction{{}, directory.stock, 'T', ' ', Code4("")}, locate);
    }
  }

  // One message; returns its sequence.
  template <class M>
  std::uint64_t send(M message, std::uint16_t locate) {
    time_ns_ += 1 + random_() % 2'000'000;
    message.header = {M::type_code, Locate{locate}, 0, EventTime{time_ns_}};
    std::vector<std::byte> bytes(2 + M::wire_size + decode_padding);
    itch50::encode_framed(message, bytes.data());
    feed::MessageBlock block{std::span(bytes).first(2 + M::wire_size), next_, 1, CaptureTime{time_ns_}};
    encoder_.on_messages(block);
    return next_++;
  }

  // An order for good is not touched by send_random().
  std::uint64_t add(std::uint16_t locate, char side, Shares shares, std::uint32_t ticks,
                    bool for_good = false) {
    const std::uint64_t ref = next_ref_++;
    send(
        itch50::AddOrder{{}, OrderRef{ref}, side, shares, Symbol("S" + std::to_string(locate)), Price{ticks}},
        locate);
    if (!for_good) live_.emplace_back(ref, locate);
    return ref;
  }
  void execute(std::uint64_t ref, std::uint16_t locate, Shares shares) {
    send(itch50::OrderExecuted{{}, OrderRef{ref}, shares, MatchNumber{next_}}, locate);
  }
  void remove(std::uint64_t ref, std::uint16_t locate) {
    send(itch50::OrderDelete{{}, OrderRef{ref}}, locate);
  }

  // Orders that come, trade and go. Sides do not meet.
  void send_random(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (live_.size() < 40 || random_() % 2 == 0) {
        const auto locate = static_cast<std::uint16_t>(1 + random_() % symbols);
        const bool buy = random_() % 2 == 0;
        const auto ticks =
            static_cast<std::uint32_t>(100 * (buy ? 950 + random_() % 50 : 1'001 + random_() % 50));
        add(locate, buy ? 'B' : 'S', static_cast<Shares>(1 + random_() % 500), ticks);
        continue;
      }
      std::swap(live_[random_() % live_.size()], live_.back());
      const auto [ref, locate] = live_.back();
      if (random_() % 3 == 0) {
        execute(ref, locate, 1);
        continue;
      }
      live_.pop_back();
      remove(ref, locate);
    }
  }

  void declare_gap(std::uint64_t count) {
    encoder_.on_gap_declared({next_, next_ + count, CaptureTime{time_ns_}});
    next_ += count;
  }
  // Books begin anew with one order for each symbol, told by a snapshot.
  void recover() {
    encoder_.on_recovery_started({next_, CaptureTime{time_ns_}});
    live_.clear();
    for (std::uint16_t locate = 1; locate <= symbols; ++locate) {
      itch50::AddOrder order{
          {}, OrderRef{next_ref_}, 'B', 100u + locate, Symbol("S" + std::to_string(locate)), Price{90'000}};
      order.header = {itch50::AddOrder::type_code, Locate{locate}, 0, EventTime{34'000'000'000'000}};
      std::vector<std::byte> bytes(2 + itch50::AddOrder::wire_size + decode_padding);
      itch50::encode_framed(order, bytes.data());
      encoder_.on_snapshot_messages(
          {std::span(bytes).first(2 + itch50::AddOrder::wire_size), locate, 1, CaptureTime{time_ns_}});
      live_.emplace_back(next_ref_++, locate);
    }
    next_ += 7;
    encoder_.on_snapshot_complete({next_, CaptureTime{time_ns_}});
  }
  void end_session() { encoder_.on_end_of_session({next_, CaptureTime{time_ns_}}); }

  // Puts what has been told into the log, as one batch.
  void flush() {
    if (encoder_.record_count() == 0) return;
    event_log::NewBatch header;
    header.record_count = static_cast<std::uint32_t>(encoder_.record_count());
    header.first_time_ns = header.last_time_ns = time_ns_;
    EXPECT_TRUE(writer_->append(header, batch_));
    batch_.clear();
    encoder_.start_batch(batch_);
  }

  [[nodiscard]] event_log::EventLog& log() { return journal_; }
  [[nodiscard]] std::mt19937_64& random() { return random_; }
  [[nodiscard]] std::uint64_t next_sequence() const { return next_; }
  [[nodiscard]] EventTime time() const { return EventTime{time_ns_}; }

 private:
  std::mt19937_64 random_;
  std::unique_ptr<os::FileSystem> files_;
  event_log::journal::Journal journal_;
  std::unique_ptr<event_log::Writer> writer_;
  feed::FeedLogEncoder encoder_;
  std::vector<std::byte> batch_;
  std::vector<std::pair<std::uint64_t, std::uint16_t>> live_;
  std::uint64_t next_ = 1;
  std::uint64_t next_ref_ = 1;
  std::uint64_t time_ns_ = 0;
};

// Takes everything in that the log has beyond what the view has seen.
template <class View, class Note>
void follow(event_log::Reader& reader, View& view, Note&& note) {
  for (;;) {
    const auto batch = reader.next();
    ASSERT_TRUE(batch) << batch.error().message;
    if (!*batch) return;
    const Result<void> done = view.take(**batch);
    ASSERT_TRUE(done) << done.error().message;
    note();
  }
}

}  // namespace tapeline::serve
