#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/virtual_array.h"
#include "market/types.h"
#include "stream/checkpoint_writer.h"
#include "stream/key_groups.h"
#include "stream/position.h"
#include "stream/state.h"

namespace tapeline::stream {

struct CheckpointConfig {
  std::size_t slice_bytes = std::size_t{32} << 10;  // Saved between two batches of input, a key more at most.
  std::size_t batch_bytes = std::size_t{4} << 20;   // Handed to the writer at once, a key more at most.
  // Saved by one checkpoint, a key more at most: what remains waits for the next.
  std::size_t checkpoint_bytes = std::size_t{4} << 20;
};

// How much of what has changed a checkpoint saves.
enum class CheckpointExtent : std::uint8_t {
  budget,  // As CheckpointConfig::checkpoint_bytes says.
  all,     // Everything: for a clean stop or a savepoint.
};

// What a checkpointer asks of the worker whose state it saves.
template <class Source>
concept CheckpointSource = requires(Source& source, Locate key, StateWriter& writer) {
  // The state of a key, of everything that lies before the current position.
  source.save_key(key, writer);
  // Appends to the output what is left of the rows of all input before the current position; false where that
  // fails. State is never stored ahead of the rows that it has already given.
  { source.flush_output() } -> std::same_as<bool>;
  // Where the output is then; stands in the manifest.
  source.save_output_mark(writer);
  // Keys whose state was saved behind the current position, by a run before this one, and is still to be
  // loaded.
  { source.keys_to_load() } -> std::convertible_to<std::span<const StoredKey>>;
};

// Saves the state of a worker without stopping it.
//
// A checkpoint begins at a barrier, a position of the log. Keys that changed before the barrier since they
// were saved last are then saved one by one, those that changed first at first, a slice between two batches
// of input, each at the position where the worker is by then. When the last is saved, the log can be replayed
// from the barrier:
//
//   - a key that was not saved since has not changed between its last save and the barrier;
//   - a key that was saved at p, behind the barrier, is left alone by the replay until it reaches p.
//
// Where everything changes all the time, that would write all state with every checkpoint. So a checkpoint
// ends when it has saved its budget, and the log is then replayed from an earlier barrier: the newest one
// before which no key that still waits has changed. With more state than the budget a restart replays as many
// intervals as it takes to save all of it once.
//
// So a commit needs only the keys of some slices, whole; the manifest that moves the barrier goes into the
// same commit as the last of them or a later one. What all keys share (watermark, session) is told at the
// barrier and stands in the manifest.
//
// The cost on the path of a record is touch(): one load and a branch that is rarely taken. Memory is bounded:
// an entry a key, one batch here and one with the writer.
class KeyCheckpointer {
 public:
  struct Counters {
    std::uint64_t checkpoints = 0;  // Completed: their manifest is on its way to the store.
    std::uint64_t saved_keys = 0;
    std::uint64_t saved_bytes = 0;
    std::uint64_t writer_busy = 0;  // Slices put off because the writer had a batch in hand.
    std::uint64_t failures = 0;     // Batches that could not be committed.
  };

  KeyCheckpointer(const KeyGroups& groups, GroupRange own, CheckpointWriter& writer,
                  const CheckpointConfig& config = {});

  // Where the worker is: records at this position and behind are those that touch() tells of next. Called
  // once a batch of input, before its first record.
  void set_position(Position position) { position_ = position; }
  [[nodiscard]] Position position() const { return position_; }

  // The state of a key changes, or will with the record at hand.
  void touch(Locate key) {
    if (!dirty_[raw(key)]) [[unlikely]]
      note_dirty(key);
  }
  // The state of every key that has any changes: a mark on all books.
  void touch_all();
  // A key was loaded at the current position from what the store has: it has state, and is clean.
  void note_loaded(Locate key) { known_[raw(key)] = 1; }

  [[nodiscard]] bool in_progress() const { return in_progress_; }
  // Begins a checkpoint at the current position, with what all keys share there. None may be in progress.
  void begin(std::span<const std::byte> shared, CheckpointExtent extent = CheckpointExtent::budget);
  // Every key has lost its state at the current position: what is stored of it goes as well, and the log need
  // not be replayed from before. A checkpoint in progress is dropped, this is one by itself.
  template <CheckpointSource Source>
  void forget_all(std::span<const std::byte> shared, Source& source);

  // Called between two batches of input, after set_position(): saves some keys, and completes the checkpoint
  // when none are left. Never waits for the writer.
  template <CheckpointSource Source>
  void slice(Source& source);

  // Whether everything that was begun has been handed to the writer.
  [[nodiscard]] bool is_done() const { return !in_progress() && batch_.empty(); }

  [[nodiscard]] const Counters& counters() const { return counters_; }
  // The last failure to commit, for the user to read; empty after a checkpoint has gone through.
  [[nodiscard]] const std::string& last_failure() const { return last_failure_; }

 private:
  static constexpr std::size_t max_keys = 65'536;
  static constexpr std::size_t max_barriers = 64;  // With more, checkpoints save beyond their budget.
  struct Barrier {
    Position at;
    std::vector<std::byte> shared;
  };
  struct DirtyKey {
    Locate key;
    Position since;
  };

  void note_dirty(Locate key);
  void mark_all_unsaved();
  // Hands the batch over if the writer is free. False if not, or if a batch before it was lost: then all is
  // to be saved again.
  template <CheckpointSource Source>
  bool flush(Source& source);
  template <CheckpointSource Source>
  void start_over(Source& source);
  template <CheckpointSource Source>
  void erase_stored(Source& source);
  template <CheckpointSource Source>
  void save_oldest(Source& source);
  template <CheckpointSource Source>
  void complete(Position barrier, std::span<const std::byte> shared, Source& source);
  [[nodiscard]] bool is_dirty_before(Position barrier) const {
    return dirty_count_ > 0 && queue_[first_dirty_ % max_keys].since < barrier;
  }
  // Whether the budget is spent and there is a barrier before all that still waits.
  [[nodiscard]] bool may_end_early() const {
    return extent_ == CheckpointExtent::budget &&
           counters_.saved_bytes - begun_at_bytes_ >= config_.checkpoint_bytes &&
           barriers_.size() < max_barriers && !is_dirty_before(barriers_.front().at);
  }
  void drop_passed_barriers();

  const KeyGroups& groups_;
  GroupRange own_;
  CheckpointWriter& writer_;
  CheckpointConfig config_;
  Position position_ = log_start;
  std::vector<std::uint8_t> dirty_;  // By key: changed since it was saved.
  std::vector<std::uint8_t> known_;  // By key: has ever had state.
  VirtualArray<DirtyKey> queue_;     // A ring of the dirty keys, the one that changed first at the front.
  std::size_t first_dirty_ = 0;
  std::size_t dirty_count_ = 0;
  bool in_progress_ = false;
  CheckpointExtent extent_ = CheckpointExtent::budget;
  std::uint64_t begun_at_bytes_ = 0;
  std::vector<Barrier> barriers_;  // The newest at the back; those before it may be what is replayed from.
  StateWriter mark_;
  CheckpointBatch batch_;
  bool erases_in_batch_ = false;
  bool erases_in_flight_ = false;  // In the batch that the writer was handed last.
  Counters counters_;
  std::string last_failure_;
};

template <CheckpointSource Source>
void KeyCheckpointer::forget_all(std::span<const std::byte> shared, Source& source) {
  std::fill(dirty_.begin(), dirty_.end(), 0);
  std::fill(known_.begin(), known_.end(), 0);
  dirty_count_ = 0;
  barriers_.clear();
  in_progress_ = false;
  erase_stored(source);
  complete(position_, shared, source);
}

template <CheckpointSource Source>
void KeyCheckpointer::slice(Source& source) {
  if (is_done()) return;
  if (!in_progress_) {
    flush(source);
    return;
  }
  const std::size_t started_at = counters_.saved_bytes;
  while (is_dirty_before(barriers_.back().at) && !may_end_early()) {
    if (batch_.size_bytes() >= config_.batch_bytes && !flush(source)) return;
    if (counters_.saved_bytes - started_at >= config_.slice_bytes) return;
    save_oldest(source);
  }
  if (!source.flush_output()) return;
  drop_passed_barriers();
  complete(barriers_.front().at, barriers_.front().shared, source);
  in_progress_ = false;
  flush(source);
}

// Which keys the lost batch held is not known any more, so all are saved again before the barrier moves. What
// it erased must be erased before anything else: until there is a manifest again, the log is replayed from
// its beginning.
template <CheckpointSource Source>
void KeyCheckpointer::start_over(Source& source) {
  ++counters_.failures;
  batch_.clear();
  barriers_.clear();
  in_progress_ = false;
  if (std::exchange(erases_in_flight_, false) || erases_in_batch_) erase_stored(source);
  mark_all_unsaved();
}

// The store erases by group, which must not take away what is ahead of the replay.
template <CheckpointSource Source>
void KeyCheckpointer::erase_stored(Source& source) {
  for (std::uint16_t i = 0; i < own_.count; ++i)
    batch_.erase_group(KeyGroup{static_cast<std::uint16_t>(own_.first + i)});
  for (const StoredKey& stored : std::span<const StoredKey>(source.keys_to_load())) {
    batch_.begin_key(stored.group, stored.key, stored.saved_at).put_bytes(stored.state);
    batch_.end_entry();
  }
  erases_in_batch_ = true;
}

template <CheckpointSource Source>
void KeyCheckpointer::save_oldest(Source& source) {
  const Locate key = queue_[first_dirty_++ % max_keys].key;
  --dirty_count_;
  dirty_[raw(key)] = 0;
  const std::size_t before = batch_.size_bytes();
  source.save_key(key, batch_.begin_key(groups_.group_of(key), key, position_));
  batch_.end_entry();
  ++counters_.saved_keys;
  counters_.saved_bytes += batch_.size_bytes() - before;
}

template <CheckpointSource Source>
void KeyCheckpointer::complete(Position barrier, std::span<const std::byte> shared, Source& source) {
  mark_.clear();
  source.save_output_mark(mark_);
  for (std::uint16_t i = 0; i < own_.count; ++i) {
    const KeyGroup group{static_cast<std::uint16_t>(own_.first + i)};
    StateWriter& writer = batch_.begin_manifest(group, barrier);
    writer.put(static_cast<std::uint32_t>(mark_.size()));
    writer.put_bytes(mark_.bytes());
    writer.put_bytes(shared);
    batch_.end_entry();
  }
  ++counters_.checkpoints;
}

template <CheckpointSource Source>
bool KeyCheckpointer::flush(Source& source) {
  if (!writer_.is_free()) {
    ++counters_.writer_busy;
    return false;
  }
  if (const std::optional<Error> failure = writer_.take_failure()) {
    last_failure_ = failure->message;
    start_over(source);
    return false;
  }
  if (!source.flush_output()) return false;
  writer_.hand_over(batch_);
  erases_in_flight_ = std::exchange(erases_in_batch_, false);
  return true;
}

}  // namespace tapeline::stream
