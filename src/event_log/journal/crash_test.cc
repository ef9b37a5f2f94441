#include <random>

#include "event_log/journal/journal.h"
#include "event_log/journal/testing/journal_fixture.h"

// What crashes and damage leave behind, case by case, and what recovery makes of it.

namespace tapeline::event_log::journal::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using FileBytes = std::vector<std::byte>;

class CrashTest : public JournalTest {
 protected:
  // Three batches in one segment; where each begins in the file, and where the last one ends.
  void append_three(SyncPolicy sync = SyncPolicy::none) {
    create({.sync = sync});
    const auto to = writer();
    for (const std::string_view text : {"first", "second", "third"}) {
      starts_.push_back(files_.content(segment(0)).size());
      append(*to, text);
    }
    whole_ = files_.content(segment(0));
    starts_.push_back(whole_.size());
  }
  void expect_damage_is_told(std::uint64_t position) {
    const auto opened = journal_->open_writer("feed", 0);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
    EXPECT_THAT(opened.error().message,
                HasSubstr(segment(0) + " is damaged at byte " + std::to_string(position)));
    EXPECT_THAT(opened.error().message, HasSubstr("tapeline log verify --repair"));
  }
  static FileBytes first(const FileBytes& bytes, std::size_t size) {
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
  }

  std::vector<std::uint64_t> starts_;
  FileBytes whole_;
};

TEST_F(CrashTest, CutAtEveryByteOfTheLastBatch) {
  append_three();
  for (std::uint64_t size = starts_[2]; size < starts_[3]; ++size) {
    restart();
    files_.set_content(segment(0), first(whole_, size));
    const auto from = reader();
    EXPECT_THAT(rest(*from), ElementsAre("0:first", "1:second")) << "a reader stops before it, at " << size;
    const auto to = writer();
    ASSERT_NE(to, nullptr);
    EXPECT_EQ(to->torn_bytes(), size - starts_[2]);
    EXPECT_EQ(append(*to, "again"), Offset{2});
    EXPECT_EQ(next(*from), "2:again") << "and goes on behind what the writer removed";
  }
}

TEST_F(CrashTest, CutAtEveryByteOfTheFirstBatchAndTheHeader) {
  append_three();
  for (std::uint64_t size = 0; size <= starts_[1]; ++size) {
    restart();
    files_.set_content(segment(0), first(whole_, size));
    const auto from = reader();
    const bool one_left = size == starts_[1];
    EXPECT_EQ(next(*from), one_left ? "0:first" : "-");
    const auto to = writer();
    ASSERT_NE(to, nullptr) << size;
    EXPECT_EQ(append(*to, "again"), Offset{one_left ? 1U : 0U});
    EXPECT_EQ(next(*from), one_left ? "1:again" : "0:again") << size;
  }
}

TEST_F(CrashTest, AnyByteOfTheLastBatchFlipped) {
  append_three();
  for (std::uint64_t at = starts_[2]; at < starts_[3]; ++at) {
    restart();
    FileBytes bytes = whole_;
    bytes[at] ^= std::byte{0x10};
    files_.set_content(segment(0), bytes);
    const bool in_padding = at >= starts_[2] + sizeof(BatchHeader) + 5;
    const auto from = reader();
    EXPECT_EQ(rest(*from).size(), in_padding ? 3 : 2) << at;
    const auto to = writer();
    ASSERT_NE(to, nullptr);
    EXPECT_EQ(to->end(), Offset{in_padding ? 3U : 2U}) << at;
  }
}

TEST_F(CrashTest, AnyByteInTheMiddleFlippedIsRefusedAndRepaired) {
  append_three();
  for (std::uint64_t at = starts_[1]; at < starts_[1] + sizeof(BatchHeader) + 6; ++at) {
    restart();
    FileBytes bytes = whole_;
    bytes[at] ^= std::byte{0x10};
    files_.set_content(segment(0), bytes);
    const auto from = reader();
    EXPECT_EQ(next(*from), "0:first");
    EXPECT_THAT(next(*from), HasSubstr("is damaged at byte " + std::to_string(starts_[1]))) << at;
    expect_damage_is_told(starts_[1]);
    const auto found = journal_->verify("feed", 0);
    ASSERT_TRUE(found.has_value());
    EXPECT_FALSE(found->is_sound());
    const auto repaired = journal_->repair("feed", 0);
    ASSERT_TRUE(repaired.has_value()) << repaired.error().message;
    ASSERT_EQ(repaired->segments.size(), 1);
    const SegmentVerdict& verdict = repaired->segments[0];
    ASSERT_EQ(verdict.damage.size(), 1);
    EXPECT_EQ(verdict.damage[0].position, starts_[1]);
    EXPECT_EQ(verdict.damage[0].bytes, starts_[2] - starts_[1]);
    EXPECT_EQ(verdict.damage[0].first_missing, 1);
    EXPECT_EQ(verdict.damage[0].end_missing, 2);
    EXPECT_EQ(files_.content(verdict.copy), bytes);
    EXPECT_THAT(rest(*from), ElementsAre("+1 2:third")) << "a reader that stopped goes on and is told";
    EXPECT_TRUE(journal_->verify("feed", 0)->is_sound());
    EXPECT_EQ(append(*writer(), "fourth"), Offset{3});
    EXPECT_THAT(everything(), ElementsAre("0:first", "+1 2:third", "3:fourth"));
    ASSERT_TRUE(files_.remove(verdict.copy).has_value());
  }
}

TEST_F(CrashTest, ADamagedSegmentHeaderBeforeWholeBatchesIsRefusedAndRepaired) {
  append_three();
  for (std::size_t at = 0; at < sizeof(SegmentHeader); ++at) {
    restart();
    FileBytes bytes = whole_;
    bytes[at] ^= std::byte{0x10};
    files_.set_content(segment(0), bytes);
    expect_damage_is_told(0);
    EXPECT_THAT(next(*reader()), HasSubstr("is damaged at byte 0"));
    ASSERT_TRUE(journal_->repair("feed", 0).has_value());
    EXPECT_THAT(everything(), ElementsAre("0:first", "1:second", "2:third"));
  }
}

TEST_F(CrashTest, ZerosBehindTheLastBatch) {
  append_three();
  for (const std::size_t zeros : {1, 8, 31, 56, 4096, 2'000'000}) {
    restart();
    FileBytes bytes = whole_;
    bytes.resize(whole_.size() + zeros);
    files_.set_content(segment(0), bytes);
    const auto from = reader();
    EXPECT_EQ(rest(*from).size(), 3);
    const auto to = writer();
    ASSERT_NE(to, nullptr);
    EXPECT_EQ(to->torn_bytes(), zeros);
    append(*to, "fourth");
    EXPECT_EQ(next(*from), "3:fourth");
  }
}

TEST_F(CrashTest, ATornTailIsLookedAtOnceAndNotAtEachPoll) {
  append_three();
  FileBytes bytes = whole_;
  bytes.resize(whole_.size() + 4096);
  files_.set_content(segment(0), bytes);
  restart();
  const auto from = reader();
  rest(*from);
  const std::uint64_t reads = files_.read_calls();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(next(*from), "-");
  EXPECT_EQ(files_.read_calls(), reads + 100);
}

TEST_F(CrashTest, WhatFollowsAnUnsyncedHoleIsTorn) {
  // Under a policy that syncs, batches say how far the disk had come: the hole is the power loss's.
  append_three(SyncPolicy::interval);
  restart();
  FileBytes bytes = whole_;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(starts_[1]),
            bytes.begin() + static_cast<std::ptrdiff_t>(starts_[2]), std::byte{0});
  files_.set_content(segment(0), bytes);
  EXPECT_THAT(everything(), ElementsAre("0:first"));
  const auto to = writer();
  ASSERT_NE(to, nullptr);
  EXPECT_EQ(to->torn_bytes(), starts_[3] - starts_[1]);
  EXPECT_EQ(to->end(), Offset{1});
}

TEST_F(CrashTest, AHoleInWhatWasSyncedIsDamage) {
  create({.sync = SyncPolicy::batch});
  auto to = writer();
  for (const std::string_view text : {"first", "second", "third"}) append(*to, text);
  to.reset();
  FileBytes bytes = files_.content(segment(0));
  const std::size_t second = sizeof(SegmentHeader) + size_on_disk(5);
  bytes[second] = std::byte{0};
  files_.set_content(segment(0), bytes);
  expect_damage_is_told(second);
}

TEST_F(CrashTest, DuringARollAtEveryByteOfTheNewHeader) {
  create({.segment_bytes = 4096});
  auto to = writer();
  append(*to, std::string(3000, 'a'));
  append(*to, std::string(3000, 'b'));
  ASSERT_THAT(segments(), ElementsAre(0, 1));
  to.reset();
  const FileBytes rolled = files_.content(segment(1));
  for (std::size_t size = 0; size <= sizeof(SegmentHeader); ++size) {
    restart();
    {
      const auto made = files_.open(segment(1), os::OpenMode::create);
    }
    files_.set_content(segment(1), first(rolled, size));
    const auto from = reader();
    EXPECT_EQ(rest(*from).size(), 1);
    to = writer();
    ASSERT_NE(to, nullptr) << size;
    EXPECT_EQ(to->end(), Offset{1});
    append(*to, "small");
    EXPECT_EQ(next(*from), "1:small") << size;
    // Back to the state before.
    to.reset();
    files_.set_content(segment(0),
                       first(files_.content(segment(0)), sizeof(SegmentHeader) + size_on_disk(3000)));
  }
}

TEST_F(CrashTest, AClosedSegmentThatEndsEarlyIsRefusedAndRepaired) {
  create({.segment_bytes = 4096, .sync = SyncPolicy::none});
  auto to = writer();
  for (const char c : {'a', 'b', 'c'}) {
    append(*to, std::string(2000, c));
    append(*to, std::string(1000, c));
  }
  ASSERT_THAT(segments(), ElementsAre(0, 2, 4));
  to.reset();
  files_.set_content(segment(2), first(files_.content(segment(2)), 2500));
  restart();
  const auto opened = journal_->open_writer("feed", 0);
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().message, HasSubstr(segment(2)));
  const auto repaired = journal_->repair("feed", 0);
  ASSERT_TRUE(repaired.has_value());
  ASSERT_EQ(repaired->segments[1].damage.size(), 1);
  EXPECT_EQ(repaired->segments[1].damage[0].first_missing, 3);
  EXPECT_EQ(repaired->segments[1].damage[0].end_missing, 4);
  EXPECT_THAT(everything(), ElementsAre("0:" + std::string(2000, 'a'), "1:" + std::string(1000, 'a'),
                                        "2:" + std::string(2000, 'b'), "+1 4:" + std::string(2000, 'c'),
                                        "5:" + std::string(1000, 'c')));
  EXPECT_EQ(append(*writer(), "d"), Offset{6});
}

TEST_F(CrashTest, ASegmentThatIsMissingIsToldAndStepsAreTakenOverIt) {
  create({.segment_bytes = 4096, .sync = SyncPolicy::none});
  auto to = writer();
  for (const char c : {'a', 'b', 'c'}) append(*to, std::string(3000, c));
  to.reset();
  ASSERT_TRUE(files_.remove(segment(1)).has_value());
  restart();
  const auto from = reader();
  std::vector<std::string> seen;
  // A reader that waits looks for later segments now and then.
  for (int poll = 0; poll < 600; ++poll)
    if (const std::string text = next(*from); text != "-") seen.push_back(text);
  EXPECT_THAT(seen, ElementsAre("0:" + std::string(3000, 'a'), "+1 2:" + std::string(3000, 'c')));
  EXPECT_EQ(journal_->open_writer("feed", 0).error().code, ErrorCode::corrupt);
  ASSERT_TRUE(journal_->repair("feed", 0).has_value());
  EXPECT_EQ(append(*writer(), "d"), Offset{3});
}

// Segments of several pages, so that a page that is lost need not be the one with the header.
constexpr TopicOptions four_page_segments{.segment_bytes = 16'384};

// Appends until there are four segments, of texts that begin with `tag`.
void fill_four_segments(Writer& to, std::string_view tag) {
  for (int i = 0; i < 12; ++i) {
    const std::string text = std::string(tag) + std::string(5000, '.');
    ASSERT_TRUE(to.append({.record_count = 1}, std::as_bytes(std::span(text))).has_value());
  }
}

// Forty batches of one record over several segments, of which some are closed and indexed.
void fill(os::SimulatedFileSystem& files) {
  Journal journal(files, "/data");
  ASSERT_TRUE(journal.create_topic("feed", {.segment_bytes = 4096}));
  const auto to = *journal.open_writer("feed", 0);
  for (int i = 0; i < 40; ++i) {
    const std::string text(700, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(to->append({.record_count = 1}, std::as_bytes(std::span(text))));
  }
  ASSERT_TRUE(to->maintain());
  ASSERT_TRUE(to->sync());
}

// The first letters of the batches.
std::string letters(Journal& journal) {
  std::string read;
  const auto from = *journal.open_reader("feed", 0);
  for (;;) {
    const Result<std::optional<Batch>> batch = from->next();
    EXPECT_TRUE(batch.has_value());
    if (!batch || !*batch) return read;
    EXPECT_EQ((*batch)->first.value, read.size());
    read += static_cast<char>((*batch)->payload[0]);
  }
}

std::string letters_up_to(std::uint64_t end) {
  std::string text;
  for (std::uint64_t i = 0; i < end; ++i) text += static_cast<char>('a' + i % 26);
  return text;
}

TEST(CutTest, LeavesWhatIsBeforeAndGoesOnThere) {
  for (std::uint64_t end = 0; end <= 41; ++end) {
    os::SimulatedFileSystem files(1);
    fill(files);
    Journal journal(files, "/data");
    {
      const auto to = *journal.open_writer("feed", 0);
      ASSERT_TRUE(to->cut({end}));
      const std::uint64_t left = std::min<std::uint64_t>(end, 40);
      EXPECT_EQ(to->end(), Offset{left});
      EXPECT_EQ(letters(journal), letters_up_to(left));
      EXPECT_EQ(to->append({.record_count = 1}, std::as_bytes(std::span("Z"))), Offset{left});
      EXPECT_EQ(letters(journal), letters_up_to(left) + "Z");
      ASSERT_TRUE(to->sync());
    }
    files.lose_power();
    Journal again(files, "/data");
    EXPECT_TRUE(again.open_writer("feed", 0).has_value());
    EXPECT_EQ(letters(again), letters_up_to(std::min<std::uint64_t>(end, 40)) + "Z");
  }
}

TEST(CutTest, ACrashInItLeavesNoHole) {
  for (std::uint64_t call = 1; call <= 40; ++call) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      os::SimulatedFileSystem files(seed);
      fill(files);
      const std::uint64_t end = 3 + seed;
      {
        Journal journal(files, "/data");
        const auto to = *journal.open_writer("feed", 0);
        files.crash_at_change(call);
        (void)to->cut({end});
      }
      files.lose_power();
      files.restart();
      Journal journal(files, "/data");
      const auto to = journal.open_writer("feed", 0);
      ASSERT_TRUE(to.has_value()) << to.error().message;
      const std::string read = letters(journal);
      EXPECT_GE(read.size(), end);
      EXPECT_EQ(read, letters_up_to(read.size()));
      ASSERT_TRUE((*to)->cut({end}));
      EXPECT_EQ(letters(journal), letters_up_to(end));
    }
  }
}

TEST(PowerLossTest, AnIndexVouchesOnlyForWhatIsOnTheDisk) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    os::SimulatedFileSystem files(seed);
    Journal journal(files, "/data");
    ASSERT_TRUE(journal.create_topic("feed", four_page_segments).has_value());
    const auto dead = *journal.open_writer("feed", 0);
    fill_four_segments(*dead, "a");
    ASSERT_TRUE(dead->maintain().has_value());
    // The names reach the disk, so that the indexes are found again.
    ASSERT_TRUE(files.sync_folder("/data/feed/0").has_value());
    files.lose_power();
    Journal again(files, "/data");
    const auto recovered = again.open_writer("feed", 0);
    ASSERT_TRUE(recovered.has_value()) << recovered.error().message;
    EXPECT_TRUE(again.verify("feed", 0)->is_sound());
    EXPECT_EQ(again.describe("feed", 0)->end, (*recovered)->end());
  }
}

TEST(PowerLossTest, WhatARecoveryRemovedDoesNotComeBack) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    os::SimulatedFileSystem files(seed);
    std::vector<std::unique_ptr<Writer>> dead;
    std::uint64_t kept = 0;
    for (const std::string_view tag : {"old", "new"}) {
      Journal journal(files, "/data");
      ASSERT_TRUE(journal.create_topic("feed", four_page_segments).has_value());
      dead.push_back(*journal.open_writer("feed", 0));
      if (tag == "new") kept = dead.back()->end().value;
      fill_four_segments(*dead.back(), tag);
      files.lose_power();
    }
    Journal journal(files, "/data");
    {
      ASSERT_TRUE(journal.open_writer("feed", 0).has_value());
    }
    const auto from = *journal.open_reader("feed", 0);
    for (;;) {
      const Result<std::optional<Batch>> batch = from->next();
      ASSERT_TRUE(batch.has_value()) << batch.error().message;
      if (!*batch) break;
      const std::string expected = (*batch)->first.value < kept ? "old" : "new";
      ASSERT_EQ(text_of((*batch)->payload.first(3)), expected) << (*batch)->first.value;
    }
  }
}

// Random appends, syncs and crashes; what must hold after each crash does.
class CrashPropertyTest : public ::testing::TestWithParam<SyncPolicy> {};

INSTANTIATE_TEST_SUITE_P(Policies, CrashPropertyTest,
                         ::testing::Values(SyncPolicy::none, SyncPolicy::interval, SyncPolicy::batch));

class Model {
 public:
  Model(std::uint64_t seed, SyncPolicy policy) : random_(seed), files_(seed), policy_(policy) {
    journal_ = std::make_unique<Journal>(files_, "/data");
    EXPECT_TRUE(journal_->create_topic("feed", {.segment_bytes = 4096, .sync = policy}).has_value());
  }

  void run(int crashes) {
    for (int i = 0; i < crashes && !::testing::Test::HasFailure(); ++i) {
      live();
      // Without syncs a power loss may leave holes that look like damage, and the operator is asked.
      const bool power = policy_ != SyncPolicy::none && random_() % 2 == 0;
      power ? files_.lose_power() : files_.crash_process();
      journal_ = std::make_unique<Journal>(files_, "/data");
      check(power);
    }
  }

 private:
  void live() {
    files_.set_fault_rates({});
    Result<std::unique_ptr<Writer>> opened = journal_->open_writer("feed", 0);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    Writer& to = **opened;
    ASSERT_EQ(to.end(), Offset{texts_.size()});
    if (random_() % 2 == 0) files_.set_fault_rates({.write_fails = 0.05, .write_is_torn = 0.05});
    const auto from = *journal_->open_reader("feed", 0);
    for (std::uint64_t steps = random_() % 60; steps > 0; --steps) {
      const std::uint64_t dice = random_() % 10;
      if (dice < 7) {
        std::string text = std::to_string(random_()) + std::string(random_() % 1500, '.');
        const Bytes payload = std::as_bytes(std::span(text));
        if (const auto offset = to.append({.record_count = 1}, payload)) {
          ASSERT_EQ(offset->value, texts_.size());
          texts_.push_back(std::move(text));
          if (policy_ == SyncPolicy::batch) safe_ = texts_.size();
        }
      } else if (dice == 7) {
        if (policy_ != SyncPolicy::none && to.sync()) safe_ = texts_.size();
      } else if (dice == 8) {
        (void)to.maintain();
      } else {
        (void)from->next();
      }
    }
    // The writer is not closed: its process dies with it.
    dead_.push_back(std::move(*opened));
  }

  void check(bool power) {
    files_.set_fault_rates({});
    const auto before = read_all();
    {
      ASSERT_TRUE(journal_->open_writer("feed", 0).has_value())
          << journal_->open_writer("feed", 0).error().message;
    }
    const auto after = read_all();
    EXPECT_EQ(before, after) << "a reader sees before the recovery what it sees after it";
    ASSERT_LE(after.size(), texts_.size());
    ASSERT_GE(after.size(), power ? safe_ : texts_.size());
    texts_.resize(after.size());
    ASSERT_EQ(after, texts_);
    EXPECT_TRUE(journal_->verify("feed", 0)->is_sound());
    safe_ = std::min(safe_, texts_.size());
  }

  std::vector<std::string> read_all() {
    std::vector<std::string> texts;
    const auto from = *journal_->open_reader("feed", 0);
    for (;;) {
      const Result<std::optional<Batch>> batch = from->next();
      EXPECT_TRUE(batch.has_value()) << batch.error().message;
      if (!batch || !*batch) return texts;
      EXPECT_EQ((*batch)->first.value, texts.size());
      texts.push_back(text_of((*batch)->payload));
    }
  }

  std::mt19937_64 random_;
  os::SimulatedFileSystem files_;
  SyncPolicy policy_;
  std::unique_ptr<Journal> journal_;
  std::vector<std::string> texts_;
  std::size_t safe_ = 0;  // So many would survive a power loss.
  std::vector<std::unique_ptr<Writer>> dead_;
};

TEST_P(CrashPropertyTest, WhatWasPromisedIsThereAfterAnyCrash) {
  for (std::uint64_t seed = 0; seed < 50 && !HasFailure(); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Model(seed, GetParam()).run(6);
  }
}

}  // namespace
}  // namespace tapeline::event_log::journal::testing
