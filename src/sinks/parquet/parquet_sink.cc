#include "sinks/parquet/parquet_sink.h"

#include "base/check.h"
#include "sinks/parquet/column_writer.h"
#include "sinks/partial_file.h"

namespace tapeline::sinks::parquet {
namespace {

class ParquetSink final : public TableSink {
 public:
  ParquetSink(PartialFile file, const table::Schema& schema, const TableOptions& options,
              const ParquetOptions& parquet_options)
      : file_(std::move(file)), schema_(schema), options_(parquet_options) {
    const std::int64_t date_ns = std::chrono::nanoseconds(options.trading_date.time_since_epoch()).count();
    columns_.reserve(schema.columns.size());
    for (const table::Column& column : schema.columns) {
      columns_.emplace_back(column, schema.row_size, date_ns, options_.zstd_level);
    }
  }

  Result<void> start() { return write(magic); }

  Result<void> append(std::span<const std::byte> rows) override {
    CHECK(rows.size() % schema_.row_size == 0);
    const std::byte* next = rows.data();
    for (std::size_t left = rows.size() / schema_.row_size; left > 0;) {
      // A block of rows is read once from memory, and by all columns but the first from the cache.
      const std::size_t count = std::min({left, rows_per_block, rows_per_page - rows_in_page_});
      for (ColumnWriter& column : columns_) column.add(next, count);
      next += count * schema_.row_size;
      left -= count;
      rows_in_page_ += count;
      rows_in_group_ += count;
      if (rows_in_page_ == rows_per_page) end_page();
      if (rows_in_group_ >= options_.rows_per_group) {
        if (Result<void> ended = end_row_group(); !ended) return ended;
      }
    }
    return {};
  }

  Result<void> finish() override {
    if (rows_in_group_ > 0) {
      if (Result<void> ended = end_row_group(); !ended) return ended;
    }
    const Codec codec = options_.zstd_level == 0 ? Codec::uncompressed : Codec::zstd;
    if (Result<void> written = write(footer(schema_, groups_, codec)); !written) return written;
    return file_.publish();
  }

 private:
  static constexpr std::size_t rows_per_block = 512;

  Result<void> write(std::string_view bytes) {
    offset_ += static_cast<std::int64_t>(bytes.size());
    return file_.write(bytes);
  }

  void end_page() {
    for (ColumnWriter& column : columns_) column.end_page();
    rows_in_page_ = 0;
  }

  Result<void> end_row_group() {
    RowGroup group{.rows = static_cast<std::int64_t>(rows_in_group_), .columns = {}};
    for (ColumnWriter& column : columns_) {
      Result<ColumnChunk> chunk = column.end_row_group(file_, offset_);
      if (!chunk) return std::unexpected(chunk.error());
      group.columns.push_back(std::move(*chunk));
    }
    groups_.push_back(std::move(group));
    rows_in_page_ = 0;
    rows_in_group_ = 0;
    return {};
  }

  PartialFile file_;
  const table::Schema& schema_;
  const ParquetOptions options_;
  std::vector<ColumnWriter> columns_;
  std::vector<RowGroup> groups_;
  std::int64_t offset_ = 0;
  std::size_t rows_in_page_ = 0;
  std::size_t rows_in_group_ = 0;
};

}  // namespace

Result<std::unique_ptr<TableSink>> open_parquet_sink(const std::string& path, const table::Schema& schema,
                                                     const TableOptions& options,
                                                     const ParquetOptions& parquet_options) {
  if (path == "-") {
    return fail(ErrorCode::usage,
                "Parquet cannot go to standard output; name a file, or choose csv or jsonl");
  }
  Result<PartialFile> file = PartialFile::create(path);
  if (!file) return std::unexpected(file.error());
  auto sink = std::make_unique<ParquetSink>(std::move(*file), schema, options, parquet_options);
  if (Result<void> started = sink->start(); !started) return std::unexpected(started.error());
  return sink;
}

}  // namespace tapeline::sinks::parquet
