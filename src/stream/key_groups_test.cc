#include "stream/key_groups.h"

#include <vector>

#include <gtest/gtest.h>

namespace tapeline::stream {
namespace {

// Worked out by hand from the published finaliser: stored state and logs depend on these.
TEST(KeyGroups, HashNeverChanges) {
  EXPECT_EQ(KeyGroups::hash(0), 0u);
  EXPECT_EQ(KeyGroups::hash(1), 0xB456'BCFC'34C2'CB2Cu);
  EXPECT_EQ(KeyGroups::hash(0x0123'4567'89AB'CDEF), 0x87CB'FBFE'8902'2CEAu);
  const KeyGroups groups;
  EXPECT_EQ(groups.count(), 48);
  EXPECT_EQ(groups.group_of(Locate{0}), KeyGroup{0});
  EXPECT_EQ(groups.group_of(Locate{1}), KeyGroup{0xB456'BCFC'34C2'CB2Cu % 48});
}

TEST(KeyGroups, SpreadsTheKeysOfADayEvenly) {
  const KeyGroups groups;
  std::vector<int> keys(groups.count());
  for (std::uint16_t key = 1; key <= 9'600; ++key) ++keys[raw(groups.group_of(Locate{key}))];
  for (const int count : keys) {
    EXPECT_GT(count, 140);
    EXPECT_LT(count, 260);
  }
}

TEST(KeyGroups, EveryGroupHasExactlyOneWorker) {
  for (const std::uint16_t count : std::to_array<std::uint16_t>({1, 7, 48, 1024})) {
    const KeyGroups groups(count);
    for (unsigned workers = 1; workers <= std::min<unsigned>(count, 64); ++workers) {
      std::uint16_t next = 0;
      for (unsigned worker = 0; worker < workers; ++worker) {
        const GroupRange range = groups.range_of(worker, workers);
        EXPECT_EQ(range.first, next);
        EXPECT_GE(range.count, count / workers);
        EXPECT_LE(range.count, count / workers + 1);
        EXPECT_TRUE(range.contains(KeyGroup{range.first}));
        next = static_cast<std::uint16_t>(next + range.count);
        EXPECT_FALSE(range.contains(KeyGroup{next}));
      }
      EXPECT_EQ(next, count);
    }
  }
}

}  // namespace
}  // namespace tapeline::stream
