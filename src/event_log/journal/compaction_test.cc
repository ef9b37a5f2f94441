#include "event_log/journal/compaction.h"

#include <map>
#include <random>

#include "event_log/journal/testing/journal_fixture.h"
#include "event_log/key_value.h"

namespace tapeline::event_log::journal::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using State = std::map<std::string, std::string>;

class CompactionTest : public JournalTest {
 protected:
  static constexpr std::uint64_t tombstones_ns = 100 * second_ns;
  void create_state() {
    create({.segment_bytes = 4096, .compacted = true, .tombstone_retention_ns = tombstones_ns}, "state");
  }
  // An empty value stands for a tombstone.
  static std::vector<std::byte> payload_of(const std::vector<std::pair<std::string, std::string>>& records) {
    std::vector<std::byte> payload;
    for (const auto& [key, value] : records) {
      KeyValue record{std::as_bytes(std::span(key)), std::nullopt};
      if (!value.empty()) record.value = std::as_bytes(std::span(value));
      encode_key_value(record, payload);
    }
    return payload;
  }
  static void put(Writer& to, const std::vector<std::pair<std::string, std::string>>& records,
                  std::uint64_t time_s = 1) {
    const std::vector<std::byte> payload = payload_of(records);
    NewBatch batch{.record_count = static_cast<std::uint32_t>(records.size())};
    batch.first_time_ns = batch.last_time_ns = time_s * second_ns;
    const Result<Offset> appended = to.append(batch, Bytes(payload));
    ASSERT_TRUE(appended.has_value()) << appended.error().message;
  }
  // Applies what the reader has from where it stands.
  static void apply_rest(Reader& from, State& state, std::size_t* records = nullptr,
                         std::size_t most_batches = 1'000'000) {
    for (; most_batches > 0; --most_batches) {
      const Result<std::optional<Batch>> batch = from.next();
      ASSERT_TRUE(batch.has_value()) << batch.error().message;
      if (!*batch) return;
      EXPECT_EQ((*batch)->missed, 0) << "what compaction drops is no loss";
      KeyValueCursor cursor((*batch)->payload);
      while (const auto record = cursor.next()) {
        if (records != nullptr) ++*records;
        if (record->value)
          state[text_of(record->key)] = text_of(*record->value);
        else
          state.erase(text_of(record->key));
      }
      EXPECT_FALSE(cursor.malformed());
    }
  }
  State state(std::size_t* records = nullptr) {
    State found;
    apply_rest(*reader("state"), found, records);
    return found;
  }
};

TEST_F(CompactionTest, TheLatestOfEachKeyStays) {
  create_state();
  const auto to = writer("state");
  for (int i = 0; i < 200; ++i)
    put(*to, {{"a", std::to_string(i)}, {"b" + std::to_string(i % 7), std::string(100, 'x')}});
  const State before = state();
  EXPECT_EQ(before.at("a"), "199");
  ASSERT_GT(segments("state").size(), 5);
  ASSERT_TRUE(to->maintain().has_value());
  EXPECT_EQ(segments("state").size(), 2) << "what is left fits one segment before the active one";
  std::size_t records = 0;
  EXPECT_EQ(state(&records), before);
  EXPECT_LT(records, 50);
  EXPECT_TRUE(journal_->verify("state", 0)->is_sound());
  put(*to, {{"a", "200"}});
  EXPECT_EQ(to->end(), Offset{401}) << "offsets stay";
}

TEST_F(CompactionTest, TombstonesGoWhenReadersHadTheirTime) {
  create_state();
  const auto to = writer("state");
  const std::string filler(3000, 'f');
  put(*to, {{"gone", "x"}, {"kept", "y"}}, 10);
  put(*to, {{"gone", ""}}, 11);
  put(*to, {{"filler", filler}}, 12);
  put(*to, {{"filler", filler}}, 50);
  ASSERT_TRUE(to->maintain().has_value());
  std::size_t records = 0;
  EXPECT_EQ(state(&records), (State{{"filler", filler}, {"kept", "y"}}));
  EXPECT_EQ(records, 4) << "kept, the tombstone, two fillers";
  put(*to, {{"filler", filler}}, 200);
  put(*to, {{"filler", filler}}, 201);
  ASSERT_TRUE(to->maintain().has_value());
  records = 0;
  EXPECT_EQ(state(&records), (State{{"filler", filler}, {"kept", "y"}}));
  EXPECT_EQ(records, 3) << "kept, a closed filler, the active one";
}

TEST_F(CompactionTest, ReadersGoOnWhileTheirSegmentsAreReplaced) {
  create_state();
  const auto to = writer("state");
  Journal elsewhere(files_, std::string(data));
  const auto there = *elsewhere.open_reader("state", 0);
  State seen;
  std::mt19937_64 random(5);
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 10; ++i)
      put(*to,
          {{std::to_string(random() % 20), random() % 4 == 0 ? "" : std::string(random() % 300 + 1, 'v')}});
    if (round % 3 == 0) apply_rest(*there, seen);
    ASSERT_TRUE(to->maintain().has_value());
    // Now it stands in the middle of a segment that is replaced next.
    if (round % 3 == 1) apply_rest(*there, seen, nullptr, 1);
  }
  apply_rest(*there, seen);
  EXPECT_EQ(seen, state());
}

TEST_F(CompactionTest, ACrashAtAnyOfItsWritesOrNamesLosesNothing) {
  for (const bool power : {false, true})
    for (std::uint64_t fail_after = 0; fail_after < 9'000; fail_after += 173) {
      SCOPED_TRACE(::testing::Message() << "after " << fail_after << " bytes, power " << power);
      os::SimulatedFileSystem files(fail_after);
      Journal journal(files, "/data");
      ASSERT_TRUE(journal.create_topic(
          "state", {.segment_bytes = 4096, .sync = SyncPolicy::batch, .compacted = true}));
      State expected;
      Result<std::unique_ptr<Writer>> to = journal.open_writer("state", 0);
      for (int i = 0; i < 60; ++i) {
        const std::string key = std::to_string(i % 11);
        const std::string value = std::string(150 + static_cast<std::size_t>(i), 'v');
        expected[key] = value;
        put(**to, {{key, value}});
      }
      files.fail_write_after(fail_after);
      const bool compacted = (*to)->maintain().has_value();
      power ? files.lose_power() : files.crash_process();
      Journal again(files, "/data");
      const Result<std::unique_ptr<Writer>> reopened = again.open_writer("state", 0);
      ASSERT_TRUE(reopened.has_value()) << reopened.error().message;
      State found;
      apply_rest(**again.open_reader("state", 0), found);
      EXPECT_EQ(found, expected);
      EXPECT_EQ((*reopened)->end(), Offset{60});
      EXPECT_TRUE(again.verify("state", 0)->is_sound());
      if (fail_after > 8'500) {
        EXPECT_TRUE(compacted) << "the loop reaches beyond the end of the work";
      }
    }
}

TEST_F(CompactionTest, SegmentsThatACrashLeftSupersededAreRemoved) {
  create_state();
  auto to = writer("state");
  for (int i = 0; i < 60; ++i) put(*to, {{std::to_string(i % 5), std::string(300, 'v')}});
  const std::vector<std::uint64_t> before = segments("state");
  ASSERT_GT(before.size(), 3);
  const std::vector<std::byte> second = files_.content(segment_path(folder("state"), before[1]));
  ASSERT_TRUE(to->maintain().has_value());
  const State expected = state();
  to.reset();
  {
    const auto back = files_.open(segment_path(folder("state"), before[1]), os::OpenMode::create);
  }
  files_.set_content(segment_path(folder("state"), before[1]), second);
  EXPECT_EQ(state(), expected) << "a reader passes over it";
  restart();
  to = writer("state");
  ASSERT_NE(to, nullptr);
  EXPECT_EQ(std::ranges::count(segments("state"), before[1]), 0);
  EXPECT_EQ(state(), expected);
}

TEST_F(CompactionTest, OtherPayloadsAreRefusedByName) {
  create_state();
  const auto to = writer("state");
  for (int i = 0; i < 10; ++i) append(*to, std::string(1000, 'x'));
  const Result<void> refused = to->maintain();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
  EXPECT_THAT(refused.error().message, HasSubstr("offset 0 holds no keys and values"));
}

}  // namespace
}  // namespace tapeline::event_log::journal::testing
