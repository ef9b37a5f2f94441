#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <vector>

#include "feed/message_block.h"

namespace tapeline::feed {

// Copies of messages that came before their turn, in order of sequence. Memory is taken in chunks and filled
// front to back; a chunk is used again once everything in it is gone. As messages come and go roughly in
// order, little is lost to that, and the bound holds whatever the order.
class HeldPackets {
 public:
  // No block may be longer: no datagram is.
  static constexpr std::size_t max_block_bytes = 0xffff;

  HeldPackets(std::size_t max_bytes, std::size_t max_blocks);

  [[nodiscard]] bool has_room(std::size_t bytes) const;
  // The block must fit (has_room) and overlap with none held.
  void insert(const MessageBlock& block);

  [[nodiscard]] bool empty() const { return blocks_.empty(); }
  // Of the lowest sequence; followed by decode_padding readable bytes, valid until the next insert.
  [[nodiscard]] MessageBlock front() const;
  void pop_front();
  void clear();

  [[nodiscard]] std::size_t blocks() const { return blocks_.size(); }
  // Of all chunks, whether in use or kept for later.
  [[nodiscard]] std::size_t allocated_bytes() const { return chunks_.size() * chunk_bytes; }

 private:
  static constexpr std::size_t chunk_bytes = 128 * 1024;

  struct Place {
    std::uint32_t chunk;
    std::uint32_t offset;
    std::uint32_t size;
    std::uint32_t message_count;
    CaptureTime capture_time;
  };
  struct Chunk {
    std::unique_ptr<std::byte[]> bytes;
    std::uint32_t used = 0;
    std::uint32_t blocks = 0;
  };

  std::uint32_t chunk_for(std::size_t bytes);
  void leave(std::uint32_t chunk);

  std::size_t max_chunks_;
  std::size_t max_blocks_;
  std::vector<Chunk> chunks_;
  std::vector<std::uint32_t> free_chunks_;
  std::uint32_t current_ = 0;  // The chunk that is being filled, if there is any.
  std::pmr::unsynchronized_pool_resource pool_;
  std::pmr::map<std::uint64_t, Place> blocks_{&pool_};  // By first sequence.
};

}  // namespace tapeline::feed
