#include "feed/sequencer/held_packets.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace tapeline::feed {

HeldPackets::HeldPackets(std::size_t max_bytes, std::size_t max_blocks)
    : max_chunks_(std::max<std::size_t>(1, max_bytes / chunk_bytes)),
      max_blocks_(std::max<std::size_t>(1, max_blocks)) {
  static_assert(max_block_bytes <= chunk_bytes);
}

bool HeldPackets::has_room(std::size_t bytes) const {
  if (blocks_.size() >= max_blocks_ || bytes > max_block_bytes) return false;
  if (!free_chunks_.empty() || chunks_.size() < max_chunks_) return true;
  return chunks_[current_].used + bytes <= chunk_bytes;
}

std::uint32_t HeldPackets::chunk_for(std::size_t bytes) {
  if (!chunks_.empty() && chunks_[current_].used + bytes <= chunk_bytes) return current_;
  if (!free_chunks_.empty()) {
    current_ = free_chunks_.back();
    free_chunks_.pop_back();
    return current_;
  }
  CHECK(chunks_.size() < max_chunks_);
  current_ = static_cast<std::uint32_t>(chunks_.size());
  chunks_.push_back({std::make_unique<std::byte[]>(chunk_bytes + decode_padding)});
  return current_;
}

void HeldPackets::insert(const MessageBlock& block) {
  CHECK(has_room(block.bytes.size()));
  const std::uint32_t number = chunk_for(block.bytes.size());
  Chunk& chunk = chunks_[number];
  std::memcpy(chunk.bytes.get() + chunk.used, block.bytes.data(), block.bytes.size());
  const auto size = static_cast<std::uint32_t>(block.bytes.size());
  const Place place = {number, chunk.used, size, block.message_count, block.capture_time};
  CHECK(blocks_.emplace(block.first_sequence, place).second);
  chunk.used += size;
  ++chunk.blocks;
}

MessageBlock HeldPackets::front() const {
  const auto& [sequence, place] = *blocks_.begin();
  return {{chunks_[place.chunk].bytes.get() + place.offset, place.size},
          sequence,
          place.message_count,
          place.capture_time};
}

void HeldPackets::leave(std::uint32_t number) {
  Chunk& chunk = chunks_[number];
  if (--chunk.blocks > 0) return;
  chunk.used = 0;
  if (number != current_) free_chunks_.push_back(number);
}

void HeldPackets::pop_front() {
  const std::uint32_t chunk = blocks_.begin()->second.chunk;
  blocks_.erase(blocks_.begin());
  leave(chunk);
}

void HeldPackets::clear() {
  while (!empty()) pop_front();
}

}  // namespace tapeline::feed
