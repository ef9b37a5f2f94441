#include "stream/row_log.h"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tapeline::stream {
namespace {

constexpr FixedText<10> session("S1");

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// "sequence/table/ordinal:row" of each row, or why it cannot be read.
std::string read(std::span<const std::byte> payload) {
  Result<RowBatchCursor> cursor = RowBatchCursor::open(payload);
  if (!cursor) return cursor.error().message;
  std::string text;
  for (;;) {
    const Result<std::optional<RowView>> row = cursor->next();
    if (!row) return row.error().message;
    if (!*row) return text;
    const RowHeader& header = (*row)->header;
    text += std::to_string(header.sequence) + "/" + std::to_string(header.table) + "/" +
            std::to_string(header.ordinal) + ":" +
            std::string(reinterpret_cast<const char*>((*row)->bytes.data()), (*row)->bytes.size()) + " ";
  }
}

std::vector<std::byte> sample_batch() {
  RowBatchBuilder builder;
  builder.begin_message(Sequence{7});
  builder.add(1, Locate{3}, as_bytes("bar3"));
  builder.add(1, Locate{5}, as_bytes("bar five"));
  builder.add(2, Locate{3}, as_bytes("spread3 "));
  builder.begin_message(Sequence{8});
  builder.add(1, Locate{3}, as_bytes("x"));
  const auto bytes = builder.finish(session, {16, 8}, 48, Position{100}, Position{120});
  return {bytes.begin(), bytes.end()};
}

TEST(RowLog, ReadsBackWhatWasWritten) {
  const std::vector<std::byte> batch = sample_batch();
  EXPECT_EQ(batch.size() % row_alignment, 0u);
  EXPECT_EQ(read(batch), "7/1/0:bar3 7/1/0:bar five 7/2/0:spread3  8/1/0:x ");
  const RowBatchHeader header = RowBatchCursor::open(batch)->header();
  EXPECT_EQ(header.session, session);
  EXPECT_EQ(header.groups(), (GroupRange{16, 8}));
  EXPECT_EQ(header.from, Position{100});
  EXPECT_EQ(header.to, Position{120});
  EXPECT_EQ(header.record_count(), 5u);
}

TEST(RowLog, AnEmptyBatchTellsOfItsStretch) {
  RowBatchBuilder builder;
  const auto batch = builder.finish(session, {0, 48}, 48, Position{5}, Position{9});
  EXPECT_EQ(read(batch), "");
  EXPECT_EQ(RowBatchCursor::open(batch)->header().record_count(), 1u);
}

// Rows of one message come in any order of keys; each key counts its own in each table.
TEST(RowLog, OrdinalsCountTheRowsOfOneKeyAndTableInAMessage) {
  RowBatchBuilder builder;
  builder.begin_message(Sequence{1});
  for (const char* row : {"a", "b"}) builder.add(0, Locate{5}, as_bytes(row));
  builder.add(0, Locate{9}, as_bytes("c"));
  builder.add(1, Locate{5}, as_bytes("d"));
  builder.add(0, Locate{5}, as_bytes("e"));
  builder.add(0, Locate{2}, as_bytes("f"));
  builder.add(0, Locate{9}, as_bytes("g"));
  builder.begin_message(Sequence{2});
  builder.add(0, Locate{5}, as_bytes("h"));
  EXPECT_EQ(read(builder.finish(session, {0, 1}, 1, Position{0}, Position{2})),
            "1/0/0:a 1/0/1:b 1/0/0:c 1/1/0:d 1/0/2:e 1/0/0:f 1/0/1:g 2/0/0:h ");
  builder.clear();
  builder.begin_message(Sequence{3});
  builder.add(0, Locate{5}, as_bytes("i"));
  EXPECT_EQ(read(builder.finish(session, {0, 1}, 1, Position{2}, Position{3})), "3/0/0:i ");
}

TEST(RowLog, RefusesWhatIsCutOffOrGoesOn) {
  const std::vector<std::byte> whole = sample_batch();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // In memory of its own, so that a sanitizer sees a read beyond the end.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_THAT(read(cut), ::testing::HasSubstr("a batch of rows")) << size;
  }
  std::vector<std::byte> longer = whole;
  longer.resize(longer.size() + 8);
  EXPECT_THAT(read(longer), ::testing::HasSubstr("goes on behind its last row"));
}

TEST(RowLog, RefusesHeadersThatMakeNoSense) {
  const auto with = [](auto change) {
    std::vector<std::byte> batch = sample_batch();
    RowBatchHeader header;
    std::memcpy(&header, batch.data(), sizeof header);
    change(header);
    std::memcpy(batch.data(), &header, sizeof header);
    return read(batch);
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(with([](auto& header) { header.version = 2; }), HasSubstr("use a newer one"));
  EXPECT_THAT(with([](auto& header) { header.version = 0; }), HasSubstr("no version"));
  EXPECT_THAT(with([](auto& header) { header.first_group = 41; }), HasSubstr("names groups"));
  EXPECT_THAT(with([](auto& header) { header.key_groups = 0; }), HasSubstr("names groups"));
  EXPECT_THAT(with([](auto& header) { header.to = Position{99}; }), HasSubstr("ends before it begins"));
  EXPECT_THAT(with([](auto& header) { header.row_count = UINT32_MAX; }), HasSubstr("too short"));
}

RowDigest digest_of(std::initializer_list<RowView> rows, const FixedText<10>& in = session) {
  RowDigest digest;
  for (const RowView& row : rows) digest.add(in, row);
  return digest;
}

TEST(RowDigest, DependsOnEveryRowAndNotOnTheirOrder) {
  const std::string text = "row";
  const RowView a{{1, 0, 3, 0}, as_bytes(text)};
  const RowView b{{2, 0, 3, 0}, as_bytes(text)};
  EXPECT_EQ(digest_of({a, b}), digest_of({b, a}));
  RowDigest merged = digest_of({a});
  merged.add(digest_of({b}));
  EXPECT_EQ(merged, digest_of({a, b}));
  const RowView other_ordinal{{1, 0, 3, 1}, as_bytes(text)};
  const RowView other_table{{1, 1, 3, 0}, as_bytes(text)};
  const std::string other_text = "roW";
  const RowView other_bytes{{1, 0, 3, 0}, as_bytes(other_text)};
  for (const RowView& other : {b, other_ordinal, other_table, other_bytes})
    EXPECT_NE(digest_of({a}).hex(), digest_of({other}).hex());
  EXPECT_NE(digest_of({a, a}).hex(), digest_of({a}).hex());
  EXPECT_NE(digest_of({a, b}).hex(), digest_of({a}).hex());
  EXPECT_NE(digest_of({a}, FixedText<10>("S2")).hex(), digest_of({a}).hex());
  EXPECT_EQ(digest_of({}).hex(), std::string(32, '0'));
}

// The digest is kept beside outputs and compared between versions, so it never changes.
TEST(RowDigest, IsStable) {
  RowDigest digest;
  ASSERT_TRUE(digest.add_batch(sample_batch()));
  EXPECT_EQ(digest.rows(), 4u);
  EXPECT_EQ(digest.hex(), "d0d48e0fbe4f6dbd8638942500c9b342");
}

TEST(OutputEnds, TakesTheFurthestOfEachGroup) {
  OutputEnds ends(4);
  RowBatchHeader header{};
  header.key_groups = 4;
  header.first_group = 1;
  header.group_count = 2;
  header.to = Position{10};
  ASSERT_TRUE(ends.take(header));
  header.first_group = 2;
  header.to = Position{20};
  ASSERT_TRUE(ends.take(header));
  header.to = Position{15};
  ASSERT_TRUE(ends.take(header));
  EXPECT_THAT(ends.ends(), ::testing::ElementsAre(Position{0}, Position{10}, Position{20}, Position{20}));
  header.key_groups = 5;
  EXPECT_FALSE(ends.take(header));
}

}  // namespace
}  // namespace tapeline::stream
