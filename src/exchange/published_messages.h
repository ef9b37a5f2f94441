#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace tapeline::exchange {

// The messages of a session, kept for those who ask again: each behind its big-endian u16 length, numbered
// from 1. Bounded: when it is full, the oldest are forgotten, a segment at a time. Not thread-safe.
class PublishedMessages {
 public:
  explicit PublishedMessages(std::size_t max_bytes = std::size_t{1} << 30);

  // Keeps a frame, its length included, and returns its copy, which may be changed until the next call.
  // Frames of one segment lie behind one another.
  std::span<std::byte> append(std::span<const std::byte> frame);

  struct Run {
    std::span<const std::byte> frames;
    std::uint16_t count = 0;
  };
  // Frames from a number on, at most so many and within so many bytes; fewer where a segment ends. Empty
  // where the number is not kept. The work is bounded by `index_step` frames and what is returned.
  [[nodiscard]] Run find(std::uint64_t sequence, std::uint64_t max_count, std::size_t max_bytes) const;

  // Starts a new session with number 1.
  void clear();

  [[nodiscard]] std::uint64_t first_kept() const;
  [[nodiscard]] std::uint64_t next_sequence() const { return next_; }

  static constexpr std::size_t segment_bytes = std::size_t{1} << 20;

 private:
  static constexpr std::size_t index_step = 32;

  struct Segment {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::size_t size = 0;
    std::unique_ptr<std::byte[]> bytes = std::make_unique_for_overwrite<std::byte[]>(segment_bytes);
    std::vector<std::uint32_t> index;  // Where every index_step-th frame begins.
  };

  void begin_segment();

  std::size_t max_segments_;
  std::uint64_t next_ = 1;
  std::deque<Segment> segments_;
};

}  // namespace tapeline::exchange
