#include "stream/key_checkpointer.h"

#include <algorithm>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "stream/keyed_state.h"
#include "stream/memory/memory_checkpoint_store.h"
#include "stream/operator.h"
#include "stream/restore_plan.h"
#include "stream/tumbling_windows.h"

namespace tapeline::stream {
namespace {

// A small stream processor with everything that state can be: of keys, of timers, shared by all, marked all
// at once and thrown away. It runs, crashes and restarts at random; its rows must be those of a run in one
// go.

constexpr std::uint16_t key_count = 40;

struct Record {
  enum class Kind : std::uint8_t { value, mark_all, new_session } kind;
  Locate key;
  EventTime time;
  std::uint64_t value;
};

struct Row {
  Position trigger;
  Locate key;
  char table;
  std::uint64_t a;
  std::uint64_t b;
  friend auto operator<=>(const Row&, const Row&) = default;
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.table << " of key " << raw(row.key) << " at " << raw(row.trigger) << ": " << row.a << ' '
             << row.b;
}

std::vector<Record> random_log(std::mt19937_64& random, std::size_t size) {
  std::vector<Record> log;
  std::uint64_t time = 1'000;
  for (std::size_t i = 0; i < size; ++i) {
    time += random() % 7 == 0 ? random() % 90 : random() % 4;
    Record record{Record::Kind::value, Locate{}, EventTime{time}, random() % 1'000};
    // Few keys come often, most come rarely.
    record.key = Locate{static_cast<std::uint16_t>(random() % 3 == 0 ? random() % key_count : random() % 5)};
    if (random() % 97 == 0) record.kind = Record::Kind::mark_all;
    if (random() % 401 == 0) {
      record.kind = Record::Kind::new_session;
      time = record.value;  // Another day begins earlier in it.
    }
    log.push_back(record);
  }
  return log;
}

// The totals of each key, every third one a row, and the sum of each window.
class ToyOperator {
 public:
  template <class Out>
  void process(Locate key, std::uint64_t value, Out& out) {
    State& state = states_[key];
    if (!state.in_use) state = {.marks = default_marks_, .in_use = true};
    if (state.in_window == 0) windows_.add(key);
    ++state.in_window;
    state.window_sum += value;
    state.total = state.total * 31 + value;
    if (++state.records % 3 == 0) out.emit(key, 't', state.total, state.marks);
  }
  template <class Out>
  void on_timer(EventTime watermark, Out& out) {
    if (watermark < windows_.end()) return;
    windows_.advance(watermark, [&](Locate key) {
      State& state = states_[key];
      out.emit(key, 'w', state.window_sum, state.in_window);
      state.window_sum = state.in_window = 0;
    });
    watermark_ = watermark;
  }
  // Of each key that has state, and of those to come.
  void mark_all() {
    ++default_marks_;
    for (std::uint16_t key = 0; key < key_count; ++key)
      if (states_[Locate{key}].in_use) ++states_[Locate{key}].marks;
  }

  void save_key(Locate key, StateWriter& writer) const { states_.save_key(key, writer, states_[key].in_use); }
  void load_key(Locate key, StateReader& reader) {
    if (states_.load_key(key, reader) && states_[key].in_window != 0) windows_.add(key);
  }
  void save_shared(StateWriter& writer) const {
    writer.put(watermark_);
    writer.put(default_marks_);
  }
  void open(StateReader& reader) {
    watermark_ = reader.get<EventTime>();
    windows_.open(watermark_);
    default_marks_ = reader.get<std::uint64_t>();
  }

 private:
  struct State {
    std::uint64_t total = 0;
    std::uint64_t records = 0;
    std::uint64_t window_sum = 0;
    std::uint64_t in_window = 0;
    std::uint64_t marks = 0;
    bool in_use = false;
  };
  TumblingWindows windows_{50};
  EventTime watermark_{0};
  std::uint64_t default_marks_ = 0;
  KeyedState<State> states_;
};

// One batch of output: atomic, as it is in a log.
struct LaneBatch {
  GroupRange groups;
  Position to;
  std::vector<Row> rows;
};

// Takes a batch and commits it some time later, or never.
class SlowWriter final : public CheckpointWriter {
 public:
  explicit SlowWriter(CheckpointStore& store) : inline_(store) {}
  [[nodiscard]] bool is_free() const override { return batch_.empty(); }
  void hand_over(CheckpointBatch& batch) override {
    ASSERT_TRUE(is_free());
    std::swap(batch, batch_);
  }
  std::optional<Error> take_failure() override { return inline_.take_failure(); }
  void work() {
    if (!is_free()) inline_.hand_over(batch_);
  }

 private:
  InlineCheckpointWriter inline_;
  CheckpointBatch batch_;
};

class ToyWorker {
 public:
  ToyWorker(const KeyGroups& groups, GroupRange own, CheckpointStore& store, std::vector<LaneBatch>& lane,
            const RestorePlan& plan, std::vector<Position> output_ends, std::mt19937_64& random)
      : groups_(groups),
        own_(own),
        lane_(lane),
        plan_(plan),
        output_ends_(std::move(output_ends)),
        random_(random),
        writer_(store),
        checkpointer_(groups, own, writer_,
                      {.slice_bytes = 200, .batch_bytes = 500, .checkpoint_bytes = random() % 1'500}),
        next_(plan.replay_from),
        covered_(plan.replay_from) {
    if (!plan.shared.empty()) {
      StateReader reader(plan.shared);
      operator_.open(reader);
      EXPECT_TRUE(reader.complete());
    }
    for (const StoredKey& key : plan_.keys) pending_[raw(key.key)] = true;
  }

  [[nodiscard]] Position next() const { return next_; }
  [[nodiscard]] const KeyCheckpointer::Counters& counters() const { return checkpointer_.counters(); }
  SlowWriter& writer() { return writer_; }

  // Reads up to `count` records, then saves some state.
  void step(std::span<const Record> log, std::size_t count) {
    checkpointer_.set_position(next_);
    load_due();
    std::size_t end = std::min(raw(next_) + count, log.size());
    if (next_load_ < plan_.keys.size()) end = std::min(end, raw(plan_.keys[next_load_].saved_at));
    bool forget = false;
    while (raw(next_) < end && !forget) {
      forget = take(log[raw(next_)]);
      next_ = Position{raw(next_) + 1};
    }
    checkpointer_.set_position(next_);
    StateWriter shared;
    operator_.save_shared(shared);
    if (forget) {
      flush_output();
      checkpointer_.forget_all(shared.bytes(), *this);
    }
    if (!rows_.empty()) append();
    if (!checkpointer_.in_progress() && random_() % 4 == 0) checkpointer_.begin(shared.bytes());
    if (random_() % 3 != 0) checkpointer_.slice(*this);
  }

  void emit(Locate key, char table, std::uint64_t a, std::uint64_t b) {
    checkpointer_.touch(key);
    if (next_ >= output_ends_[raw(groups_.group_of(key))]) rows_.push_back({next_, key, table, a, b});
  }

  void save_key(Locate key, StateWriter& writer) { operator_.save_key(key, writer); }
  bool flush_output() {
    if (covered_ < next_) append();
    return true;
  }
  void save_output_mark(StateWriter& writer) { writer.put(lane_.size()); }
  [[nodiscard]] std::span<const StoredKey> keys_to_load() const {
    return std::span(plan_.keys).subspan(next_load_);
  }

 private:
  // Whether all state is gone now.
  bool take(const Record& record) {
    if (record.kind == Record::Kind::new_session) {
      operator_.on_timer(end_of_time, *this);
      operator_ = ToyOperator();
      return true;
    }
    operator_.on_timer(record.time, *this);
    if (record.kind == Record::Kind::mark_all) {
      operator_.mark_all();
      checkpointer_.touch_all();
    } else if (own_.contains(groups_.group_of(record.key)) && !pending_[raw(record.key)]) {
      checkpointer_.touch(record.key);
      operator_.process(record.key, record.value, *this);
    }
    return false;
  }

  void load_due() {
    for (; next_load_ < plan_.keys.size() && plan_.keys[next_load_].saved_at <= next_; ++next_load_) {
      const StoredKey& stored = plan_.keys[next_load_];
      StateReader reader(stored.state);
      operator_.load_key(stored.key, reader);
      EXPECT_TRUE(reader.complete());
      pending_[raw(stored.key)] = false;
      checkpointer_.note_loaded(stored.key);
    }
  }

  void append() {
    lane_.push_back({own_, next_, std::move(rows_)});
    rows_.clear();
    covered_ = next_;
  }

  const KeyGroups& groups_;
  GroupRange own_;
  std::vector<LaneBatch>& lane_;
  RestorePlan plan_;
  std::vector<Position> output_ends_;
  std::mt19937_64& random_;
  SlowWriter writer_;
  KeyCheckpointer checkpointer_;
  Position next_;
  Position covered_;
  std::size_t next_load_ = 0;
  std::array<bool, key_count> pending_{};
  ToyOperator operator_;
  std::vector<Row> rows_;
};

// What survives a crash, and the workers in between.
class ToySystem {
 public:
  explicit ToySystem(std::uint64_t seed) : random_(seed), log_(random_log(random_, 700 + random_() % 700)) {}

  void start(unsigned workers) {
    // What is there at a start is on the disk from then on: rows of a group may go on in another lane.
    for (std::size_t i = 0; i < lanes_.size(); ++i) synced_[i] = lanes_[i].size();
    synced_log_ = visible_;
    const std::vector<Position> ends = output_ends();
    for (unsigned i = 0; i < workers; ++i) {
      const GroupRange own = groups_.range_of(i, workers);
      Result<RestorePlan> plan = plan_restore(store_, own, ends, Position{visible_});
      ASSERT_TRUE(plan) << plan.error().message;
      restored_keys_ += plan->keys.size();
      replayed_from_start_ += plan->replay_from == log_start;
      warnings_ += !plan->warning.empty();
      // What was erased does not come back.
      if (!plan->warning.empty()) {
        history_.clear();
        synced_content_ = store_.content();
      }
      workers_.push_back(std::make_unique<ToyWorker>(groups_, own, store_, lanes_[i], *plan, ends, random_));
    }
  }

  // Runs for some steps, or until all workers are at the end.
  void run(std::size_t steps) {
    for (std::size_t i = 0; i < steps; ++i) {
      if (random_() % 4 == 0) visible_ = std::min(visible_ + random_() % 60, log_.size());
      ToyWorker& worker = *workers_[random_() % workers_.size()];
      worker.step(std::span(log_).first(visible_), 1 + random_() % 25);
      if (random_() % 3 == 0) work(worker);
      if (random_() % 150 == 0) store_.fail_next_commits(1 + random_() % 2);
    }
  }
  void run_to_the_end() {
    visible_ = log_.size();
    for (const auto& worker : workers_)
      while (raw(worker->next()) < log_.size()) {
        worker->step(log_, 1 + random_() % 40);
        work(*worker);
      }
    for (const auto& worker : workers_) checkpoints_ += worker->counters().checkpoints;
  }

  // The process ends; what it had handed to the kernel stays.
  void crash() {
    for (const auto& worker : workers_) {
      if (random_() % 2 == 0) work(*worker);
      checkpoints_ += worker->counters().checkpoints;
      failures_ += worker->counters().failures;
    }
    workers_.clear();
  }
  // The machine loses power: the last commits, rows and records may be gone.
  void lose_power() {
    crash();
    store_.fail_next_commits(0);
    const std::size_t kept = history_.empty() ? 0 : random_() % (history_.size() + 1);
    history_.resize(kept);
    store_.replace(kept == 0 ? synced_content_ : history_.back());
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      lanes_[i].resize(std::max(synced_[i], lanes_[i].size() - std::min(lanes_[i].size(), random_() % 6)));
    visible_ = std::max(synced_log_, visible_ - std::min<std::size_t>(visible_, random_() % 100));
    // The records come again, others than those that were lost: what had seen those is wrong.
    std::mt19937_64 other(random_());
    const std::vector<Record> tail = random_log(other, log_.size() - visible_);
    std::copy(tail.begin(), tail.end(), log_.begin() + static_cast<std::ptrdiff_t>(visible_));
    for (auto& lane : lanes_)
      while (!lane.empty() && raw(lane.back().to) > visible_) lane.pop_back();
  }

  [[nodiscard]] std::vector<Row> rows() const {
    std::vector<Row> rows;
    for (const auto& lane : lanes_)
      for (const LaneBatch& batch : lane) rows.insert(rows.end(), batch.rows.begin(), batch.rows.end());
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  // The rows of one worker that never stops and never saves anything.
  [[nodiscard]] std::vector<Row> expected() const {
    MemoryCheckpointStore store;
    std::vector<LaneBatch> lane;
    std::mt19937_64 random(1);
    ToyWorker worker(groups_, groups_.range_of(0, 1), store, lane, {}, std::vector<Position>(groups_.count()),
                     random);
    while (raw(worker.next()) < log_.size()) worker.step(log_, log_.size());
    std::vector<Row> rows;
    for (const LaneBatch& batch : lane) rows.insert(rows.end(), batch.rows.begin(), batch.rows.end());
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  // Rows that are missing, repeated or wrong.
  [[nodiscard]] std::string difference() const {
    const std::vector<Row> found = rows();
    const std::vector<Row> wanted = expected();
    std::vector<Row> missing;
    std::vector<Row> surplus;
    std::set_difference(wanted.begin(), wanted.end(), found.begin(), found.end(),
                        std::back_inserter(missing));
    std::set_difference(found.begin(), found.end(), wanted.begin(), wanted.end(),
                        std::back_inserter(surplus));
    std::ostringstream text;
    for (const Row& row : missing) text << "missing: " << row << '\n';
    for (const Row& row : surplus) text << "surplus: " << row << '\n';
    return text.str();
  }
  std::mt19937_64& random() { return random_; }

  std::uint64_t checkpoints_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t restored_keys_ = 0;
  std::uint64_t replayed_from_start_ = 0;
  std::uint64_t warnings_ = 0;

 private:
  void work(ToyWorker& worker) {
    if (worker.writer().is_free()) return;
    worker.writer().work();
    history_.push_back(store_.content());
  }
  [[nodiscard]] std::vector<Position> output_ends() const {
    std::vector<Position> ends(groups_.count());
    for (const auto& lane : lanes_)
      for (const LaneBatch& batch : lane)
        for (std::uint16_t i = 0; i < batch.groups.count; ++i)
          ends[batch.groups.first + i] = std::max(ends[batch.groups.first + i], batch.to);
    return ends;
  }

  KeyGroups groups_{16};
  std::mt19937_64 random_;
  std::vector<Record> log_;
  std::size_t visible_ = 0;  // How much of the log there is so far.
  std::size_t synced_log_ = 0;
  std::array<std::size_t, 8> synced_{};
  MemoryCheckpointStore store_;
  std::vector<MemoryCheckpointStore::Content> history_;  // The store after each commit.
  MemoryCheckpointStore::Content synced_content_;        // Before those.
  std::array<std::vector<LaneBatch>, 8> lanes_;
  std::vector<std::unique_ptr<ToyWorker>> workers_;
};

TEST(KeyCheckpointer, CrashesDoNotShowInTheRows) {
  std::uint64_t checkpoints = 0;
  std::uint64_t restored_keys = 0;
  std::uint64_t failures = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ToySystem system(seed);
    for (std::uint64_t crashes = system.random()() % 6; crashes > 0; --crashes) {
      system.start(1 + system.random()() % 8);
      system.run(20 + system.random()() % 150);
      system.crash();
    }
    system.start(1 + system.random()() % 8);
    system.run_to_the_end();
    ASSERT_EQ(system.difference(), "");
    EXPECT_EQ(system.warnings_, 0u);
    checkpoints += system.checkpoints_;
    restored_keys += system.restored_keys_;
    failures += system.failures_;
  }
  // The test would be empty without these.
  EXPECT_GT(checkpoints, 500u);
  EXPECT_GT(restored_keys, 500u);
  EXPECT_GT(failures, 20u);
}

TEST(KeyCheckpointer, LossOfPowerDoesNotShowInTheRows) {
  std::uint64_t warnings = 0;
  std::uint64_t restored_keys = 0;
  for (std::uint64_t seed = 1'001; seed <= 1'050; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ToySystem system(seed);
    for (int crashes = 0; crashes < 3; ++crashes) {
      system.start(1 + system.random()() % 4);
      system.run(20 + system.random()() % 150);
      system.lose_power();
    }
    system.start(1 + system.random()() % 4);
    system.run_to_the_end();
    ASSERT_EQ(system.difference(), "");
    warnings += system.warnings_;
    restored_keys += system.restored_keys_;
  }
  EXPECT_GT(warnings, 15u);
  EXPECT_GT(restored_keys, 250u);
}

}  // namespace
}  // namespace tapeline::stream
