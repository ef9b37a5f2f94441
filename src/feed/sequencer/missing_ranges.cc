#include "feed/sequencer/missing_ranges.h"

#include <algorithm>

#include "base/check.h"

namespace tapeline::feed {

std::vector<MissingRange>::iterator MissingRanges::at_or_after(std::uint64_t sequence) {
  return std::upper_bound(ranges_.begin(), ranges_.end(), sequence,
                          [](std::uint64_t value, const MissingRange& range) { return value < range.end; });
}

void MissingRanges::append(std::uint64_t first, std::uint64_t end, std::uint64_t now_ns) {
  CHECK(first < end && (ranges_.empty() || ranges_.back().end <= first));
  messages_ += end - first;
  if (!ranges_.empty() && ranges_.back().end == first) {
    ranges_.back().end = end;
    return;
  }
  ranges_.push_back({first, end, now_ns, false});
}

void MissingRanges::fill(std::uint64_t first, std::uint64_t end) {
  auto range = at_or_after(first);
  while (range != ranges_.end() && range->first < end) {
    const std::uint64_t begin = std::max(first, range->first);
    const std::uint64_t stop = std::min(end, range->end);
    messages_ -= stop - begin;
    if (begin == range->first && stop == range->end) {
      range = ranges_.erase(range);
    } else if (begin == range->first) {
      range->first = stop;
      ++range;
    } else if (stop == range->end) {
      range->end = begin;
      ++range;
    } else {
      MissingRange rest = *range;
      rest.first = stop;
      range->end = begin;
      ranges_.insert(range + 1, rest);
      return;
    }
  }
}

void MissingRanges::reopen_front(std::uint64_t first, std::uint64_t end, std::uint64_t now_ns) {
  CHECK(first < end);
  messages_ += end - first;
  if (!ranges_.empty() && ranges_.front().end == first) {
    ranges_.front().end = end;
    ranges_.front().failed = true;
  } else {
    CHECK(ranges_.empty() || end <= ranges_.front().first);
    ranges_.insert(ranges_.begin(), {first, end, now_ns, true});
  }
  if (ranges_.size() > 1 && ranges_[1].first == end) {
    ranges_[0].end = ranges_[1].end;
    ranges_.erase(ranges_.begin() + 1);
  }
}

void MissingRanges::renew(std::uint64_t now_ns) {
  for (MissingRange& range : ranges_) {
    range.since_ns = now_ns;
    range.failed = false;
  }
}

void MissingRanges::clear() {
  ranges_.clear();
  messages_ = 0;
}

}  // namespace tapeline::feed
