#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "feed/feed_consumer.h"

namespace tapeline::feed {

// What a batch of the log's topic `feed` holds: the items of a feed, as docs/formats/feed_log.md lays them
// out. All integers are little-endian.
enum class FeedRecordKind : std::uint8_t {
  messages = 1,
  gap = 2,
  session = 3,
  recovery_started = 4,
  snapshot_messages = 5,
  snapshot_complete = 6,
  end_of_session = 7,
};

// At the front of each batch: where the feed stands before its first record, so that a reader can begin
// with any batch and a writer can go on behind the last one.
struct FeedBatchHeader {
  static constexpr std::uint8_t current_version = 1;
  static constexpr std::uint8_t in_session = 1;
  static constexpr std::uint8_t in_recovery = 2;
  static constexpr std::uint8_t ended = 4;

  std::uint8_t version;
  std::uint8_t flags;
  std::array<std::uint8_t, 4> reserved;  // 0.
  std::array<char, 10> session;
  std::uint64_t next_sequence;
};
static_assert(sizeof(FeedBatchHeader) == 24);

// In front of each record's body. The body is followed by zeros up to a multiple of record_alignment.
struct FeedRecordHeader {
  FeedRecordKind kind;
  std::array<std::uint8_t, 3> reserved;  // 0.
  std::uint32_t message_count;           // 0 in control records.
  std::uint32_t byte_count;              // Of the body, without the padding.
  std::uint32_t reserved2;               // 0.
  std::uint64_t first_sequence;          // Or the sequence that the control record is about.
  std::uint64_t capture_time_ns;
};
static_assert(sizeof(FeedRecordHeader) == 32);

inline constexpr std::size_t record_alignment = 8;

// Appends the items of a feed to a batch. It allocates only where the caller's buffer has to grow.
class FeedLogEncoder : public FeedConsumer {
 public:
  // With the position behind the last batch of the log after a restart.
  explicit FeedLogEncoder(const FeedPosition& position = {}) : position_(position) {}

  // Starts a batch in an empty buffer, which must outlive it. Records go there until the next call.
  void start_batch(std::vector<std::byte>& to);

  void on_session_started(const SessionStarted& item) override;
  void on_messages(const MessageBlock& block) override;
  void on_gap_declared(const GapDeclared& item) override;
  void on_recovery_started(const RecoveryStarted& item) override;
  void on_snapshot_messages(const MessageBlock& block) override;
  void on_snapshot_complete(const SnapshotComplete& item) override;
  void on_end_of_session(const SessionEnded& item) override;

  // What the batch's records take in offsets of the log; 0 means that there is nothing to append.
  [[nodiscard]] std::uint64_t record_count() const { return record_count_; }
  [[nodiscard]] const FeedPosition& position() const { return position_; }

 private:
  void append(FeedRecordKind kind, std::uint64_t sequence, CaptureTime time, std::span<const std::byte> body,
              std::uint32_t message_count = 0);

  std::vector<std::byte>* to_ = nullptr;
  FeedPosition position_;
  std::uint64_t record_count_ = 0;
};

// One record. Of the fields only those of its kind mean something.
struct FeedRecord {
  FeedRecordKind kind;
  // messages, snapshot_messages. Points into the payload; the last block of a batch is followed by
  // decode_padding readable bytes only if the payload is.
  MessageBlock block;
  SessionStarted session;              // session
  GapDeclared gap;                     // gap
  RecoveryStarted recovery;            // recovery_started
  SnapshotComplete snapshot_complete;  // snapshot_complete
  SessionEnded end;                    // end_of_session
};

// Tells a consumer of a record.
void replay(const FeedRecord& record, FeedConsumer& consumer);

// Reads a batch record by record. Checks every size and every number against the payload and against what
// came before, and never reads beyond the payload, whatever its bytes.
class FeedLogCursor {
 public:
  // The payload must outlive the cursor.
  [[nodiscard]] static Result<FeedLogCursor> open(std::span<const std::byte> payload);

  // The next record; nullopt behind the last. A failure means that the batch was not written by this encoder
  // or was damaged, and repeats.
  Result<std::optional<FeedRecord>> next();

  // Before the next record.
  [[nodiscard]] const FeedPosition& position() const { return position_; }
  // Offsets of the log that the records so far take: one for each message and one for each control record.
  [[nodiscard]] std::uint64_t record_count() const { return record_count_; }

 private:
  FeedLogCursor(std::span<const std::byte> payload, const FeedPosition& position)
      : payload_(payload), at_(sizeof(FeedBatchHeader)), position_(position) {}

  [[nodiscard]] std::unexpected<Error> corrupt(const char* what) const;
  Result<FeedRecord> read(const FeedRecordHeader& header, std::span<const std::byte> body);
  Result<FeedRecord> read_control(const FeedRecordHeader& header, std::span<const std::byte> body);
  [[nodiscard]] const char* contradiction(const FeedRecord& record) const;

  std::span<const std::byte> payload_;
  std::size_t at_;
  FeedPosition position_;
  std::uint64_t record_count_ = 0;
};

// Offsets of the log that a batch takes, from the record headers alone.
[[nodiscard]] Result<std::uint64_t> feed_record_count(std::span<const std::byte> payload);

// Where the feed stands behind a batch: the position to go on from after a restart, from the last batch.
[[nodiscard]] Result<FeedPosition> feed_position_behind(std::span<const std::byte> payload);

}  // namespace tapeline::feed
