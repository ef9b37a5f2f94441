#include "stream/key_set.h"

#include <array>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace tapeline::stream {
namespace {

std::vector<std::uint16_t> keys_of(KeySet& set) {
  std::vector<std::uint16_t> keys;
  set.for_each([&](Locate key) { keys.push_back(raw(key)); });
  return keys;
}

TEST(KeySet, TellsItsKeysInIncreasingOrder) {
  std::mt19937_64 random(5);
  KeySet set;
  std::set<std::uint16_t> plain;
  EXPECT_TRUE(set.empty());
  for (int round = 0; round < 2'000; ++round) {
    const auto key = static_cast<std::uint16_t>(random());
    if (random() % 3 == 0 && !plain.empty()) {
      const std::uint16_t gone = *plain.begin();
      set.remove(Locate{gone});
      plain.erase(gone);
    }
    set.add(Locate{key});
    plain.insert(key);
    EXPECT_TRUE(set.contains(Locate{key}));
  }
  for (const auto edge : std::to_array<std::uint16_t>({0, 63, 64, 4'095, 4'096, 65'535})) {
    set.add(Locate{edge});
    plain.insert(edge);
  }
  EXPECT_EQ(keys_of(set), std::vector<std::uint16_t>(plain.begin(), plain.end()));
  set.for_each([&](Locate key) {
    if (raw(key) % 2 == 0) set.remove(key);
  });
  std::erase_if(plain, [](std::uint16_t key) { return key % 2 == 0; });
  EXPECT_EQ(keys_of(set), std::vector<std::uint16_t>(plain.begin(), plain.end()));
  std::vector<std::uint16_t> taken;
  set.take_all([&](Locate key) { taken.push_back(raw(key)); });
  EXPECT_EQ(taken, std::vector<std::uint16_t>(plain.begin(), plain.end()));
  EXPECT_TRUE(set.empty());
  EXPECT_TRUE(keys_of(set).empty());
}

}  // namespace
}  // namespace tapeline::stream
