#include "event_log/journal/batch_scanner.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tapeline::event_log::journal {

void BatchScanner::open(std::shared_ptr<const os::File> file, std::uint64_t position,
                        std::uint64_t expected) {
  CHECK(position % batch_alignment == 0);
  file_ = std::move(file);
  position_ = position;
  expected_ = expected;
  window_position_ = position;
  window_size_ = 0;
}

Bytes BatchScanner::window_at(std::uint64_t position) const {
  if (position < window_position_ || position > window_position_ + window_size_) return {};
  const std::size_t skipped = position - window_position_;
  return Bytes(window_).subspan(skipped, window_size_ - skipped);
}

// Reads from position_ on, at least `size` bytes where the file has them.
Result<void> BatchScanner::fill(std::size_t size) {
  const std::size_t room = std::max(size, room_);
  if (window_.size() < room + decode_padding) window_.resize(room + decode_padding);
  window_position_ = position_;
  window_size_ = 0;
  const Result<std::size_t> got = file_->read_at(position_, std::span(window_).first(room));
  if (!got) return std::unexpected(got.error());
  window_size_ = *got;
  if (*got == room) room_ = std::min(2 * room_, most_window_bytes);
  return {};
}

Result<ScannedBatch> BatchScanner::next() {
  std::size_t asked = 0;
  for (bool fresh = false;; fresh = true) {
    const Bytes bytes = window_at(position_);
    const ParsedBatch parsed = parse_batch(bytes);
    ScannedBatch scanned{ScanState::damaged, position_, parsed.size, parsed.header, parsed.payload};
    if (parsed.state == BatchState::whole && parsed.header.first_offset >= expected_) {
      scanned.state = ScanState::batch;
      position_ += parsed.size;
      expected_ = parsed.header.end_offset();
      return scanned;
    }
    // What was read before may have been half written then, so only bytes read in this call count. A batch
    // larger than what was asked for takes a second read.
    const std::size_t needed = parsed.state == BatchState::cut_off ? parsed.size : 0;
    if (fresh && needed <= asked) {
      if (parsed.state == BatchState::cut_off)
        scanned.state = bytes.empty() ? ScanState::end : ScanState::cut_off;
      return scanned;
    }
    asked = std::max(needed, room_);
    if (const Result<void> filled = fill(needed); !filled) return std::unexpected(filled.error());
  }
}

Result<std::optional<ScannedBatch>> BatchScanner::find_behind() {
  const std::uint64_t from = position_;
  for (std::uint64_t at = from + batch_alignment;; at += batch_alignment) {
    position_ = at;
    if (window_at(at).size() < sizeof(BatchHeader)) {
      if (const Result<void> filled = fill(0); !filled) return std::unexpected(filled.error());
      if (window_size_ < sizeof(BatchHeader)) break;
    }
    std::uint32_t magic;
    std::memcpy(&magic, window_at(at).data(), sizeof magic);
    if (magic != batch_magic) continue;
    Result<ScannedBatch> candidate = next();
    if (!candidate) return std::unexpected(candidate.error());
    if (candidate->state == ScanState::batch) return *candidate;
  }
  position_ = from;
  return std::nullopt;
}

}  // namespace tapeline::event_log::journal
