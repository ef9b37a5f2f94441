#include "simulation/sabotage.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/bytes.h"
#include "feed/feed_log/feed_log.h"
#include "stream/row_log.h"

namespace tapeline::simulation {

namespace {

// Whether two messages that follow one another, of one length and not the same, have changed places.
bool swap_two(std::span<std::byte> blocks, std::uint32_t count) {
  std::size_t at = 0;
  for (std::uint32_t i = 1; i < count; ++i) {
    const std::size_t length = load_be<std::uint16_t>(blocks.data() + at);
    const std::size_t next = at + 2 + length;
    const std::span<std::byte> first = blocks.subspan(at + 2, length);
    if (load_be<std::uint16_t>(blocks.data() + next) == length) {
      const std::span<std::byte> second = blocks.subspan(next + 2, length);
      if (!std::ranges::equal(first, second)) {
        std::ranges::swap_ranges(first, second);
        return true;
      }
    }
    at = next;
  }
  return false;
}

bool swap_messages(std::vector<std::byte>& payload) {
  std::size_t at = sizeof(feed::FeedBatchHeader);
  while (at < payload.size()) {
    feed::FeedRecordHeader header;
    std::memcpy(&header, payload.data() + at, sizeof header);
    at += sizeof header;
    if (header.kind == feed::FeedRecordKind::messages &&
        swap_two(std::span(payload).subspan(at, header.byte_count), header.message_count))
      return true;
    at += (header.byte_count + feed::record_alignment - 1) / feed::record_alignment * feed::record_alignment;
  }
  return false;
}

bool holds_rows(std::span<const std::byte> payload) {
  const Result<stream::RowBatchCursor> cursor = stream::RowBatchCursor::open(payload);
  return cursor && cursor->header().row_count > 0;
}

}  // namespace

Saboteur::Harm Saboteur::harm(std::vector<std::byte>& payload, bool is_feed) {
  if (done_ || what_ == Sabotage::none) return Harm::none;
  if (batches_left_ > 0) {
    --batches_left_;
    return Harm::none;
  }
  switch (what_) {
    case Sabotage::drop_rows: done_ = !is_feed && holds_rows(payload); return done_ ? Harm::drop : Harm::none;
    case Sabotage::double_rows:
      done_ = !is_feed && holds_rows(payload);
      return done_ ? Harm::twice : Harm::none;
    case Sabotage::swap_messages: done_ = is_feed && swap_messages(payload); return Harm::none;
    default: return Harm::none;
  }
}

}  // namespace tapeline::simulation
