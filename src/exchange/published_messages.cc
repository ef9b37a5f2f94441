#include "exchange/published_messages.h"

#include "base/bytes.h"
#include "base/check.h"

namespace tapeline::exchange {

PublishedMessages::PublishedMessages(std::size_t max_bytes)
    : max_segments_(std::max<std::size_t>(2, max_bytes / segment_bytes)) {}

// The oldest segment becomes the newest one when there are as many as there may be.
void PublishedMessages::begin_segment() {
  Segment segment;
  if (segments_.size() == max_segments_) {
    segment = std::move(segments_.front());
    segments_.pop_front();
    segment.index.clear();
  }
  segment.first = next_;
  segment.count = 0;
  segment.size = 0;
  segments_.push_back(std::move(segment));
}

std::span<std::byte> PublishedMessages::append(std::span<const std::byte> frame) {
  CHECK(frame.size() <= segment_bytes);
  if (segments_.empty() || segments_.back().size + frame.size() > segment_bytes) begin_segment();
  Segment& segment = segments_.back();
  if (segment.count % index_step == 0) segment.index.push_back(static_cast<std::uint32_t>(segment.size));
  std::byte* to = segment.bytes.get() + segment.size;
  std::memcpy(to, frame.data(), frame.size());
  segment.size += frame.size();
  ++segment.count;
  ++next_;
  return {to, frame.size()};
}

PublishedMessages::Run PublishedMessages::find(std::uint64_t sequence, std::uint64_t max_count,
                                               std::size_t max_bytes) const {
  if (segments_.empty() || sequence < segments_.front().first || sequence >= next_) return {};
  const auto after = std::ranges::upper_bound(segments_, sequence, {}, &Segment::first);
  const Segment& segment = *std::prev(after);
  const std::uint64_t number = sequence - segment.first;
  const std::byte* bytes = segment.bytes.get();
  const auto frame_size = [&](std::size_t at) { return 2 + std::size_t{load_be<std::uint16_t>(bytes + at)}; };
  std::size_t at = segment.index[number / index_step];
  for (std::uint64_t skip = number % index_step; skip > 0; --skip) at += frame_size(at);
  const std::uint64_t count = std::min<std::uint64_t>({max_count, segment.count - number, 0xfffe});
  Run run;
  std::size_t size = 0;
  while (run.count < count) {
    const std::size_t next = frame_size(at + size);
    if (size + next > max_bytes) break;
    size += next;
    ++run.count;
  }
  run.frames = {bytes + at, size};
  return run;
}

void PublishedMessages::clear() {
  segments_.clear();
  next_ = 1;
}

std::uint64_t PublishedMessages::first_kept() const {
  return segments_.empty() ? next_ : segments_.front().first;
}

}  // namespace tapeline::exchange
