#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace tapeline::binary_file {

inline constexpr std::size_t length_size = 2;
inline constexpr std::size_t max_frame_size = length_size + 0xffff;

// Whole frames at the front of some bytes.
struct Cut {
  std::size_t size = 0;              // Bytes of those frames.
  std::uint64_t first_sequence = 0;  // Of the first of them; the first message of a file is 1.
  std::uint32_t message_count = 0;
};

// Cuts a BinaryFILE at message boundaries: u16 big-endian length, then the message; a length of 0 ends the
// file. Pure: it sees the bytes in pieces and keeps only positions.
class FrameCutter {
 public:
  // `bytes` continues right after the last cut: what that left over, then new bytes. Once ended() all bytes
  // are counted as trailing and belong to no frame: pass each piece once.
  Cut cut(std::span<const std::byte> bytes);

  // The end marker was seen. Cut::size does not include it.
  [[nodiscard]] bool ended() const { return ended_; }

  // Bytes behind the end marker.
  [[nodiscard]] std::uint64_t trailing_bytes() const { return trailing_bytes_; }

  // Where the next frame starts in the file.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

  // At the end of the input: what is wrong with the bytes left over after the last cut, if any are.
  [[nodiscard]] std::optional<std::string> finish(std::span<const std::byte> left_over) const;

 private:
  std::uint64_t offset_ = 0;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t trailing_bytes_ = 0;
  bool ended_ = false;
};

}  // namespace tapeline::binary_file
