#include "simulation/log_memory.h"

#include <algorithm>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/check.h"
#include "feed/feed_log/feed_log.h"
#include "pipeline/live/ingest.h"
#include "simulation/sabotage.h"

namespace tapeline::simulation {

namespace {

// Follows what the items of the feed mean for the books.
class StateFollower final : public feed::FeedConsumer {
 public:
  explicit StateFollower(const FeedState& from) : state(from) {}

  void on_session_started(const feed::SessionStarted& item) override {
    state = {};
    state.position.apply(item);
  }
  void on_messages(const feed::MessageBlock& block) override { state.position.apply_messages(block); }
  void on_gap_declared(const feed::GapDeclared& item) override {
    state.position.apply(item);
    state.gapped = true;
    state.recovering = false;
  }
  void on_recovery_started(const feed::RecoveryStarted& item) override {
    state.position.apply(item);
    state.recovering = true;
  }
  void on_snapshot_messages(const feed::MessageBlock&) override {}
  void on_snapshot_complete(const feed::SnapshotComplete& item) override {
    state.position.apply(item);
    state.gapped = false;
    state.recovering = false;
    state.replaced = true;
  }
  void on_end_of_session(const feed::SessionEnded& item) override { state.position.apply(item); }

  FeedState state;
};

class ObservedWriter final : public event_log::Writer {
 public:
  ObservedWriter(std::unique_ptr<event_log::Writer> writer, const os::SimulatedFileSystem& disk,
                 PartitionMemory& memory, Saboteur& saboteur, bool is_feed)
      : writer_(std::move(writer)), disk_(disk), memory_(memory), saboteur_(saboteur), is_feed_(is_feed) {}

  Result<event_log::Offset> append(const event_log::NewBatch& batch) override {
    payload_.clear();
    for (const event_log::Bytes& piece : batch.payload)
      payload_.insert(payload_.end(), piece.begin(), piece.end());
    const Saboteur::Harm harm = saboteur_.harm(payload_, is_feed_);
    if (harm == Saboteur::Harm::drop) return writer_->end();
    event_log::NewBatch whole = batch;
    const event_log::Bytes bytes(payload_);
    whole.payload = {&bytes, 1};
    if (harm == Saboteur::Harm::twice) (void)append_one(whole);
    return append_one(whole);
  }
  Result<void> sync() override {
    const event_log::Offset end = writer_->end();
    Result<void> done = writer_->sync();
    if (done) memory_.note_synced(end);
    return done;
  }
  Result<void> cut(event_log::Offset end) override {
    memory_.begin_cut(end);
    Result<void> done = writer_->cut(end);
    if (done) memory_.end_cut(end);
    return done;
  }
  [[nodiscard]] bool has_failed() const override { return writer_->has_failed(); }
  Result<void> maintain() override { return writer_->maintain(); }
  [[nodiscard]] event_log::Offset end() const override { return writer_->end(); }
  [[nodiscard]] event_log::Offset synced() const override { return writer_->synced(); }
  [[nodiscard]] std::uint64_t torn_bytes() const override { return writer_->torn_bytes(); }
  [[nodiscard]] std::uint64_t bytes() const override { return writer_->bytes(); }
  [[nodiscard]] std::uint32_t segments() const override { return writer_->segments(); }

 private:
  Result<event_log::Offset> append_one(const event_log::NewBatch& batch) {
    // Of the calls that fail for good, only the first can have brought something to the disk.
    if (disk_.has_crashed() || writer_->has_failed()) return writer_->append(batch);
    memory_.begin_append(batch, payload_);
    Result<event_log::Offset> offset = writer_->append(batch);
    if (offset) memory_.end_append(*offset);
    // With a sync at each batch, this is what append() has promised.
    memory_.note_synced(writer_->synced());
    return offset;
  }

  std::unique_ptr<event_log::Writer> writer_;
  const os::SimulatedFileSystem& disk_;
  PartitionMemory& memory_;
  Saboteur& saboteur_;
  bool is_feed_;
  std::vector<std::byte> payload_;
};

std::uint64_t hash_of(std::span<const std::byte> payload) {
  return XXH3_64bits(payload.data(), payload.size());
}

}  // namespace

Result<FeedState> state_behind(FeedState state, std::span<const std::byte> payload) {
  Result<feed::FeedLogCursor> cursor = feed::FeedLogCursor::open(payload);
  if (!cursor) return std::unexpected(cursor.error());
  StateFollower follower(state);
  for (;;) {
    const Result<std::optional<feed::FeedRecord>> record = cursor->next();
    if (!record) return std::unexpected(record.error());
    if (!*record) return follower.state;
    feed::replay(**record, follower);
  }
}

void PartitionMemory::begin_append(const event_log::NewBatch& batch, std::span<const std::byte> payload) {
  in_flight_ = RememberedBatch{end(), batch.record_count, hash_of(payload), {}};
  if (!is_feed_) return;
  // What cannot be read is found when the log is checked.
  if (const Result<FeedState> behind = state_behind(last_state(), payload)) in_flight_->behind = *behind;
}

void PartitionMemory::end_append(event_log::Offset offset) {
  CHECK(in_flight_.has_value());
  in_flight_->first = offset.value;
  batches_.push_back(*in_flight_);
  in_flight_.reset();
  floor_ = end();
}

// A crash may come upon it: all may be there then, or any first part that reaches so far.
void PartitionMemory::begin_cut(event_log::Offset end) {
  ++cuts_;
  floor_ = std::min(floor_, end.value);
  synced_ = std::min(synced_, end.value);
}

void PartitionMemory::end_cut(event_log::Offset end) {
  cut_to_ = std::min(cut_to_, end.value);
}

std::optional<std::string> PartitionMemory::compare(event_log::Reader& reader) {
  if (in_flight_) batches_.push_back(*std::exchange(in_flight_, std::nullopt));
  // What was cut off is not there, whatever had come back of it.
  std::erase_if(batches_, [&](const RememberedBatch& batch) { return batch.end() > cut_to_; });
  cut_to_ = UINT64_MAX;
  std::size_t found = 0;
  std::uint64_t reached = 0;
  for (;; ++found) {
    const Result<std::optional<event_log::Batch>> next = reader.next();
    if (!next) return fmt::format("the log cannot be read after a restart: {}", next.error().message);
    if (!*next) break;
    const event_log::Batch& batch = **next;
    if (found == batches_.size())
      return fmt::format("the log has a batch at offset {} that nobody appended", batch.first.value);
    const RememberedBatch& expected = batches_[found];
    if (batch.first.value != expected.first || batch.record_count != expected.record_count ||
        hash_of(batch.payload) != expected.hash)
      return fmt::format(
          "the log's batch at offset {} of {} records is not the one of {} at {} that was appended there",
          batch.first.value, batch.record_count, expected.record_count, expected.first);
    reached = batch.end().value;
  }
  batches_.resize(found);
  if (reached < floor_)
    return fmt::format("the log ends at offset {} after a restart, and {} was promised to stay", reached,
                       floor_);
  floor_ = reached;
  synced_ = std::min(synced_, reached);
  return std::nullopt;
}

std::optional<FeedState> PartitionMemory::state_at(std::uint64_t offset) const {
  if (offset == 0) return FeedState{};
  const auto found = std::ranges::lower_bound(batches_, offset, {}, &RememberedBatch::end);
  if (found == batches_.end() || found->end() != offset) return std::nullopt;
  return found->behind;
}

PartitionMemory& LogMemory::of(const std::string& topic, std::uint32_t partition) {
  return partitions_.try_emplace({topic, partition}, topic == pipeline::feed_topic).first->second;
}

void LogMemory::lose_power() {
  for (auto& [name, partition] : partitions_) partition.lose_power();
}

std::optional<std::string> LogMemory::compare(event_log::EventLog& log) {
  for (auto& [name, partition] : partitions_) {
    const Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(name.first, name.second);
    if (!reader)
      return fmt::format("topic {} cannot be opened after a restart: {}", name.first, reader.error().message);
    if (const std::optional<std::string> wrong = partition.compare(**reader))
      return fmt::format("topic {}, partition {}: {}", name.first, name.second, *wrong);
  }
  return std::nullopt;
}

Result<std::unique_ptr<event_log::Writer>> ObservedLog::open_writer(const std::string& topic,
                                                                    std::uint32_t partition) {
  Result<std::unique_ptr<event_log::Writer>> writer = log_.open_writer(topic, partition);
  if (!writer) return writer;
  return std::make_unique<ObservedWriter>(std::move(*writer), disk_, memory_.of(topic, partition), saboteur_,
                                          topic == pipeline::feed_topic);
}

}  // namespace tapeline::simulation
