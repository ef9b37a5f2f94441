#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <immintrin.h>

#include "base/virtual_array.h"
#include "market/types.h"

namespace tapeline::book {

// Finds the queue block of a live order by its reference: a hash table, so that memory follows the live
// orders and not the day's references. Not thread-safe.
//
// A bucket is one cache line of seven entries that one vector comparison searches. Where one is full, entries
// pass on to the next buckets, and each bucket counts those that passed it: a search ends at the first bucket
// that none has passed, and erasing leaves no tombstones. Four consecutive references share a bucket, since
// orders placed together are often cancelled together.
//
// An entry holds only the lower half of the reference. The upper half stands in the block, which a caller
// needs anyway and checks in `accept`; `high_of(block)` gives it when the table is built anew.
class OrderIndex {
  static constexpr unsigned lanes = 8;

 public:
  // Where an entry stands; good until the next insert().
  struct Place {
    std::uint32_t bucket;
    std::uint32_t lane;   // 0: nowhere.
    std::uint32_t block;  // 0: nowhere.
  };

  explicit OrderIndex(std::size_t expected_orders) {
    unsigned bits = 9;
    while (limit_for(bits) < expected_orders) ++bits;
    allocate(bits);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t limit() const { return limit_; }
  [[nodiscard]] std::size_t memory_bytes() const { return (mask_ + 1) * sizeof(Bucket); }

  // Where the search for a reference starts; good until the next insert().
  [[nodiscard]] std::uint32_t home(OrderRef ref) const {
    return static_cast<std::uint32_t>(((raw(ref) >> group_bits) * multiplier_) >> shift_) & mask_;
  }

  // Starts to load the line where the reference would be.
  void prefetch(std::uint32_t home) const { asm volatile("prefetcht0 (%0)" : : "r"(&buckets_[home])); }

  // The entry that the reference most likely has, block 0 if none: a hint, which stands() confirms later.
  // Does not branch.
  [[nodiscard]] Place peek(OrderRef ref, std::uint32_t home) const {
    const Bucket& bucket = buckets_[home];
    const unsigned found = bucket.matches(tag_of(ref));
    const auto lane = static_cast<unsigned>(std::countr_zero(found | 1u << lanes)) & (lanes - 1);
    return {home, lane, bucket.blocks[lane]};
  }

  // Whether an entry seen by peek() is there still, in the home of its reference.
  [[nodiscard]] bool stands(const Place& place, OrderRef ref, std::uint32_t home) const {
    const Bucket& bucket = buckets_[home];
    return (place.block != 0) & (bucket.tags[place.lane] == tag_of(ref)) &
           (bucket.blocks[place.lane] == place.block);
  }

  // Whether no entry can have the reference: one look at its home, which may fail to tell.
  [[nodiscard]] bool surely_lacks(OrderRef ref, std::uint32_t home) const {
    const Bucket& bucket = buckets_[home];
    return (bucket.matches(tag_of(ref)) | bucket.passed()) == 0;
  }

  // The entry with this reference that `accept(block)` confirms; block 0 if there is none.
  template <class Accept>
  [[nodiscard]] Place find(OrderRef ref, Accept&& accept) const {
    const std::uint32_t tag = tag_of(ref);
    for (std::uint32_t at = home(ref);; at = next(at)) {
      const Bucket& bucket = buckets_[at];
      for (unsigned found = bucket.matches(tag); found != 0; found &= found - 1) {
        const auto lane = static_cast<unsigned>(std::countr_zero(found));
        if (accept(bucket.blocks[lane])) return {at, lane, bucket.blocks[lane]};
      }
      if (bucket.passed() == 0) return {0, 0, 0};
    }
  }

  // The reference must not be in the index.
  template <class HighOf>
  [[gnu::always_inline]] inline void insert(OrderRef ref, std::uint32_t home, std::uint32_t block,
                                            HighOf&& high_of) {
    Bucket& bucket = buckets_[home];
    const unsigned free = bucket.free_lanes();
    if (free == 0 || size_ == limit_) [[unlikely]]
      return insert_far(ref, block, high_of);
    ++size_;
    const auto lane = static_cast<unsigned>(std::countr_zero(free));
    bucket.tags[lane] = tag_of(ref);
    bucket.blocks[lane] = block;
  }

  [[gnu::always_inline]] inline void erase(const Place& place, std::uint32_t home) {
    --size_;
    buckets_[place.bucket].blocks[place.lane] = 0;
    for (std::uint32_t at = home; at != place.bucket; at = next(at)) [[unlikely]]
      --buckets_[at].tags[0];
  }

 private:
  // Lane 0 belongs to the bucket: it counts the entries that passed on, and its block is 0 always.
  struct alignas(64) Bucket {
    std::uint32_t tags[lanes];
    std::uint32_t blocks[lanes];

    [[nodiscard]] std::uint32_t passed() const { return tags[0]; }
    // Bit i where lane i is taken by an entry of this tag.
    [[nodiscard]] unsigned matches(std::uint32_t tag) const {
      const __m256i same = _mm256_cmpeq_epi32(load(tags), _mm256_set1_epi32(static_cast<int>(tag)));
      return lanes_of(_mm256_andnot_si256(free(), same));
    }
    [[nodiscard]] unsigned free_lanes() const { return lanes_of(free()) & ~1u; }

   private:
    static __m256i load(const std::uint32_t* from) {
      return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
    }
    static unsigned lanes_of(__m256i mask) {
      return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(mask)));
    }
    [[nodiscard]] __m256i free() const { return _mm256_cmpeq_epi32(load(blocks), _mm256_setzero_si256()); }
  };
  static_assert(sizeof(Bucket) == 64);

  static constexpr unsigned group_bits = 1;
  static constexpr std::size_t max_distance = 128;  // Buckets that an entry may pass.
  static constexpr std::size_t max_rehashes = 4;

  [[nodiscard]] static std::uint32_t tag_of(OrderRef ref) { return static_cast<std::uint32_t>(raw(ref)); }
  [[nodiscard]] std::uint32_t next(std::uint32_t bucket) const { return (bucket + 1) & mask_; }
  [[nodiscard]] static std::size_t limit_for(unsigned bits) { return (std::size_t{1} << bits) * 2; }

  void allocate(unsigned bits) {
    buckets_ = VirtualArray<Bucket>(std::size_t{1} << bits);
    bits_ = bits;
    mask_ = static_cast<std::uint32_t>((std::size_t{1} << bits) - 1);
    shift_ = multiplier_ == 1 ? 0 : 64 - bits;
    limit_ = limit_for(bits);
  }

  // How many buckets the entry passed.
  std::size_t place(OrderRef ref, std::uint32_t block) {
    std::size_t distance = 0;
    for (std::uint32_t at = home(ref);; at = next(at), ++distance) {
      Bucket& bucket = buckets_[at];
      if (const unsigned free = bucket.free_lanes(); free != 0) {
        const auto lane = static_cast<unsigned>(std::countr_zero(free));
        bucket.tags[lane] = tag_of(ref);
        bucket.blocks[lane] = block;
        return distance;
      }
      ++bucket.tags[0];
    }
  }

  // A feed whose references collide gets another hash, the first time at the same size. It ends after a few:
  // then they cost long searches, but no more memory.
  template <class HighOf>
  [[gnu::noinline]] void insert_far(OrderRef ref, std::uint32_t block, HighOf&& high_of) {
    if (size_ == limit_) rebuild(bits_ + 1, high_of);
    ++size_;
    if (place(ref, block) <= max_distance || rehashes_ == max_rehashes) return;
    multiplier_ = rehashes_ == 0 ? 0x9E3779B97F4A7C15u : multiplier_ * 0xD1342543DE82EF95u + 2;
    rebuild(rehashes_++ == 0 ? bits_ : bits_ + 1, high_of);
  }

  template <class HighOf>
  void rebuild(unsigned bits, HighOf&& high_of) {
    const std::size_t old_count = std::size_t{mask_} + 1;
    const VirtualArray<Bucket> old = std::exchange(buckets_, {});
    allocate(bits);
    for (std::size_t i = 0; i < old_count; ++i) {
      for (unsigned lane = 1; lane < lanes; ++lane) {
        const std::uint32_t block = old[i].blocks[lane];
        if (block != 0) place(OrderRef{std::uint64_t{high_of(block)} << 32 | old[i].tags[lane]}, block);
      }
    }
  }

  VirtualArray<Bucket> buckets_;
  std::uint32_t mask_ = 0;
  unsigned shift_ = 0;
  unsigned bits_ = 0;
  std::uint64_t multiplier_ = 1;
  std::size_t size_ = 0;
  std::size_t limit_ = 0;
  std::size_t rehashes_ = 0;
};

}  // namespace tapeline::book
