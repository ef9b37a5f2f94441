#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "market/types.h"
#include "operators/operator.h"
#include "pipeline/row_tables.h"
#include "stream/key_checkpointer.h"
#include "stream/key_groups.h"
#include "stream/position.h"
#include "stream/row_log.h"

namespace tapeline::pipeline {

// Takes the rows of a worker's operators: puts them into a batch for the log, leaves out those that a run
// before a crash has already put there, and tells the checkpointer whose state a timer has changed.
class RowCollector {
 public:
  // `output_ends` says for each group up to which position of the input its rows are in the log.
  RowCollector(const stream::KeyGroups& groups, stream::GroupRange own,
               std::vector<stream::Position> output_ends, stream::KeyCheckpointer& checkpointer)
      : groups_(groups), output_ends_(std::move(output_ends)), checkpointer_(checkpointer) {
    for (std::uint16_t i = 0; i < own.count; ++i)
      suppress_before_ = std::max(suppress_before_, output_ends_[own.first + i]);
  }

  // Messages from here on: the one of this sequence has that position in the input.
  void set_block(Sequence first, stream::Position position) { offset_ = raw(position) - raw(first); }
  // Rows from here on come from this message …
  void begin_message(Sequence sequence) {
    sequence_ = sequence;
    first_ordinal_ = 0;
    is_new_ = true;
  }
  // … or from a control record, the so-many-th of its session. It is not the message of this sequence, whose
  // rows have other ordinals.
  void begin_control(Sequence sequence, stream::Position position, std::uint32_t count) {
    set_block(sequence, position);
    sequence_ = sequence;
    first_ordinal_ = stream::control_ordinals | (count & 0x7FFF) << 16;
    is_new_ = true;
  }

  template <class Row>
  void emit(const Row& row) {
    add(static_cast<std::uint16_t>(row_table<Row>()), row.locate, std::as_bytes(std::span(&row, 1)));
  }
  void emit_user(std::uint16_t table, const operators::RowKey& key, std::span<const std::byte> row) {
    add(table, key.locate, row);
  }

  [[nodiscard]] stream::RowBatchBuilder& batch() { return builder_; }
  [[nodiscard]] const stream::RowBatchBuilder& batch() const { return builder_; }
  [[nodiscard]] std::uint64_t suppressed() const { return suppressed_; }
  // After the batch was cleared, the next row begins its message anew.
  void clear() {
    builder_.clear();
    is_new_ = true;
  }

 private:
  void add(std::uint16_t table, Locate key, std::span<const std::byte> row) {
    checkpointer_.touch(key);
    const stream::Position position{raw(sequence_) + offset_};
    if (position < suppress_before_ && position < output_ends_[raw(groups_.group_of(key))]) {
      ++suppressed_;
      return;
    }
    if (is_new_) {
      builder_.begin_message(sequence_, first_ordinal_);
      is_new_ = false;
    }
    builder_.add(table, key, row);
  }

  const stream::KeyGroups& groups_;
  std::vector<stream::Position> output_ends_;
  stream::Position suppress_before_ = stream::log_start;
  stream::KeyCheckpointer& checkpointer_;
  stream::RowBatchBuilder builder_;
  Sequence sequence_{0};
  std::uint64_t offset_ = 0;  // Position minus sequence, modulo 2^64.
  std::uint32_t first_ordinal_ = 0;
  bool is_new_ = true;
  std::uint64_t suppressed_ = 0;
};

}  // namespace tapeline::pipeline
