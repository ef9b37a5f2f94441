#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "market/types.h"
#include "stream/key_groups.h"
#include "stream/position.h"
#include "stream/state.h"

namespace tapeline::stream {

// What one commit changes in a checkpoint store, in order. Filled by a worker between two batches of input,
// so it is only memory that grows; the store's own format is made of it on another thread.
class CheckpointBatch {
 public:
  enum class Kind : std::uint8_t {
    key,       // The state of a key, saved at a position.
    manifest,  // A group can be restored by replaying the log from a position.
    erase,     // A group has neither states nor a manifest any more.
  };
  struct Entry {
    Kind kind;
    KeyGroup group;
    Locate key;
    Position position;
    std::span<const std::byte> content;
  };

  // What is put into the writer until the end_entry() is the entry's content.
  StateWriter& begin_key(KeyGroup group, Locate key, Position saved_at) {
    return begin(Kind::key, group, key, saved_at);
  }
  StateWriter& begin_manifest(KeyGroup group, Position replay_from) {
    return begin(Kind::manifest, group, Locate{0}, replay_from);
  }
  void end_entry() {
    Header header = open_;
    header.size = entries_.size() - open_at_ - sizeof header;
    entries_.put_at(open_at_, header);
  }
  void erase_group(KeyGroup group) {
    begin(Kind::erase, group, Locate{0}, log_start);
    end_entry();
  }

  // Calls visit(entry) for each, in the order in which they were put. Contents point into the batch.
  template <class Visit>
  void for_each(Visit&& visit) const {
    StateReader reader(entries_.bytes());
    while (!reader.complete()) {
      const auto header = reader.get<Header>();
      const std::span<const std::byte> content = reader.get_bytes(header.size);
      CHECK(reader.ok());
      visit(Entry{header.kind, header.group, header.key, header.position, content});
    }
  }

  [[nodiscard]] std::size_t size_bytes() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.size() == 0; }
  void clear() { entries_.clear(); }

 private:
  struct Header {
    std::uint64_t size;
    Position position;
    Locate key;
    KeyGroup group;
    Kind kind;
  };

  StateWriter& begin(Kind kind, KeyGroup group, Locate key, Position position) {
    open_ = {0, position, key, group, kind};
    open_at_ = entries_.size();
    entries_.put(open_);
    return entries_;
  }

  StateWriter entries_;
  Header open_{};
  std::size_t open_at_ = 0;
};

}  // namespace tapeline::stream
