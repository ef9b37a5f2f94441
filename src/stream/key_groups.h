#pragma once

#include <array>
#include <cstdint>

#include "base/check.h"
#include "market/types.h"

namespace tapeline::stream {

// Keys are spread over a fixed number of groups, and groups over workers. State is stored by group, so it can
// move between any numbers of workers without being read through.
enum class KeyGroup : std::uint16_t {};

inline constexpr std::uint16_t default_key_groups = 48;
inline constexpr std::uint16_t max_key_groups = 1024;

// Groups [first, first + count): what one worker owns.
struct GroupRange {
  std::uint16_t first = 0;
  std::uint16_t count = 0;
  [[nodiscard]] bool contains(KeyGroup group) const {
    return static_cast<std::uint16_t>(raw(group) - first) < count;
  }
  friend bool operator==(const GroupRange&, const GroupRange&) = default;
};

// Which group a key belongs to, by a table of all keys: one load for each record.
//
// The hash is the 64-bit finaliser of MurmurHash3 modulo the number of groups. It stands in checkpoints and
// in logs of rows, so it never changes; another number of groups cannot read them.
class KeyGroups {
 public:
  explicit KeyGroups(std::uint16_t count = default_key_groups) : count_(count) {
    CHECK(count >= 1 && count <= max_key_groups);
    for (std::size_t key = 0; key < groups_.size(); ++key)
      groups_[key] = static_cast<std::uint16_t>(hash(key) % count);
  }

  [[nodiscard]] std::uint16_t count() const { return count_; }
  [[nodiscard]] KeyGroup group_of(Locate key) const { return KeyGroup{groups_[raw(key)]}; }

  // The groups of one of `workers` workers: contiguous, as even as can be, every group with exactly one.
  [[nodiscard]] GroupRange range_of(unsigned worker, unsigned workers) const {
    CHECK(workers >= 1 && workers <= count_ && worker < workers);
    const auto first = static_cast<std::uint16_t>(std::uint32_t{count_} * worker / workers);
    const auto end = static_cast<std::uint16_t>(std::uint32_t{count_} * (worker + 1) / workers);
    return {first, static_cast<std::uint16_t>(end - first)};
  }

  [[nodiscard]] static constexpr std::uint64_t hash(std::uint64_t key) {
    key ^= key >> 33;
    key *= 0xFF51'AFD7'ED55'8CCD;
    key ^= key >> 33;
    key *= 0xC4CE'B9FE'1A85'EC53;
    return key ^ (key >> 33);
  }

 private:
  std::uint16_t count_;
  std::array<std::uint16_t, 65'536> groups_;
};

}  // namespace tapeline::stream
