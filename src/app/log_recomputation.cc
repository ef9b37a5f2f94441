#include "app/log_recomputation.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "app/row_consumer.h"
#include "event_log/journal/journal.h"
#include "feed/feed_log/feed_log.h"
#include "os/posix/posix_file_system.h"
#include "os/posix/system_clock.h"
#include "pipeline/run/settings.h"
#include "pipeline/run/worker_pool.h"
#include "stream/rocksdb/rocksdb_checkpoint_store.h"

namespace tapeline::app {

namespace {

// The topic `feed` of one log and the topic `rows` of another.
class SplitLog final : public event_log::EventLog {
 public:
  SplitLog(event_log::EventLog& feed, event_log::EventLog& rows) : feed_(feed), rows_(rows) {}

  Result<void> create_topic(const std::string& name, const event_log::TopicOptions& options) override {
    return of(name).create_topic(name, options);
  }
  Result<std::vector<event_log::TopicDescription>> topics() override { return feed_.topics(); }
  Result<event_log::TopicDescription> topic(const std::string& name) override { return of(name).topic(name); }
  Result<event_log::PartitionDescription> describe(const std::string& topic,
                                                   std::uint32_t partition) override {
    return of(topic).describe(topic, partition);
  }
  Result<std::unique_ptr<event_log::Writer>> open_writer(const std::string& topic,
                                                         std::uint32_t partition) override {
    return of(topic).open_writer(topic, partition);
  }
  Result<std::unique_ptr<event_log::Reader>> open_reader(const std::string& topic,
                                                         std::uint32_t partition) override {
    return of(topic).open_reader(topic, partition);
  }

 private:
  event_log::EventLog& of(const std::string& topic) { return topic == pipeline::rows_topic ? rows_ : feed_; }

  event_log::EventLog& feed_;
  event_log::EventLog& rows_;
};

// Removed with everything in it.
class ScratchFolder {
 public:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) { remove(); }
  ~ScratchFolder() { remove(); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

 private:
  void remove() const {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path_;
};

Result<void> wait_for_end(const pipeline::WorkerPool& pool, std::uint64_t end,
                          const std::function<std::optional<Error>()>& failure) {
  for (;;) {
    bool done = true;
    for (const pipeline::WorkerReport& worker : pool.reports()) done &= raw(worker.position) >= end;
    if (const std::optional<Error> error = failure()) return std::unexpected(*error);
    if (done) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace

Result<Recomputation> recompute(event_log::EventLog& log, const config::Config& config, unsigned workers,
                                const std::string& scratch) {
  const ScratchFolder folder(scratch);
  os::PosixFileSystem files;
  const os::SystemClock clock;
  if (Result<void> made = files.make_folder(scratch); !made) return std::unexpected(made.error());
  event_log::journal::Journal rows(files, scratch + "/journal");
  SplitLog split(log, rows);
  const Result<event_log::PartitionDescription> feed = log.describe(pipeline::feed_topic, 0);
  if (!feed) return std::unexpected(feed.error());
  const Result<pipeline::LivePipelineConfig> settings = pipeline::live_pipeline_config(config, workers);
  if (!settings) return std::unexpected(settings.error());
  event_log::TopicOptions options = settings->rows.options;
  options.partitions = workers;
  if (Result<void> made = split.create_topic(pipeline::rows_topic, options); !made)
    return std::unexpected(made.error());
  const Result<stream::OpenedCheckpointStore> store = stream::open_rocksdb_checkpoint_store(
      scratch + "/checkpoints", {.layout = pipeline::state_layout(config, settings->pool.worker.analytics)});
  if (!store) return std::unexpected(store.error());
  pipeline::WorkerPoolConfig pool_config = settings->pool;
  pool_config.workers = workers;
  const stream::KeyGroups groups(settings->key_groups);
  os::Doorbell input;
  os::Doorbell output;
  const Result<std::unique_ptr<trace::Recorders>> nothing_recorded = trace::Recorders::open(files, "", 0);
  if (!nothing_recorded) return std::unexpected(nothing_recorded.error());
  std::optional<Error> failure;
  std::mutex mutex;
  Recomputation result;
  const auto start = std::chrono::steady_clock::now();
  {
    Result<std::unique_ptr<pipeline::WorkerPool>> pool = pipeline::WorkerPool::start(
        pool_config, split, *store->store, groups, clock, input, output,
        [&](const Error& error) {
          const std::lock_guard lock(mutex);
          failure = error;
        },
        **nothing_recorded);
    if (!pool) return std::unexpected(pool.error());
    if (Result<void> done = wait_for_end(**pool, feed->end.value,
                                         [&] {
                                           const std::lock_guard lock(mutex);
                                           return failure;
                                         });
        !done)
      return std::unexpected(done.error());
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    constexpr std::uint64_t most_ns = 60'000'000'000;
    (*pool)->stop(most_ns);
    result.checkpoint_stall_us = static_cast<double>((*pool)->timings().stalls.max()) / 1e3;
  }
  result.messages = feed->end.value - feed->oldest.value;
  RowConsumer consumer(split, clock);
  for (;;) {
    const Result<bool> any = consumer.turn();
    if (!any) return std::unexpected(any.error());
    if (!*any) break;
  }
  result.digests = consumer.digests();
  return result;
}

Result<FeedAccount> account_for_feed(event_log::EventLog& log) {
  Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(pipeline::feed_topic, 0);
  if (!reader) return std::unexpected(reader.error());
  FeedAccount account;
  std::uint64_t next = 1;
  bool is_first = true;
  for (;;) {
    const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) return account;
    Result<feed::FeedLogCursor> cursor = feed::FeedLogCursor::open((*batch)->payload);
    if (!cursor) return std::unexpected(cursor.error());
    if (is_first && (*batch)->first > event_log::Offset{}) {
      next = cursor->position().next_sequence;
      account.removed = next - 1;
    }
    is_first = false;
    for (;;) {
      const Result<std::optional<feed::FeedRecord>> record = cursor->next();
      if (!record) return std::unexpected(record.error());
      if (!*record) break;
      const feed::MessageBlock& block = (*record)->block;
      switch ((*record)->kind) {
        case feed::FeedRecordKind::session:
          ++account.sessions;
          next = (*record)->session.next_sequence;
          break;
        case feed::FeedRecordKind::messages:
          account.messages += block.message_count;
          if (block.first_sequence > next) account.missing += block.first_sequence - next;
          if (block.first_sequence < next)
            account.doubled += std::min<std::uint64_t>(next - block.first_sequence, block.message_count);
          next = block.first_sequence + block.message_count;
          break;
        case feed::FeedRecordKind::gap:
          account.declared += (*record)->gap.to - (*record)->gap.from;
          next = (*record)->gap.to;
          break;
        case feed::FeedRecordKind::snapshot_complete:
          ++account.snapshots;
          account.declared += (*record)->snapshot_complete.next_sequence - next;
          next = (*record)->snapshot_complete.next_sequence;
          break;
        default: break;
      }
    }
  }
}

}  // namespace tapeline::app
