#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <type_traits>

#include "base/check.h"
#include "sinks/sink_thread.h"
#include "sinks/table_sink.h"

namespace tapeline::sinks {

// Writes rows of one struct through a sink that works on its own thread. `push` is a copy into a buffer;
// every `rows_per_buffer` rows the buffer changes hands, and when the sink lags all buffers behind, that
// waits for it. Destroyed unfinished, it discards the file. One thread at a time uses a writer.
template <class Row>
class RowWriter {
  static_assert(std::is_trivially_copyable_v<Row> && alignof(Row) <= 64);

 public:
  static constexpr std::size_t rows_per_buffer = 16'384;

  static Result<RowWriter> open(TableFormat format, const std::string& path, const table::Schema& schema,
                                const TableOptions& options = {}) {
    CHECK(schema.row_size == sizeof(Row));
    Result<std::unique_ptr<TableSink>> sink = open_table_sink(format, path, schema, options);
    if (!sink) return std::unexpected(sink.error());
    return RowWriter(std::move(*sink));
  }

  explicit RowWriter(std::unique_ptr<TableSink> sink)
      : thread_(std::make_unique<SinkThread>(std::move(sink), rows_per_buffer * sizeof(Row))) {
    start_buffer();
  }

  void push(const Row& row) {
    ::new (next_) Row(row);
    next_ += sizeof(Row);
    if (next_ == end_) [[unlikely]]
      hand_over();
  }

  // Whether the sink has failed, known at the latest a few buffers after it did. What is pushed then goes
  // nowhere.
  [[nodiscard]] bool failed() const { return thread_->failed(); }

  // Writes the rest and gives the file its name; reports the first failure, whenever it was. After an error
  // of the input it is called all the same, to keep the rows before the error. Called once, last.
  Result<void> finish() {
    hand_over();
    return thread_->finish();
  }

 private:
  void start_buffer() {
    next_ = thread_->buffer();
    end_ = next_ + rows_per_buffer * sizeof(Row);
  }
  void hand_over() {
    thread_->hand_over(static_cast<std::size_t>(next_ - thread_->buffer()));
    start_buffer();
  }

  std::unique_ptr<SinkThread> thread_;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
};

}  // namespace tapeline::sinks
