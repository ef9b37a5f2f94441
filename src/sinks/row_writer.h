#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "base/check.h"
#include "sinks/sink_thread.h"
#include "sinks/table_sink.h"

namespace tapeline::sinks {

// Writes rows of one size through a sink that works on its own thread. `push` is a copy into a buffer; every
// `rows_per_buffer` rows the buffer changes hands, and when the sink lags all buffers behind, that waits for
// it. Destroyed unfinished, it discards the file. One thread at a time uses a writer.
class RowBytesWriter {
 public:
  static constexpr std::size_t rows_per_buffer = 16'384;

  static Result<RowBytesWriter> open(TableFormat format, const std::string& path, const table::Schema& schema,
                                     const TableOptions& options = {}) {
    Result<std::unique_ptr<TableSink>> sink = open_table_sink(format, path, schema, options);
    if (!sink) return std::unexpected(sink.error());
    return RowBytesWriter(std::move(*sink), schema.row_size);
  }

  RowBytesWriter(std::unique_ptr<TableSink> sink, std::size_t row_size)
      : buffer_bytes_(rows_per_buffer * row_size),
        thread_(std::make_unique<SinkThread>(std::move(sink), buffer_bytes_)) {
    start_buffer();
  }

  // A whole row.
  void push(std::span<const std::byte> row) {
    std::memcpy(next_, row.data(), row.size());
    next_ += row.size();
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
    end_ = next_ + buffer_bytes_;
  }
  void hand_over() {
    thread_->hand_over(static_cast<std::size_t>(next_ - thread_->buffer()));
    start_buffer();
  }

  std::size_t buffer_bytes_;
  std::unique_ptr<SinkThread> thread_;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
};

// The same for rows of one struct.
template <class Row>
class RowWriter : private RowBytesWriter {
  static_assert(std::is_trivially_copyable_v<Row>);

 public:
  using RowBytesWriter::failed;
  using RowBytesWriter::finish;
  using RowBytesWriter::rows_per_buffer;

  static Result<RowWriter> open(TableFormat format, const std::string& path, const table::Schema& schema,
                                const TableOptions& options = {}) {
    CHECK(schema.row_size == sizeof(Row));
    Result<RowBytesWriter> writer = RowBytesWriter::open(format, path, schema, options);
    if (!writer) return std::unexpected(writer.error());
    return RowWriter(std::move(*writer));
  }

  explicit RowWriter(std::unique_ptr<TableSink> sink) : RowBytesWriter(std::move(sink), sizeof(Row)) {}

  void push(const Row& row) { RowBytesWriter::push(std::as_bytes(std::span(&row, 1))); }

 private:
  explicit RowWriter(RowBytesWriter writer) : RowBytesWriter(std::move(writer)) {}
};

}  // namespace tapeline::sinks
