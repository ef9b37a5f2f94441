#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "market/types.h"

namespace tapeline::stream {

// A set of keys that tells them in increasing order without sorting: one bit a key, and one bit for each word
// of 64 of them, so that what is told costs what is in it and not what could be.
class KeySet {
 public:
  void add(Locate key) {
    words_[raw(key) / 64] |= bit(raw(key));
    summary_[raw(key) / 4'096] |= bit(raw(key) / 64u);
  }
  void remove(Locate key) {
    std::uint64_t& word = words_[raw(key) / 64];
    word &= ~bit(raw(key));
    if (word == 0) summary_[raw(key) / 4'096] &= ~bit(raw(key) / 64u);
  }
  [[nodiscard]] bool contains(Locate key) const { return (words_[raw(key) / 64] & bit(raw(key))) != 0; }
  [[nodiscard]] bool empty() const {
    std::uint64_t any = 0;
    for (const std::uint64_t word : summary_) any |= word;
    return any == 0;
  }
  void clear() {
    take_all([](Locate) {});
  }

  // Empties the set and calls f(key) in increasing order; f may not change the set.
  template <class F>
  void take_all(F&& f) {
    for (std::size_t s = 0; s < summary_.size(); ++s) {
      for (std::uint64_t words = summary_[s]; words != 0; words &= words - 1) {
        const std::size_t w = s * 64 + static_cast<std::size_t>(std::countr_zero(words));
        for (std::uint64_t keys = words_[w]; keys != 0; keys &= keys - 1)
          f(Locate{static_cast<std::uint16_t>(w * 64 + static_cast<std::size_t>(std::countr_zero(keys)))});
        words_[w] = 0;
      }
      summary_[s] = 0;
    }
  }

  // As take_all(f); ahead(key) is called some keys before f(key), for what is to be loaded.
  template <class F, class Ahead>
  void take_all(F&& f, Ahead&& ahead) {
    constexpr std::size_t distance = 8;
    std::array<Locate, distance> ring;
    std::size_t seen = 0;
    take_all([&](Locate key) {
      ahead(key);
      Locate& place = ring[seen % distance];
      if (seen >= distance) f(place);
      place = key;
      ++seen;
    });
    for (std::size_t i = seen < distance ? 0 : seen - distance; i < seen; ++i) f(ring[i % distance]);
  }

  // Calls f(key) in increasing order; f may remove that key, and change nothing else.
  template <class F>
  void for_each(F&& f) {
    for (std::size_t s = 0; s < summary_.size(); ++s)
      for (std::uint64_t words = summary_[s]; words != 0; words &= words - 1) {
        const std::size_t w = s * 64 + static_cast<std::size_t>(std::countr_zero(words));
        for (std::uint64_t keys = words_[w]; keys != 0; keys &= keys - 1)
          f(Locate{static_cast<std::uint16_t>(w * 64 + static_cast<std::size_t>(std::countr_zero(keys)))});
      }
  }

 private:
  static constexpr std::uint64_t bit(std::uint32_t number) { return std::uint64_t{1} << (number % 64); }

  std::array<std::uint64_t, 1'024> words_{};
  std::array<std::uint64_t, 16> summary_{};
};

}  // namespace tapeline::stream
