#include "event_log/journal/journal.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "event_log/journal/manifest.h"
#include "event_log/journal/testing/journal_fixture.h"

namespace tapeline::event_log::journal::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(JournalTest, WhatIsAppendedIsRead) {
  create();
  const auto to = writer();
  const auto from = reader();
  EXPECT_EQ(next(*from), "-");
  const std::array<std::string_view, 3> texts = {"one", "", "two"};
  std::array<Bytes, 3> pieces;
  for (std::size_t i = 0; i < 3; ++i) pieces[i] = std::as_bytes(std::span(texts[i]));
  const NewBatch batch{
      .record_count = 5, .kind = 0xabcd, .first_time_ns = 11, .last_time_ns = 12, .payload = pieces};
  EXPECT_EQ(to->append(batch).value(), Offset{0});
  EXPECT_EQ(append(*to, "three"), Offset{5});
  EXPECT_EQ(to->end(), Offset{6});
  const auto got = from->next();
  ASSERT_TRUE(got.has_value() && got->has_value());
  EXPECT_EQ((*got)->first, Offset{0});
  EXPECT_EQ((*got)->end(), Offset{5});
  EXPECT_EQ((*got)->kind, 0xabcd);
  EXPECT_EQ((*got)->first_time_ns, 11);
  EXPECT_EQ((*got)->last_time_ns, 12);
  EXPECT_EQ((*got)->missed, 0);
  EXPECT_EQ(text_of((*got)->payload), "onetwo");
  EXPECT_EQ(from->position(), Offset{5});
  EXPECT_EQ(next(*from), "5:three");
  EXPECT_EQ(next(*from), "-");
}

TEST_F(JournalTest, PayloadsAreAlignedAndPadded) {
  create();
  const auto to = writer();
  for (std::size_t size = 0; size < 40; ++size) append(*to, std::string(size, 'x'));
  const auto from = reader();
  for (std::size_t size = 0; size < 40; ++size) {
    const Result<std::optional<Batch>> batch = from->next();
    ASSERT_TRUE(batch.has_value() && batch->has_value());
    const Bytes payload = (*batch)->payload;
    ASSERT_EQ(payload.size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(payload.data()) % 8, 0);
    // The address sanitizer stops a read past the buffer.
    const volatile std::byte* padding = payload.data() + payload.size();
    for (std::size_t i = 0; i < decode_padding; ++i) (void)padding[i];
  }
}

TEST_F(JournalTest, LargeBatchesAndManySmallOnesFitAnyWindow) {
  create({.segment_bytes = std::uint64_t{64} << 20});
  const auto to = writer();
  std::vector<std::size_t> sizes = {3 << 20, 10, (1 << 20) - 56, 1 << 20, 5, max_payload_bytes, 1};
  for (int i = 0; i < 300; ++i) sizes.push_back(10'007);
  for (const std::size_t size : sizes) append(*to, std::string(size, static_cast<char>('a' + size % 26)));
  const auto from = reader();
  for (const std::size_t size : sizes) {
    const Result<std::optional<Batch>> batch = from->next();
    ASSERT_TRUE(batch.has_value() && batch->has_value());
    EXPECT_EQ((*batch)->payload.size(), size);
    EXPECT_EQ((*batch)->payload.back(), static_cast<std::byte>('a' + size % 26));
  }
  EXPECT_EQ(next(*from), "-");
  const auto refused = try_append(*to, std::string(max_payload_bytes + 1, 'x'));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::usage);
  EXPECT_EQ(append(*to, "next"), Offset{sizes.size()});
}

TEST_F(JournalTest, ReadersFollowInThisProcessAndInAnother) {
  create({.segment_bytes = 4096});
  const auto to = writer();
  Journal elsewhere(files_, std::string(data));
  const auto here = reader();
  const auto there = *elsewhere.open_reader("feed", 0);
  EXPECT_NE(here->live_end(), nullptr);
  EXPECT_EQ(there->live_end(), nullptr);
  for (int i = 0; i < 100; ++i) {
    const std::string expected = std::to_string(i) + ":" + std::string(300, 'x');
    EXPECT_EQ(next(*here), "-");
    EXPECT_EQ(next(*there), "-");
    append(*to, std::string(300, 'x'));
    EXPECT_EQ(next(*here), expected);
    EXPECT_EQ(next(*there), expected);
  }
  EXPECT_EQ(here->live_end()->load(), 100);
  EXPECT_GT(segments().size(), 5);
}

TEST_F(JournalTest, AppendIsOneWriteAndWaitingCostsLittle) {
  create();
  const auto to = writer();
  append(*to, "first");
  const std::uint64_t writes = files_.write_calls();
  append(*to, std::string(16'000, 'x'));
  EXPECT_EQ(files_.write_calls(), writes + 1);
  const auto here = reader();
  rest(*here);
  std::uint64_t reads = files_.read_calls();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(next(*here), "-");
  EXPECT_EQ(files_.read_calls(), reads) << "the writer's tip tells";
  Journal elsewhere(files_, std::string(data));
  const auto there = *elsewhere.open_reader("feed", 0);
  rest(*there);
  reads = files_.read_calls();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(next(*there), "-");
  EXPECT_EQ(files_.read_calls(), reads + 100) << "one read each";
}

TEST_F(JournalTest, CatchingUpIsByLargeReads) {
  create();
  const auto to = writer();
  for (int i = 0; i < 1000; ++i) append(*to, std::string(10'000, 'x'));
  const auto from = reader();
  const std::uint64_t reads = files_.read_calls();
  EXPECT_EQ(rest(*from).size(), 1000);
  EXPECT_LT(files_.read_calls() - reads, 40);
}

TEST_F(JournalTest, SegmentsRollBySizeAndByTime) {
  create({.segment_bytes = 4096, .segment_ns = 100 * second_ns});
  const auto to = writer();
  append(*to, std::string(3000, 'a'), 10);
  append(*to, std::string(3000, 'b'), 11);
  append(*to, "c", 111);
  append(*to, "d", 112);
  append(*to, std::string(9000, 'e'), 113);
  append(*to, "f", 114);
  EXPECT_THAT(segments(), ElementsAre(0, 1, 3, 4, 5));
  const auto from = reader();
  EXPECT_EQ(next(*from).size(), 3002);
  EXPECT_EQ(next(*from).size(), 3002);
  EXPECT_THAT(rest(*from), ElementsAre("2:c", "3:d", "4:" + std::string(9000, 'e'), "5:f"));
}

class JournalSeekTest : public JournalTest, public ::testing::WithParamInterface<bool> {
 protected:
  // 200 batches of 3 records at 10 s, 20 s, …, in several segments.
  void SetUp() override {
    create({.segment_bytes = 100'000});
    writer_ = writer();
    for (std::uint64_t i = 0; i < 200; ++i)
      append(*writer_, std::to_string(i) + std::string(2000, '.'), 10 * (i + 1), 3);
    ASSERT_GT(segments().size(), 3);
    if (GetParam()) {
      ASSERT_TRUE(writer_->maintain().has_value());
    }
  }
  std::uint64_t next_number(Reader& from) {
    const Result<std::optional<Batch>> batch = from.next();
    if (!batch || !*batch) return 1000;
    EXPECT_EQ((*batch)->missed, 0);
    return std::stoull(text_of((*batch)->payload.first(4)));
  }
  std::unique_ptr<Writer> writer_;
};

INSTANTIATE_TEST_SUITE_P(WithAndWithoutIndexes, JournalSeekTest, ::testing::Bool());

TEST_P(JournalSeekTest, ByOffset) {
  const auto from = reader();
  for (const std::uint64_t offset : {0, 1, 2, 3, 299, 300, 301, 597, 599, 150, 0}) {
    ASSERT_TRUE(from->seek({offset}).has_value());
    EXPECT_EQ(next_number(*from), offset / 3) << offset;
    if (offset < 597) {
      EXPECT_EQ(next_number(*from), offset / 3 + 1) << offset;
    }
  }
  ASSERT_TRUE(from->seek({605}).has_value());
  EXPECT_EQ(next(*from), "-") << "an offset to come is waited for";
  for (int i = 0; i < 4; ++i) append(*writer_, "to come", 3000, 3);
  EXPECT_EQ(next(*from), "603:to come");
}

TEST_P(JournalSeekTest, ByTime) {
  const auto from = reader();
  for (const std::uint64_t time_s : {0, 10, 11, 20, 555, 1000, 1001, 1999, 2000}) {
    ASSERT_TRUE(from->seek_time(time_s * second_ns).has_value());
    EXPECT_EQ(next_number(*from), time_s <= 10 ? 0 : (time_s - 1) / 10) << time_s;
  }
  ASSERT_TRUE(from->seek_time(2001 * second_ns).has_value());
  EXPECT_EQ(next(*from), "-");
  EXPECT_EQ(from->position(), Offset{600});
}

TEST_P(JournalSeekTest, ToTheEnds) {
  Journal elsewhere(files_, std::string(data));
  for (Journal* journal : {journal_.get(), &elsewhere}) {
    const auto from = *journal->open_reader("feed", 0);
    ASSERT_TRUE(from->seek_end().has_value());
    EXPECT_EQ(from->position(), Offset{600});
    EXPECT_EQ(next(*from), "-");
    ASSERT_TRUE(from->seek_oldest().has_value());
    EXPECT_EQ(next_number(*from), 0);
  }
}

TEST_P(JournalSeekTest, DescribeTellsTheWhole) {
  const auto description = journal_->describe("feed", 0);
  ASSERT_TRUE(description.has_value());
  EXPECT_EQ(description->oldest, Offset{0});
  EXPECT_EQ(description->end, Offset{600});
  EXPECT_EQ(description->first_time_ns, 10 * second_ns);
  EXPECT_EQ(description->last_time_ns, 2000 * second_ns);
  EXPECT_EQ(description->segments, segments().size());
  EXPECT_GT(description->bytes, 400'000);
}

TEST_F(JournalTest, RetentionRemovesTheOldestAndReadersAreTold) {
  create({.segment_bytes = 4096, .retention_ns = 50 * second_ns});
  const auto to = writer();
  const auto slow = reader();
  const auto stopped = reader();
  append(*to, std::string(3000, 'a'), 10, 10);
  EXPECT_EQ(next(*slow).size(), 3002);
  append(*to, std::string(3000, 'b'), 20, 10);
  append(*to, std::string(3000, 'c'), 65, 10);
  append(*to, "d", 70, 10);
  ASSERT_TRUE(to->maintain().has_value());
  EXPECT_THAT(segments(), ElementsAre(10, 20)) << "10 s is more than 50 s before 70 s, 20 s is not";
  append(*to, std::string(3000, 'e'), 200, 10);
  append(*to, std::string(3000, 'f'), 300, 10);
  ASSERT_TRUE(to->maintain().has_value());
  EXPECT_THAT(segments(), ElementsAre(50)) << "the active one stays";
  EXPECT_EQ(next(*slow), "+40 50:" + std::string(3000, 'f'));
  EXPECT_EQ(next(*stopped), "50:" + std::string(3000, 'f')) << "it had not begun";
  EXPECT_EQ(next(*slow), "-");
  ASSERT_TRUE(slow->seek({0}).has_value());
  EXPECT_EQ(next(*slow), "+50 50:" + std::string(3000, 'f'));
  EXPECT_EQ(files_.list(folder())->size(), 2) << "segment and lock; the indexes are gone";
}

TEST_F(JournalTest, RetentionBySizeKeepsWhatFits) {
  create({.segment_bytes = 4096, .retention_bytes = 10'000});
  const auto to = writer();
  for (int i = 0; i < 10; ++i) append(*to, std::string(3000, 'x'));
  ASSERT_TRUE(to->maintain().has_value());
  EXPECT_THAT(segments(), ElementsAre(7, 8, 9));
}

TEST_F(JournalTest, AReaderInARemovedSegmentReadsItToTheEnd) {
  create({.segment_bytes = 4096, .retention_bytes = 4096});
  const auto to = writer();
  append(*to, std::string(1000, 'a'));
  append(*to, std::string(1000, 'b'));
  Journal elsewhere(files_, std::string(data));
  const auto there = *elsewhere.open_reader("feed", 0);
  EXPECT_EQ(next(*there), "0:" + std::string(1000, 'a'));
  for (int i = 0; i < 4; ++i) append(*to, std::string(3000, 'c'));
  ASSERT_TRUE(to->maintain().has_value());
  ASSERT_EQ(segments().front(), 5);
  EXPECT_EQ(next(*there), "1:" + std::string(1000, 'b'));
  EXPECT_EQ(next(*there), "+3 5:" + std::string(3000, 'c'));
}

TEST_F(JournalTest, OneWriterPerPartition) {
  create({.partitions = 2});
  auto first = writer();
  Journal elsewhere(files_, std::string(data));
  const auto refused = elsewhere.open_writer("feed", 0);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_TRUE(elsewhere.open_writer("feed", 1).has_value());
  first.reset();
  EXPECT_TRUE(elsewhere.open_writer("feed", 0).has_value());
}

TEST_F(JournalTest, AFullDiskLeavesNothingTornAndWorksAgain) {
  create({.segment_bytes = 1 << 20, .preallocate_bytes = 0});
  const auto to = writer();
  append(*to, std::string(1000, 'a'));
  files_.set_capacity(files_.content(segment(0)).size() + files_.content("/data/feed/manifest.json").size() +
                      500);
  const std::vector<std::byte> before = files_.content(segment(0));
  for (int i = 0; i < 3; ++i) {
    const auto refused = try_append(*to, std::string(1000, 'b'));
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message, HasSubstr("No space left"));
    EXPECT_EQ(files_.content(segment(0)), before);
  }
  EXPECT_EQ(append(*to, "fits"), Offset{1});
  files_.set_capacity(1 << 30);
  EXPECT_EQ(append(*to, std::string(1000, 'c')), Offset{2});
  EXPECT_THAT(everything(),
              ElementsAre("0:" + std::string(1000, 'a'), "1:fits", "2:" + std::string(1000, 'c')));
}

TEST_F(JournalTest, AFullDiskAtARollIsNoDifferent) {
  create({.segment_bytes = 4096, .preallocate_bytes = 4096});
  const auto to = writer();
  append(*to, std::string(3000, 'a'));
  files_.set_capacity(6000);
  EXPECT_FALSE(try_append(*to, std::string(3000, 'b')).has_value());
  EXPECT_THAT(segments(), ElementsAre(0));
  files_.set_capacity(1 << 30);
  EXPECT_EQ(append(*to, std::string(3000, 'b')), Offset{1});
  EXPECT_EQ(everything().size(), 2);
}

TEST_F(JournalTest, FailedAndTornWritesAreAsIfTheyHadNotBeen) {
  create({.segment_bytes = 4096});
  const auto to = writer();
  const auto from = reader();
  std::vector<std::string> expected;
  files_.set_fault_rates({.write_fails = 0.2, .write_is_torn = 0.3});
  for (std::uint64_t i = 0; i < 500; ++i) {
    const std::string text = "batch " + std::to_string(i) + std::string(i % 97, '.');
    if (try_append(*to, text)) expected.push_back(std::to_string(expected.size()) + ":" + text);
  }
  EXPECT_GT(expected.size(), 100);
  EXPECT_LT(expected.size(), 400);
  EXPECT_EQ(rest(*from), expected);
  restart();
  EXPECT_EQ(everything(), expected) << "as another process sees it";
}

TEST_F(JournalTest, SyncPoliciesSyncWhenTheySay) {
  create({.sync = SyncPolicy::batch}, "batch");
  create({.sync = SyncPolicy::interval}, "interval");
  const auto each = writer("batch");
  append(*each, "a");
  EXPECT_EQ(each->synced(), Offset{1});
  std::uint64_t syncs = files_.sync_calls();
  append(*each, "b");
  EXPECT_EQ(files_.sync_calls(), syncs + 1);
  const auto later = writer("interval");
  syncs = files_.sync_calls();
  for (int i = 0; i < 10; ++i) append(*later, "c");
  EXPECT_EQ(files_.sync_calls(), syncs);
  EXPECT_EQ(later->synced(), Offset{0});
  ASSERT_TRUE(later->sync().has_value());
  EXPECT_EQ(later->synced(), Offset{10});
  syncs = files_.sync_calls();
  ASSERT_TRUE(later->sync().has_value());
  EXPECT_EQ(files_.sync_calls(), syncs) << "nothing to do";
}

TEST_F(JournalTest, AFailedSyncIsFinal) {
  create({.sync = SyncPolicy::interval});
  auto to = writer();
  append(*to, "a");
  files_.fail_next_sync();
  EXPECT_FALSE(to->sync().has_value());
  EXPECT_FALSE(to->sync().has_value()) << "the kernel would say yes now, and mean something else";
  const auto refused = try_append(*to, "b");
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("start again"));
  to.reset();
  to = writer();
  EXPECT_EQ(append(*to, "b"), Offset{1});
}

TEST_F(JournalTest, RoomThatWasClaimedGoesBack) {
  create({.segment_bytes = 4096, .preallocate_bytes = 1 << 20});
  files_.set_capacity(std::uint64_t{8} << 20);
  auto to = writer();
  for (int i = 0; i < 20; ++i) append(*to, std::string(3000, 'x'));
  to.reset();
  EXPECT_GT(*files_.free_bytes(folder()), (std::uint64_t{8} << 20) - 100'000);
}

TEST_F(JournalTest, TopicsAreListedAndChanged) {
  create({.partitions = 2, .segment_bytes = 5000}, "rows");
  create({.compacted = true}, "state");
  const auto topics = journal_->topics();
  ASSERT_TRUE(topics.has_value());
  ASSERT_EQ(topics->size(), 2);
  EXPECT_EQ((*topics)[0].name, "rows");
  EXPECT_EQ((*topics)[0].options.partitions, 2);
  EXPECT_EQ((*topics)[0].options.segment_bytes, 5000);
  EXPECT_TRUE((*topics)[1].options.compacted);
  create({.partitions = 1, .sync = SyncPolicy::batch}, "rows");
  EXPECT_EQ(journal_->topic("rows")->options.partitions, 2) << "never fewer";
  EXPECT_EQ(journal_->topic("rows")->options.sync, SyncPolicy::batch);
  EXPECT_FALSE(journal_->create_topic("rows", {.compacted = true}).has_value());
  for (const std::string name : {"", "..", "a/b", "A", "a b"})
    EXPECT_FALSE(journal_->create_topic(name, {}).has_value()) << name;
  EXPECT_FALSE(journal_->create_topic("rows", {.partitions = 0}).has_value());
  EXPECT_FALSE(journal_->create_topic("rows", {.segment_bytes = 1}).has_value());
  EXPECT_EQ(journal_->open_reader("absent", 0).error().code, ErrorCode::not_found);
  EXPECT_EQ(journal_->open_reader("rows", 2).error().code, ErrorCode::not_found);
}

TEST_F(JournalTest, ANewerFormatIsRefused) {
  create();
  append(*writer(), "a");
  SegmentHeader header = make_segment_header(0, 0);
  std::vector<std::byte> bytes = files_.content(segment(0));
  header.version = format_version + 1;
  const Bytes covered = std::as_bytes(std::span(&header, 1)).subspan(12);
  header.crc = crc32c(covered);
  std::memcpy(bytes.data(), &header, sizeof header);
  files_.set_content(segment(0), bytes);
  EXPECT_EQ(journal_->open_writer("feed", 0).error().code, ErrorCode::unsupported);
  EXPECT_EQ(reader()->next().error().code, ErrorCode::unsupported);
  const std::string manifest = R"({"format": 2, "whatever": []})";
  const Bytes text = std::as_bytes(std::span(manifest));
  files_.set_content("/data/feed/manifest.json", {text.begin(), text.end()});
  EXPECT_EQ(journal_->topics().error().code, ErrorCode::unsupported);
  EXPECT_EQ(journal_->create_topic("feed", {}).error().code, ErrorCode::unsupported);
}

TEST_F(JournalTest, ADamagedManifestIsNamed) {
  create();
  const std::vector<std::byte> whole = files_.content("/data/feed/manifest.json");
  for (std::size_t size = 0; size + 3 < whole.size(); ++size) {
    files_.set_content("/data/feed/manifest.json",
                       {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    const auto opened = journal_->open_writer("feed", 0);
    ASSERT_FALSE(opened.has_value()) << size;
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
    EXPECT_THAT(opened.error().message, HasSubstr("/data/feed/manifest.json"));
  }
}

TEST_F(JournalTest, AnIndexIsMadeAgain) {
  create({.segment_bytes = 4096});
  auto to = writer();
  for (int i = 0; i < 10; ++i) append(*to, std::string(1000, 'x'));
  to.reset();
  EXPECT_FALSE(files_.open(index_path(folder(), 0), os::OpenMode::read).has_value()) << "nobody maintained";
  to = writer();
  ASSERT_TRUE(to->maintain().has_value());
  EXPECT_TRUE(SegmentIndex::decode(files_.content(index_path(folder(), 0))).has_value());
  // One that is damaged is not believed.
  std::vector<std::byte> bytes = files_.content(index_path(folder(), 0));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= std::byte{1};
    EXPECT_FALSE(SegmentIndex::decode(bytes).has_value()) << i;
    EXPECT_FALSE(SegmentIndex::decode(Bytes(bytes).first(i)).has_value()) << i;
    bytes[i] ^= std::byte{1};
  }
}

}  // namespace
}  // namespace tapeline::event_log::journal::testing
