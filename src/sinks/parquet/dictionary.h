#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tapeline::sinks::parquet {

// Numbers distinct 64-bit values in the order in which they first appear: open addressing, at most half full.
class Dictionary {
 public:
  Dictionary() : slots_(smallest) {}

  [[nodiscard]] std::span<const std::uint64_t> values() const { return values_; }

  std::uint32_t index_of(std::uint64_t value) {
    for (std::size_t at = slot_of(value);; at = (at + 1) & (slots_.size() - 1)) {
      Slot& slot = slots_[at];
      if (slot.number == 0) return add(slot, value);
      if (slot.value == value) return slot.number - 1;
    }
  }

  // Keeps its size: the next row group is likely to hold as many values.
  void clear() {
    values_.clear();
    std::ranges::fill(slots_, Slot{});
  }

 private:
  static constexpr std::size_t smallest = 256;
  struct Slot {
    std::uint64_t value = 0;
    std::uint32_t number = 0;  // The index plus one; 0 is free.
  };

  [[nodiscard]] std::size_t slot_of(std::uint64_t value) const {
    // The top bits of a product depend on every bit below them, also for text, whose high bytes are often 0.
    value ^= value >> 32;
    return static_cast<std::size_t>((value * 0x9e37'79b9'7f4a'7c15) >>
                                    (64 - static_cast<unsigned>(std::countr_zero(slots_.size()))));
  }

  std::uint32_t add(Slot& slot, std::uint64_t value) {
    values_.push_back(value);
    const auto number = static_cast<std::uint32_t>(values_.size());
    slot = {value, number};
    if (values_.size() * 2 > slots_.size()) grow();
    return number - 1;
  }

  void grow() {
    slots_.assign(slots_.size() * 4, Slot{});
    for (std::size_t i = 0; i < values_.size(); ++i) {
      std::size_t at = slot_of(values_[i]);
      while (slots_[at].number != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = {values_[i], static_cast<std::uint32_t>(i + 1)};
    }
  }

  std::vector<Slot> slots_;
  std::vector<std::uint64_t> values_;
};

}  // namespace tapeline::sinks::parquet
