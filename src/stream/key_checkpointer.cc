#include "stream/key_checkpointer.h"

namespace tapeline::stream {

KeyCheckpointer::KeyCheckpointer(const KeyGroups& groups, GroupRange own, CheckpointWriter& writer,
                                 const CheckpointConfig& config)
    : groups_(groups),
      own_(own),
      writer_(writer),
      config_(config),
      dirty_(max_keys),
      known_(max_keys),
      queue_(max_keys) {}

void KeyCheckpointer::note_dirty(Locate key) {
  dirty_[raw(key)] = 1;
  known_[raw(key)] = 1;
  queue_[(first_dirty_ + dirty_count_) % max_keys] = {key, position_};
  ++dirty_count_;
}

void KeyCheckpointer::touch_all() {
  for (std::size_t key = 0; key < max_keys; ++key)
    if (known_[key]) touch(Locate{static_cast<std::uint16_t>(key)});
}

// Changed before any barrier, the one that may be set at the current position included.
void KeyCheckpointer::mark_all_unsaved() {
  std::fill(dirty_.begin(), dirty_.end(), 0);
  dirty_count_ = 0;
  const Position here = std::exchange(position_, log_start);
  touch_all();
  position_ = here;
}

void KeyCheckpointer::begin(std::span<const std::byte> shared, CheckpointExtent extent) {
  CHECK(!in_progress_);
  in_progress_ = true;
  extent_ = extent;
  begun_at_bytes_ = counters_.saved_bytes;
  barriers_.push_back({position_, {shared.begin(), shared.end()}});
}

// Leaves the newest barrier before which nothing that still waits has changed at the front.
void KeyCheckpointer::drop_passed_barriers() {
  std::size_t passed = 0;
  while (passed + 1 < barriers_.size() && !is_dirty_before(barriers_[passed + 1].at)) ++passed;
  barriers_.erase(barriers_.begin(), barriers_.begin() + static_cast<std::ptrdiff_t>(passed));
}

}  // namespace tapeline::stream
