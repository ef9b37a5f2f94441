#include "pipeline/market_worker.h"

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "book/event_makers.h"
#include "book/random_flow.h"
#include "feed/itch50/encoder.h"
#include "stream/checkpoint_writer.h"
#include "stream/memory/memory_checkpoint_store.h"
#include "stream/row_log.h"
#include "surveillance/testing/wary.h"

namespace tapeline::pipeline {
namespace {

using stream::Position;

// Books that are saved through what anyone may see of them, and loaded by events that make the same.
class SavedBooks : public book::OrderBooks {
 public:
  using OrderBooks::OrderBooks;
  void save_book(Locate locate, stream::StateWriter& writer) const {
    writer.put(symbol(locate));
    writer.put(state(locate).trading);
    writer.put(quality(locate));
    for (const Side side : {Side::bid, Side::ask}) {
      std::vector<book::LevelView> views(level_count(locate, side));
      levels(locate, side, views);
      writer.put(static_cast<std::uint32_t>(views.size()));
      for (const book::LevelView& level : views) {
        writer.put(level.orders);
        for (const book::OrderView& order : queue(locate, side, level.price)) writer.put(order);
      }
    }
  }
  bool load_book(Locate locate, stream::StateReader& reader) {
    book::NullBookHandler quiet;
    const auto take = [&](const Event& event) { apply(std::span(&event, 1), quiet); };
    const auto name = reader.get<Symbol>();
    const auto trading = reader.get<book::TradingState>();
    const auto saved_quality = reader.get<Quality>();
    if (!name.view().empty()) take(book::make_directory(locate, name.view()));
    if (trading != book::TradingState::unknown)
      take(book::make_trading_action(locate, static_cast<char>(trading), name.view()));
    for (int side = 0; side < 2; ++side) {
      const auto level_total = reader.get<std::uint32_t>();
      for (std::uint32_t i = 0; i < level_total && reader.ok(); ++i)
        for (auto left = reader.get<std::uint32_t>(); left > 0 && reader.ok(); --left) {
          const auto order = reader.get<book::OrderView>();
          Event event = book::make_add(locate, raw(order.ref), order.side == Side::bid ? 'B' : 'S',
                                       order.shares, order.price.ticks, name.view());
          event.time = order.entered;
          if (!order.attribution.view().empty()) event.attribution = order.attribution;
          take(event);
        }
    }
    unmark(locate, quality(locate));
    mark(locate, saved_quality);
    return reader.ok();
  }
};
using Worker = MarketWorker<SavedBooks>;

// The feed's log as one item for each offset.
struct Item {
  enum class Kind : std::uint8_t {
    message,
    session,
    gap,
    recovery,
    snapshot_message,
    snapshot_complete,
    end_of_session
  } kind;
  std::uint64_t sequence;  // The next one in session, gap and end_of_session, and behind a snapshot.
  std::vector<std::byte> frame = {};
  std::string session = {};
};

template <class M>
std::vector<std::byte> framed(M message, const Event& event) {
  message.header = {M::type_code, event.locate, 0, event.time};
  std::vector<std::byte> bytes(2 + M::wire_size);
  itch50::encode_framed(message, bytes.data());
  return bytes;
}

// The message that the decoder turns into this event.
std::vector<std::byte> encode(const Event& event) {
  const OrderBody& order = event.order;
  switch (event.kind) {
    case EventKind::add: {
      if (!event.attribution.view().empty() && event.attribution.bytes[0] != 0)
        return framed(
            itch50::AddOrderAttributed{
                {}, order.ref, event.code, order.shares, order.symbol, order.price, event.attribution},
            event);
      return framed(itch50::AddOrder{{}, order.ref, event.code, order.shares, order.symbol, order.price},
                    event);
    }
    case EventKind::execute:
      return framed(itch50::OrderExecuted{{}, order.ref, order.shares, event.match()}, event);
    case EventKind::execute_with_price:
      return framed(
          itch50::OrderExecutedWithPrice{{}, order.ref, order.shares, event.match(), event.code, order.price},
          event);
    case EventKind::cancel: return framed(itch50::OrderCancel{{}, order.ref, order.shares}, event);
    case EventKind::remove: return framed(itch50::OrderDelete{{}, order.ref}, event);
    case EventKind::replace:
      return framed(itch50::OrderReplace{{}, order.ref, event.new_ref(), order.shares, order.price}, event);
    case EventKind::trade:
      return framed(
          itch50::Trade{{}, order.ref, event.code, order.shares, order.symbol, order.price, event.match()},
          event);
    case EventKind::broken_trade: return framed(itch50::BrokenTrade{{}, event.match()}, event);
    case EventKind::directory: {
      itch50::StockDirectory message{};
      message.stock = event.status.symbol;
      return framed(message, event);
    }
    case EventKind::trading_action: {
      itch50::TradingAction message{};
      message.stock = event.status.symbol;
      message.trading_state = event.code;
      return framed(message, event);
    }
    case EventKind::malformed: {
      std::vector<std::byte> bytes = framed(itch50::OrderDelete{{}, OrderRef{1}}, event);
      store_be(bytes.data(), static_cast<std::uint16_t>(bytes.size() - 3));
      bytes.pop_back();
      return bytes;
    }
    default: {
      itch50::SystemEvent message{};
      message.event_code = 'Q';
      return framed(message, event);
    }
  }
}

std::vector<Item> random_feed(std::uint64_t seed, std::size_t messages) {
  std::mt19937_64 random(seed);
  std::vector<Item> feed;
  std::uint64_t next = 1;
  const book::FlowProfile profile{.name = "mixed",
                                  .locates = 150,
                                  .live_orders = 500,
                                  .bad_percent = 2,
                                  .status_permille = 2,
                                  .may_cross = true};
  auto flow = std::make_unique<book::RandomFlow>(profile, seed);
  feed.push_back({Item::Kind::session, 1, {}, "S1"});
  std::uint64_t quiet_ns = 0;
  while (feed.size() < messages) {
    Event event = flow->next();
    if (random() % 200 == 0) quiet_ns += random() % 500'000;
    event.time = EventTime{raw(event.time) + quiet_ns};
    feed.push_back({Item::Kind::message, next++, encode(event)});
    if (random() % 700 == 0) {
      next += random() % 10;
      feed.push_back({Item::Kind::gap, next});
    }
    if (random() % 900 == 0) {
      feed.push_back({Item::Kind::recovery, next});
      for (std::uint64_t i = 1; i <= 1 + random() % 60; ++i) {
        Event order =
            book::make_add(Locate{static_cast<std::uint16_t>(1 + random() % 150)}, (1ull << 40) + i,
                           random() % 2 ? 'B' : 'S', 100, static_cast<std::uint32_t>(random() % 2'000'000));
        order.time = EventTime{1'000'000 + i};
        feed.push_back({Item::Kind::snapshot_message, i, encode(order)});
      }
      next += random() % 10;
      feed.push_back({Item::Kind::snapshot_complete, next});
    }
    if (feed.size() == messages * 2 / 3) {
      feed.push_back({Item::Kind::end_of_session, next});
      feed.push_back({Item::Kind::session, 1, {}, "S2"});
      flow = std::make_unique<book::RandomFlow>(profile, seed + 1);
      next = 1;
    }
  }
  return feed;
}

// Keeps its batches, and fails now and then.
class MemoryLane final : public stream::RowLane {
 public:
  MemoryLane(std::uint32_t number, std::mt19937_64& random) : number_(number), random_(random) {}
  Result<void> append(std::span<const std::byte> batch, std::uint32_t records, CaptureTime,
                      CaptureTime) override {
    // Never at the end of a session, which would end the worker.
    if (may_fail && random_() % 50 == 0) return fail(ErrorCode::io, "the disk is full: make room on it");
    batches.emplace_back(batch.begin(), batch.end());
    const Result<stream::RowBatchCursor> cursor = stream::RowBatchCursor::open(batch);
    EXPECT_TRUE(cursor);
    EXPECT_EQ(cursor->header().record_count(), records);
    end_ += records;
    return {};
  }
  [[nodiscard]] std::uint32_t number() const override { return number_; }
  [[nodiscard]] std::uint64_t end() const override { return end_; }
  [[nodiscard]] std::uint64_t synced() const override { return end_; }

  std::vector<std::vector<std::byte>> batches;
  bool may_fail = false;

 private:
  std::uint32_t number_;
  std::uint64_t end_ = 0;
  std::mt19937_64& random_;
};

class MarketSystem {
 public:
  MarketSystem(std::vector<Item> feed, std::uint64_t seed) : feed_(std::move(feed)), random_(seed) {
    for (std::uint32_t i = 0; i < 8; ++i) lanes_.push_back(std::make_unique<MemoryLane>(i, random_));
    config_.analytics = {.bar_ns = 50'000,
                         .interval_ns = 130'000,
                         .levels = 5,
                         .bar_thresholds = {3, 1'500, 70'000, 900},
                         .metric_ns = 170'000,
                         .returns_ns = 140'000,
                         .step_ns = 20'000,
                         .horizon_ns = 90'000,
                         .vpin_bucket_shares = 700,
                         .vpin_buckets = 4};
    auto model = std::make_shared<analytics::MicropriceModel>();
    model->imbalance_buckets = 3;
    model->spreads = 50;
    model->tick = Price{1};
    model->adjustments.assign(model->state_count(), 0.25);
    model->observations.assign(model->state_count(), 1);
    config_.analytics.microprice_model = std::move(model);
    config_.analytics.burst_gap_ns = 60'000;
    config_.analytics.queue_orders = 3;
    config_.analytics.feature_ns = 150'000;
    config_.analytics.feature_events = 7;
    const std::array<std::string, 1> all{"all"};
    EXPECT_TRUE(select_tables(all, config_.analytics).has_value());
    // So that a random flow is full of alerts.
    config_.analytics.surveillance = surveillance::testing::wary_parameters();
    config_.books = {.expected_orders = 1 << 12, .max_blocks = 1 << 16};
    config_.checkpoint = {.slice_bytes = 4'000, .batch_bytes = 20'000};
    config_.checkpoint_interval_ns = 20;
    config_.max_output_bytes = 3'000;
  }

  void start(unsigned workers) {
    stream::OutputEnds ends(groups_.count());
    for (const auto& lane : lanes_)
      for (const auto& batch : lane->batches)
        ASSERT_TRUE(ends.take(stream::RowBatchCursor::open(batch)->header()));
    const std::vector<Position> output_ends(ends.ends().begin(), ends.ends().end());
    for (unsigned i = 0; i < workers; ++i) {
      const stream::GroupRange own = groups_.range_of(i, workers);
      Result<stream::RestorePlan> plan = plan_restore(store_, own, output_ends, Position{feed_.size()});
      ASSERT_TRUE(plan) << plan.error().message;
      EXPECT_EQ(plan->warning, "");
      restored_keys += plan->keys.size();
      workers_.push_back(std::make_unique<Worker>(config_, groups_, own, writer_, *lanes_[i], output_ends));
      const Result<void> restored = workers_.back()->restore(std::move(*plan));
      ASSERT_TRUE(restored) << restored.error().message;
    }
  }

  // Each worker reads batches cut anew, some of which begin before what it wants.
  void run(std::size_t turns) {
    for (std::size_t i = 0; i < turns; ++i) turn(*workers_[random_() % workers_.size()]);
  }
  void run_to_the_end() {
    for (const auto& worker : workers_) {
      while (raw(worker->position()) < feed_.size()) turn(*worker);
      for (int i = 0; i < 3; ++i) turn(*worker);
    }
  }
  void crash() {
    for (const auto& worker : workers_) {
      checkpoints += worker->checkpointer().counters().checkpoints;
      suppressed += worker->counters().suppressed_rows;
    }
    workers_.clear();
  }

  [[nodiscard]] stream::RowDigest digest() const {
    stream::RowDigest digest;
    for (const auto& lane : lanes_)
      for (const auto& batch : lane->batches) EXPECT_TRUE(digest.add_batch(batch));
    return digest;
  }
  [[nodiscard]] std::uint64_t rows_of(RowTable table) const {
    std::uint64_t rows = 0;
    for (const auto& lane : lanes_)
      for (const auto& batch : lane->batches) {
        Result<stream::RowBatchCursor> cursor = stream::RowBatchCursor::open(batch);
        for (;;) {
          const Result<std::optional<stream::RowView>> row = cursor->next();
          if (!row || !*row) break;
          rows += (*row)->header.table == static_cast<std::uint16_t>(table);
        }
      }
    return rows;
  }
  std::mt19937_64& random() { return random_; }

  std::uint64_t checkpoints = 0;
  std::uint64_t restored_keys = 0;
  std::uint64_t suppressed = 0;

 private:
  void turn(Worker& worker) {
    const std::size_t from =
        raw(worker.position()) - std::min<std::size_t>(raw(worker.position()), random_() % 4);
    const std::size_t to = std::min(feed_.size(), from + random_() % 120);
    worker.begin_batch(Position{from}, session_at(from));
    for (std::size_t at = from; at < to;) at = tell(worker, at, to);
    for (const auto& lane : lanes_) lane->may_fail = true;
    for (int tries = 0; tries < 100; ++tries) {
      const Result<void> ended = worker.end_batch(clock_++);
      if (ended) break;
      ASSERT_EQ(ended.error().code, ErrorCode::io) << ended.error().message;
    }
    for (const auto& lane : lanes_) lane->may_fail = false;
  }

  // One record, of several messages at times; returns the offset behind it.
  std::size_t tell(Worker& worker, std::size_t at, std::size_t to) {
    const Item& item = feed_[at];
    switch (item.kind) {
      case Item::Kind::session:
        worker.on_session_started(feed::SessionName(item.session), item.sequence);
        break;
      case Item::Kind::gap: worker.on_gap_declared(item.sequence - 1, item.sequence); break;
      case Item::Kind::recovery: worker.on_recovery_started(); break;
      case Item::Kind::snapshot_complete: worker.on_snapshot_complete(item.sequence, CaptureTime{at}); break;
      case Item::Kind::end_of_session: worker.on_end_of_session(item.sequence); break;
      default: return tell_block(worker, at, to);
    }
    return at + 1;
  }
  std::size_t tell_block(Worker& worker, std::size_t at, std::size_t to) {
    const Item& first = feed_[at];
    const std::size_t limit = std::min(to, at + 1 + random_() % 50);
    std::vector<std::byte> frames;
    std::size_t end = at;
    for (; end < limit && feed_[end].kind == first.kind && feed_[end].sequence == first.sequence + (end - at);
         ++end)
      frames.insert(frames.end(), feed_[end].frame.begin(), feed_[end].frame.end());
    const std::size_t size = frames.size();
    frames.resize(size + decode_padding);
    // The capture time is the log's: it must not depend on how blocks are cut here.
    const feed::MessageBlock block{std::span(frames).first(size), first.sequence,
                                   static_cast<std::uint32_t>(end - at), CaptureTime{77}};
    if (first.kind == Item::Kind::message)
      worker.on_messages(block);
    else
      worker.on_snapshot_messages(block);
    return end;
  }
  [[nodiscard]] feed::SessionName session_at(std::size_t offset) const {
    for (std::size_t i = offset; i-- > 0;)
      if (feed_[i].kind == Item::Kind::session) return feed::SessionName(feed_[i].session);
    return feed::SessionName("");
  }

  std::vector<Item> feed_;
  std::mt19937_64 random_;
  stream::KeyGroups groups_;
  MarketWorkerConfig config_;
  stream::MemoryCheckpointStore store_;
  stream::InlineCheckpointWriter writer_{store_};
  std::vector<std::unique_ptr<MemoryLane>> lanes_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::uint64_t clock_ = 0;
};

stream::RowDigest digest_of_run(const std::vector<Item>& feed, unsigned workers, std::uint64_t seed) {
  MarketSystem system(feed, seed);
  system.start(workers);
  system.run_to_the_end();
  return system.digest();
}

TEST(MarketWorker, RowsDoNotDependOnTheNumberOfWorkers) {
  const std::vector<Item> feed = random_feed(5, 6'000);
  const stream::RowDigest expected = digest_of_run(feed, 1, 1);
  EXPECT_GT(expected.rows(), 5'000u);
  for (const unsigned workers : {1u, 2u, 4u, 8u}) {
    const stream::RowDigest digest = digest_of_run(feed, workers, workers + 1);
    EXPECT_EQ(digest.rows(), expected.rows()) << workers;
    EXPECT_EQ(digest.hex(), expected.hex()) << workers;
  }
}

TEST(MarketWorker, RowsDoNotDependOnCrashes) {
  std::uint64_t checkpoints = 0;
  std::uint64_t restored_keys = 0;
  std::uint64_t suppressed = 0;
  std::uint64_t alerts = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::vector<Item> feed = random_feed(seed, 3'000);
    const stream::RowDigest expected = digest_of_run(feed, 1, seed);
    MarketSystem system(feed, seed + 100);
    for (int crashes = 0; crashes < 3; ++crashes) {
      system.start(1 + system.random()() % 8);
      system.run(20 + system.random()() % 80);
      system.crash();
    }
    system.start(1 + system.random()() % 8);
    system.run_to_the_end();
    EXPECT_EQ(system.digest().rows(), expected.rows());
    EXPECT_EQ(system.digest().hex(), expected.hex());
    alerts += system.rows_of(RowTable::alerts);
    checkpoints += system.checkpoints;
    restored_keys += system.restored_keys;
    suppressed += system.suppressed;
  }
  EXPECT_GT(checkpoints, 50u);
  EXPECT_GT(restored_keys, 50u);
  EXPECT_GT(suppressed, 50u);
  EXPECT_GT(alerts, 50u);
}

}  // namespace
}  // namespace tapeline::pipeline
