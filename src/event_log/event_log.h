#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The log: topics made of partitions, each an append-only sequence of records. It carries opaque bytes and
// knows no market. The journal (event_log/journal) keeps it in files of this machine.
namespace tapeline::event_log {

// A record's place in its partition, counted from the partition's first record ever, 0.
struct Offset {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Offset, Offset) = default;
  friend constexpr Offset operator+(Offset offset, std::uint64_t records) { return {offset.value + records}; }
  // Records between two offsets; `from` is not behind `to`.
  friend constexpr std::uint64_t operator-(Offset to, Offset from) { return to.value - from.value; }
};

using Bytes = std::span<const std::byte>;

// What a writer appends: some records in one payload, whose layout is the caller's. A batch is atomic: a
// reader sees all of it or nothing, also after a crash.
struct NewBatch {
  std::uint32_t record_count = 0;    // At least 1.
  std::uint16_t kind = 0;            // The caller's own; tells layouts apart.
  std::uint64_t first_time_ns = 0;   // Capture times of the first and the last record, since the Unix epoch.
  std::uint64_t last_time_ns = 0;    // Retention and seek_time go by these, never by a clock.
  std::span<const Bytes> payload{};  // In pieces, put together as they are written.
};

// What a reader delivers.
struct Batch {
  Offset first;
  std::uint32_t record_count = 0;
  std::uint16_t kind = 0;
  std::uint64_t first_time_ns = 0;
  std::uint64_t last_time_ns = 0;
  // Aligned to 8 bytes, followed by decode_padding readable ones. Valid until the reader's next call.
  Bytes payload;
  // So many records right before `first` are gone: retention or a repair removed them before they were read.
  std::uint64_t missed = 0;

  [[nodiscard]] Offset end() const { return first + record_count; }
};

inline constexpr std::size_t max_payload_bytes = std::size_t{16} << 20;  // Of a batch.

// Appends to one partition; there is one writer for each at a time. append() is for one thread; the others
// may be called from any thread while it appends.
class Writer {
 public:
  virtual ~Writer() = default;
  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // The offset of the batch's first record, once the kernel has the batch (once the disk has it, with
  // SyncPolicy::batch). After an error nothing of the batch is in the log, and the call may be repeated: a
  // full disk works again when there is room. Only where has_failed() says so may it be there after a
  // restart.
  virtual Result<Offset> append(const NewBatch& batch) = 0;
  Result<Offset> append(NewBatch batch, Bytes payload) {
    batch.payload = {&payload, 1};
    return append(batch);
  }

  // Returns when all that was appended before the call would survive a power loss. Callers at the same time
  // share one sync of the disk. A failure is final: this writer refuses everything from then on, as the
  // kernel does not tell a second time what it lost.
  virtual Result<void> sync() = 0;

  // Removes everything from `end` on, where a batch begins, and survives a power loss when it returns. For
  // one who finds at a start that a log is ahead of what it was made from: before anything is appended, and
  // while no reader has read so far. A compacted topic cannot be cut.
  virtual Result<void> cut(Offset end) = 0;

  // Whether a sync has failed, be it one of append() or maintain(): nothing is appended any more until the
  // partition is opened anew. Tells such a failure from one that passes, like a full disk.
  [[nodiscard]] virtual bool has_failed() const = 0;

  // Has what was appended lately written to the disk without waiting for it, so that the next sync() is
  // short. A hint, for one thread at a time.
  virtual void write_back() {}

  // The work that append() leaves to others: indexes of closed segments, retention, compaction.
  virtual Result<void> maintain() = 0;

  [[nodiscard]] virtual Offset end() const = 0;              // Where the next record goes.
  [[nodiscard]] virtual Offset synced() const = 0;           // All before it would survive a power loss.
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;     // That the partition takes on the disk.
  [[nodiscard]] virtual std::uint32_t segments() const = 0;  // Files that it is in.
  // Found behind the last whole batch when the partition was opened, and removed: what a crash cut off.
  [[nodiscard]] virtual std::uint64_t torn_bytes() const = 0;
};

// Reads one partition in order and follows it live by polling; takes no lock and never slows the writer. For
// one thread at a time. It starts at the oldest record.
class Reader {
 public:
  virtual ~Reader() = default;
  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The batch that holds position(), or the first one behind it; nothing when there is nothing more now. It
  // begins before position() where a seek led into the middle of it.
  virtual Result<std::optional<Batch>> next() = 0;

  // The next record to be read. An offset behind the end waits for it.
  virtual Result<void> seek(Offset offset) = 0;
  // To the first batch with a record of that capture time or later; to the end where there is none.
  virtual Result<void> seek_time(std::uint64_t time_ns) = 0;
  virtual Result<void> seek_oldest() = 0;
  virtual Result<void> seek_end() = 0;
  [[nodiscard]] virtual Offset position() const = 0;

  // The partition's end as its writer publishes it, while that writer lives in this process; else null. Costs
  // nothing to look at, and tells how far this reader is behind.
  [[nodiscard]] virtual const std::atomic<std::uint64_t>* live_end() const = 0;
};

enum class SyncPolicy : std::uint8_t {
  none,      // The kernel writes when it likes. Survives a crash of the process, not of the machine.
  interval,  // sync() is called every `sync_interval_ns` by whom the owner gave the writer to.
  batch,     // append() returns once the batch is on the disk.
};

struct TopicOptions {
  std::uint32_t partitions = 1;
  std::uint64_t segment_bytes = std::uint64_t{256} << 20;  // A segment is closed when it would grow beyond
  std::uint64_t segment_ns = 3'600'000'000'000;            // or cover more capture time than that.
  // Closed segments are removed, oldest first, when the newest record is so much later than their last one,
  // or while the partition is larger than that. 0 keeps all.
  std::uint64_t retention_ns = 0;
  std::uint64_t retention_bytes = 0;
  SyncPolicy sync = SyncPolicy::interval;
  std::uint64_t sync_interval_ns = 50'000'000;
  // Room claimed on the disk when a segment is begun, given back when it is closed. 0 claims none.
  std::uint64_t preallocate_bytes = 0;
  // Keeps the latest value of each key instead of everything; batches must be of event_log/key_value.h.
  bool compacted = false;
  std::uint64_t tombstone_retention_ns = 86'400'000'000'000;  // How long readers can still see a removal.
};

struct TopicDescription {
  std::string name;
  TopicOptions options;
};

struct PartitionDescription {
  Offset oldest;
  Offset end;
  std::uint64_t first_time_ns = 0;  // 0 where it is empty.
  std::uint64_t last_time_ns = 0;
  std::uint64_t bytes = 0;  // On disk.
  std::uint32_t segments = 0;
};

// May be used from any thread. Writers and readers must not outlive it.
class EventLog {
 public:
  virtual ~EventLog() = default;
  EventLog() = default;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Makes the topic, or gives it new options: partitions may become more, never fewer, and it stays
  // compacted or not. A name is made of a-z, 0-9, '_' and '-'.
  virtual Result<void> create_topic(const std::string& name, const TopicOptions& options) = 0;
  virtual Result<std::vector<TopicDescription>> topics() = 0;  // By name.
  virtual Result<TopicDescription> topic(const std::string& name) = 0;
  virtual Result<PartitionDescription> describe(const std::string& topic, std::uint32_t partition) = 0;

  // Refused while another writer of the partition lives, in any process.
  virtual Result<std::unique_ptr<Writer>> open_writer(const std::string& topic, std::uint32_t partition) = 0;
  virtual Result<std::unique_ptr<Reader>> open_reader(const std::string& topic, std::uint32_t partition) = 0;
};

}  // namespace tapeline::event_log
