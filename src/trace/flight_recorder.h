#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "os/mapped_file.h"
#include "stream/key_groups.h"

namespace tapeline::trace {

// Where a message passes, in its order.
enum class Stage : std::uint16_t {
  ingest = 1,  // Its packet is taken from the kernel and appended to the log.
  worker = 2,  // Books and analytics; then the rows go to the log.
  file_sink = 3,
  serve = 4,   // The server's own books.
  client = 5,  // A text to a client of the stream.
};

// One batch at one stage: the records [from, from + count) of the log's topic `feed`. Times are nanoseconds
// since the Unix epoch. docs/formats/flight_recorder.md says what each means at each stage.
struct StageRecord {
  std::uint64_t from = 0;
  std::uint32_t count = 0;
  Stage stage = Stage::ingest;
  std::uint16_t number = 0;  // Of the worker, or of the lane that its rows are in.
  std::uint64_t began_ns = 0;
  std::uint64_t middle_ns = 0;
  std::uint64_t ended_ns = 0;
  std::uint64_t oldest_captured_ns = 0;
  // Of the ingest: where the session stands before and behind the batch. Of a client: its number.
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  [[nodiscard]] std::uint64_t end() const { return from + count; }
  [[nodiscard]] bool covers(std::uint64_t offset) const { return offset - from < count; }
};
static_assert(sizeof(StageRecord) == 64);

// What a recorder's file begins with.
struct RecorderHeader {
  static constexpr std::uint64_t current_magic = 0x3154'4847'494C'4654;  // "TFLIGHT1"

  std::uint64_t magic;
  std::uint64_t capacity;  // Records, a power of two.
  std::uint16_t number;    // Of the worker that writes it, or of the lane that it is about.
  std::uint16_t first_group;
  std::uint16_t group_count;
  std::uint16_t key_groups;               // Of all workers together; 0 where no worker writes it.
  std::array<std::uint64_t, 4> reserved;  // 0.
  std::atomic<std::uint64_t> written;     // Records, ever.
};
static_assert(sizeof(RecorderHeader) == 64 && std::atomic<std::uint64_t>::is_always_lock_free);

// What one thread noted of its latest batches: a ring in memory that other threads and processes read while
// it is written, and that a crash leaves behind. A record costs the writer some stores into one cache line;
// nobody can make it wait.
class FlightRecorder {
 public:
  struct Owner {
    std::uint16_t number = 0;
    stream::GroupRange groups{};
    std::uint16_t key_groups = 0;
  };
  // `records` is made a power of two. An empty path keeps them in this process' memory alone.
  static Result<std::unique_ptr<FlightRecorder>> create(const std::string& path, std::uint64_t records,
                                                        const Owner& owner);
  // For the one thread that writes.
  void record(const StageRecord& record);

  // For any thread.
  [[nodiscard]] std::shared_ptr<const os::MappedFile> memory() const { return memory_; }

 private:
  explicit FlightRecorder(std::shared_ptr<os::MappedFile> memory);

  std::shared_ptr<os::MappedFile> memory_;
  RecorderHeader* header_;
  std::atomic<std::uint64_t>* words_;
  std::uint64_t mask_;
  std::uint64_t written_ = 0;
};

// Reads what a recorder holds. Records have numbers, from 0; the latest `capacity` of them are there.
class FlightReader {
 public:
  // Of a recorder in this process, which may go before the reader does.
  explicit FlightReader(const FlightRecorder& recorder) : FlightReader(recorder.memory()) {}
  // Of a file that anybody writes or has written; checked, as any file is.
  static Result<FlightReader> open(const std::string& path);

  [[nodiscard]] const RecorderHeader& header() const { return *header_; }
  [[nodiscard]] std::uint64_t written() const { return header_->written.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t oldest() const;
  // Nothing where it has been overwritten, or is yet to come.
  [[nodiscard]] std::optional<StageRecord> at(std::uint64_t number) const;

  // The record that covers an offset of the log, where offsets grow from record to record.
  [[nodiscard]] std::optional<StageRecord> find_offset(std::uint64_t offset) const;
  // The first record that covers the offset among those that ended at `since_ns` or later, where such times
  // grow.
  [[nodiscard]] std::optional<StageRecord> find_offset_since(std::uint64_t offset,
                                                             std::uint64_t since_ns) const;

 private:
  explicit FlightReader(std::shared_ptr<const os::MappedFile> memory);

  std::shared_ptr<const os::MappedFile> memory_;
  const RecorderHeader* header_;
  const std::atomic<std::uint64_t>* words_;
};

}  // namespace tapeline::trace
