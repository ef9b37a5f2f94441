#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <immintrin.h>

#include "base/virtual_array.h"
#include "market/types.h"

namespace tapeline::book {

// Finds the queue block of a live order by its reference: an open-addressing hash table, so that memory
// follows the live orders and not the day's references. Four consecutive references share a cache line,
// since orders placed together are often cancelled together. Not thread-safe.
//
// A slot holds only the lower half of the reference; the upper half stands in the block, which a caller needs
// anyway and checks in `accept`.
class OrderIndex {
  static constexpr std::uint64_t entered_mask = (std::uint64_t{1} << 48) - 1;

 public:
  struct Slot {
    std::uint32_t tag;
    std::uint32_t block;   // 0 marks a free slot.
    std::uint64_t packed;  // Time of entry in the lower 48 bits, index of the MPID above.

    [[nodiscard]] EventTime entered() const { return EventTime{packed & entered_mask}; }
    [[nodiscard]] std::uint16_t attribution() const { return static_cast<std::uint16_t>(packed >> 48); }
  };
  static_assert(sizeof(Slot) == 16);

  explicit OrderIndex(std::size_t expected_orders) {
    unsigned bits = 12;
    while ((std::size_t{1} << bits) < expected_orders * 2) ++bits;
    resize(bits);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return mask_ + 1; }

  // Where the search for a reference starts; good until the next fill().
  [[nodiscard]] std::size_t home(OrderRef ref) const { return home_of(tag_of(ref)); }

  // Starts to load the line where the reference would be.
  void prefetch(std::size_t home) const {
    _mm_prefetch(reinterpret_cast<const char*>(&slots_[home]), _MM_HINT_T0);
  }

  // The block that the reference most likely is in, 0 if none: for prefetching, never relied on. Looks at two
  // slots and does not branch.
  [[nodiscard]] std::uint32_t peek(OrderRef ref, std::size_t home) const {
    const Slot* slot = &slots_[home];
    slot += slot->tag != tag_of(ref);  // There is a spare slot behind the last.
    return slot->block & (0u - std::uint32_t{slot->tag == tag_of(ref)});
  }

  // The slot with this reference that `accept(slot)` confirms, or the free slot where the search ended
  // (its block is 0). A free slot may be filled by `fill` as long as nothing else was added in between.
  template <class Accept>
  [[nodiscard, gnu::always_inline]] inline Slot& probe(OrderRef ref, std::size_t home, Accept&& accept) {
    const std::uint32_t tag = tag_of(ref);
    for (std::size_t at = home;; at = (at + 1) & mask_) {
      Slot& slot = slots_[at];
      if (slot.block == 0 || (slot.tag == tag && accept(slot))) return slot;
    }
  }

  [[gnu::always_inline]] inline void fill(Slot& slot, std::size_t home, OrderRef ref, std::uint32_t block,
                                          EventTime entered, std::uint16_t attribution) {
    slot = {tag_of(ref), block, std::uint64_t{attribution} << 48 | (raw(entered) & entered_mask)};
    const auto at = static_cast<std::size_t>(&slot - slots_.data());
    if (++size_ > limit_) [[unlikely]]
      grow();
    else if (((at - home) & mask_) > max_distance) [[unlikely]]
      rehash();
  }

  // Frees a slot and closes the hole by moving later slots of the run back, so that no tombstones pile up.
  [[gnu::always_inline]] inline void erase(Slot& slot) {
    auto hole = static_cast<std::size_t>(&slot - slots_.data());
    --size_;
    for (std::size_t at = (hole + 1) & mask_; slots_[at].block != 0; at = (at + 1) & mask_) {
      const std::size_t distance_home = (at - home_of(slots_[at].tag)) & mask_;
      const std::size_t distance_hole = (at - hole) & mask_;
      if (distance_home >= distance_hole) {
        slots_[hole] = slots_[at];
        hole = at;
      }
    }
    slots_[hole].block = 0;
  }

 private:
  static constexpr std::size_t max_distance = 512;
  static constexpr std::size_t max_rehashes = 4;
  static constexpr unsigned group_bits = 2;

  [[nodiscard]] static std::uint32_t tag_of(OrderRef ref) { return static_cast<std::uint32_t>(raw(ref)); }
  [[nodiscard]] std::size_t home_of(std::uint32_t tag) const {
    const std::uint64_t group = (std::uint64_t{tag >> group_bits} * multiplier_) >> shift_;
    return (group << group_bits) | (tag & ((1u << group_bits) - 1));
  }

  [[gnu::noinline]] void grow() { resize(bits_ + 1); }

  // A feed that still collides after a rehash gets a larger table. References whose lower halves are equal
  // stay together under any hash, so it ends after a few: then they cost long searches, but no more memory.
  [[gnu::noinline]] void rehash() {
    if (rehashes_ == max_rehashes) return;
    multiplier_ = multiplier_ * 0xD1342543DE82EF95u + 2;
    resize(rehashes_++ == 0 ? bits_ : bits_ + 1);
  }

  void resize(unsigned bits) {
    const std::size_t old_capacity = slots_.capacity() == 0 ? 0 : capacity();
    VirtualArray<Slot> old = std::exchange(slots_, VirtualArray<Slot>((std::size_t{1} << bits) + 1));
    bits_ = bits;
    mask_ = (std::size_t{1} << bits) - 1;
    shift_ = 64 - (bits - group_bits);
    limit_ = capacity() / 2;
    for (std::size_t i = 0; i < old_capacity; ++i) {
      if (old[i].block == 0) continue;
      std::size_t at = home_of(old[i].tag);
      while (slots_[at].block != 0) at = (at + 1) & mask_;
      slots_[at] = old[i];
    }
  }

  VirtualArray<Slot> slots_;
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
  unsigned bits_ = 0;
  std::uint64_t multiplier_ = 0x9E3779B97F4A7C15u;
  std::size_t size_ = 0;
  std::size_t limit_ = 0;
  std::size_t rehashes_ = 0;
};

}  // namespace tapeline::book
