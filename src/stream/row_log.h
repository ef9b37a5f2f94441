#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/uint128.h"
#include "market/types.h"
#include "stream/key_groups.h"
#include "stream/position.h"

namespace tapeline::stream {

// What a batch of the log's topic `rows` holds: the rows of some groups of keys over a stretch of the input,
// as docs/formats/row_log.md lays them out. A partition of the topic is one worker's lane. All integers are
// little-endian.
struct RowBatchHeader {
  static constexpr std::uint16_t current_version = 1;

  std::uint16_t version;
  std::uint16_t first_group;
  std::uint16_t group_count;
  std::uint16_t key_groups;  // Of all workers together.
  std::uint32_t row_count;
  std::uint32_t reserved;  // 0.
  FixedText<10> session;
  std::array<std::uint8_t, 6> reserved2;  // 0.
  Position from;                          // Rows of the input records with offsets in [from, to) are here …
  Position to;                            // … unless another lane has had them for the group before.

  [[nodiscard]] GroupRange groups() const { return {first_group, group_count}; }
  // What the batch takes in offsets of its partition: one for itself, so that an empty one can be told too.
  [[nodiscard]] std::uint32_t record_count() const { return 1 + row_count; }
};
static_assert(sizeof(RowBatchHeader) == 48);

// In front of each row, which is followed by zeros up to a multiple of row_alignment.
struct RowHeader {
  std::uint64_t sequence;  // Of the message that made the row, in the batch's session.
  std::uint16_t table;
  std::uint16_t size;     // Of the row.
  std::uint32_t ordinal;  // Counts the rows of one sequence, table and key: the three and it name a row.
};
static_assert(sizeof(RowHeader) == 16);

inline constexpr std::size_t row_alignment = 8;

// Ordinals from here on are those of rows that a control record of the input made: the end of a session, a
// snapshot. The 15 bits below the highest count the control records of the session.
inline constexpr std::uint32_t control_ordinals = std::uint32_t{1} << 31;

struct RowView {
  RowHeader header;
  std::span<const std::byte> bytes;  // Points into the batch.
};

// Puts rows together to a batch. It allocates only where its buffer has to grow.
class RowBatchBuilder {
 public:
  static constexpr std::size_t max_tables = 32;

  RowBatchBuilder() { start(); }

  // The message that rows come from now on. Sequences may repeat or go back.
  void begin_message(Sequence sequence, std::uint32_t first_ordinal = 0) {
    sequence_ = raw(sequence);
    first_ordinal_ = first_ordinal;
    message_at_ = bytes_.size();
    highest_key_.fill(-1);
  }
  void add(std::uint16_t table, Locate key, std::span<const std::byte> row);

  [[nodiscard]] std::uint32_t row_count() const { return row_count_; }
  [[nodiscard]] std::size_t size_bytes() const { return bytes_.size(); }

  // Fills the header in and returns the whole payload, valid until the next call. The next begin_message()
  // comes after clear().
  [[nodiscard]] std::span<const std::byte> finish(const FixedText<10>& session, GroupRange groups,
                                                  std::uint16_t key_groups, Position from, Position to);
  void clear() { start(); }

 private:
  void start();
  [[nodiscard]] std::uint32_t count_rows(std::uint16_t table, Locate key) const;

  std::vector<std::byte> bytes_;
  std::vector<std::uint16_t> keys_;  // Of the rows of this message; see count_rows().
  std::uint32_t row_count_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint32_t first_ordinal_ = 0;
  std::size_t message_at_ = 0;
  std::array<std::int32_t, max_tables> highest_key_;  // By table, of this message; -1 for none.
};

// Reads a batch row by row. Checks every size against the payload and never reads beyond it, whatever its
// bytes.
class RowBatchCursor {
 public:
  // The payload must outlive the cursor.
  [[nodiscard]] static Result<RowBatchCursor> open(std::span<const std::byte> payload);

  [[nodiscard]] const RowBatchHeader& header() const { return header_; }
  // The next row; nullopt behind the last. A failure repeats.
  Result<std::optional<RowView>> next();

 private:
  RowBatchCursor(std::span<const std::byte> payload, const RowBatchHeader& header)
      : payload_(payload), header_(header) {}

  std::span<const std::byte> payload_;
  RowBatchHeader header_;
  std::size_t at_ = sizeof(RowBatchHeader);
  std::uint32_t rows_read_ = 0;
};

// A sum over rows that does not depend on their order, and so neither on the number of workers nor on where
// batches end: a 128-bit hash of each row with its session, table, sequence and ordinal, added up modulo
// 2^128. A row that is lost, repeated or changed shows.
class RowDigest {
 public:
  void add(const FixedText<10>& session, const RowView& row);
  void add(const RowDigest& other) {
    sum_ += other.sum_;
    rows_ += other.rows_;
  }
  // Every row of a batch.
  Result<void> add_batch(std::span<const std::byte> payload);

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::string hex() const;  // 32 digits.
  friend bool operator==(const RowDigest&, const RowDigest&) = default;

 private:
  Uint128 sum_ = 0;
  std::uint64_t rows_ = 0;
};

// Up to which position of the input each group's rows are in the output, from the headers of all batches of
// all lanes, in any order.
class OutputEnds {
 public:
  explicit OutputEnds(std::uint16_t key_groups) : ends_(key_groups) {}

  // Fails where the batch was written for another number of groups.
  Result<void> take(const RowBatchHeader& header);

  [[nodiscard]] std::span<const Position> ends() const { return ends_; }

 private:
  std::vector<Position> ends_;
};

}  // namespace tapeline::stream
