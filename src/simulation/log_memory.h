#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "event_log/event_log.h"
#include "feed/feed_consumer.h"
#include "os/simulated/simulated_file_system.h"
#include "simulation/sabotage.h"

namespace tapeline::simulation {

// What the books must say of themselves at a place in the feed's log.
struct FeedState {
  feed::FeedPosition position;
  bool gapped = false;
  bool recovering = false;
  bool replaced = false;  // By a snapshot, in this session.

  friend bool operator==(const FeedState&, const FeedState&) = default;
};

// The state behind a batch of the topic `feed`, from that before it. Fails where the batch cannot be read.
[[nodiscard]] Result<FeedState> state_behind(FeedState state, std::span<const std::byte> payload);

// A batch as it was handed to the log.
struct RememberedBatch {
  std::uint64_t first = 0;
  std::uint32_t record_count = 0;
  std::uint64_t hash = 0;  // Of the payload.
  FeedState behind;        // Of the topic `feed`.

  [[nodiscard]] std::uint64_t end() const { return first + record_count; }
};

// All that was appended to one partition.
class PartitionMemory {
 public:
  explicit PartitionMemory(bool is_feed) : is_feed_(is_feed) {}

  // append() was called, and has succeeded.
  void begin_append(const event_log::NewBatch& batch, std::span<const std::byte> payload);
  void end_append(event_log::Offset offset);
  void note_synced(event_log::Offset end) { synced_ = std::max(synced_, end.value); }
  // The pipeline itself removes what is behind.
  void begin_cut(event_log::Offset end);
  void end_cut(event_log::Offset end);
  // What was not synced may be gone.
  void lose_power() { floor_ = std::min(floor_, synced_); }

  // Holds the memory against what a partition has after a restart: a first part of what was appended, with at
  // most the batch in addition that the crash came upon, and all that was promised. What is wrong, or
  // nothing.
  [[nodiscard]] std::optional<std::string> compare(event_log::Reader& reader);

  [[nodiscard]] std::uint64_t end() const { return batches_.empty() ? 0 : batches_.back().end(); }
  [[nodiscard]] std::uint64_t synced() const { return synced_; }
  [[nodiscard]] std::uint64_t cuts() const { return cuts_; }
  // The state of the feed before the record at `offset`, which begins a batch; nothing where none begins.
  [[nodiscard]] std::optional<FeedState> state_at(std::uint64_t offset) const;

 private:
  [[nodiscard]] FeedState last_state() const {
    return batches_.empty() ? FeedState{} : batches_.back().behind;
  }

  bool is_feed_;
  std::vector<RememberedBatch> batches_;
  std::optional<RememberedBatch> in_flight_;
  std::uint64_t synced_ = 0;
  std::uint64_t floor_ = 0;  // So far the partition must reach.
  std::uint64_t cut_to_ = UINT64_MAX;
  std::uint64_t cuts_ = 0;
};

// Of all partitions, over all processes of a run.
class LogMemory {
 public:
  [[nodiscard]] PartitionMemory& of(const std::string& topic, std::uint32_t partition);
  void lose_power();
  // After a restart, when its writers have recovered all partitions.
  [[nodiscard]] std::optional<std::string> compare(event_log::EventLog& log);

 private:
  std::map<std::pair<std::string, std::uint32_t>, PartitionMemory> partitions_;
};

// A log that remembers. Everything goes to the log behind it.
class ObservedLog final : public event_log::EventLog {
 public:
  ObservedLog(event_log::EventLog& log, const os::SimulatedFileSystem& disk, LogMemory& memory,
              Saboteur& saboteur)
      : log_(log), disk_(disk), memory_(memory), saboteur_(saboteur) {}

  Result<void> create_topic(const std::string& name, const event_log::TopicOptions& options) override {
    return log_.create_topic(name, options);
  }
  Result<std::vector<event_log::TopicDescription>> topics() override { return log_.topics(); }
  Result<event_log::TopicDescription> topic(const std::string& name) override { return log_.topic(name); }
  Result<event_log::PartitionDescription> describe(const std::string& topic,
                                                   std::uint32_t partition) override {
    return log_.describe(topic, partition);
  }
  Result<std::unique_ptr<event_log::Writer>> open_writer(const std::string& topic,
                                                         std::uint32_t partition) override;
  Result<std::unique_ptr<event_log::Reader>> open_reader(const std::string& topic,
                                                         std::uint32_t partition) override {
    return log_.open_reader(topic, partition);
  }

 private:
  event_log::EventLog& log_;
  const os::SimulatedFileSystem& disk_;
  LogMemory& memory_;
  Saboteur& saboteur_;
};

}  // namespace tapeline::simulation
