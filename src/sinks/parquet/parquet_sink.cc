#include "sinks/parquet/parquet_sink.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "base/check.h"
#include "sinks/parquet/vectors.h"
#include "sinks/partial_file.h"
#include "sql/database.h"
#include "table/describe.h"

namespace tapeline::sinks::parquet {
namespace {

// DuckDB pulls, our callers push. The rows of one `append` stand here until the COPY has taken them all, so
// that they are copied once, from the caller's buffer into DuckDB's vectors.
class RowHandover {
 public:
  // Returns once the rows are taken; false when the COPY has ended and takes no more.
  bool give(std::span<const std::byte> rows) {
    std::unique_lock lock(mutex_);
    rows_ = rows;
    changed_.notify_all();
    changed_.wait(lock, [&] { return rows_.empty() || copy_ended_; });
    rows_ = {};
    return !copy_ended_;
  }
  void end_of_rows() {
    const std::lock_guard lock(mutex_);
    no_more_rows_ = true;
    changed_.notify_all();
  }
  void copy_ended() {
    const std::lock_guard lock(mutex_);
    copy_ended_ = true;
    changed_.notify_all();
  }
  // The COPY's side: waits for rows, hands up to `most` bytes of them to `use`, and returns false at their
  // end.
  template <class Use>
  bool take(std::size_t most, Use use) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !rows_.empty() || no_more_rows_; });
    if (rows_.empty()) return false;
    const std::span<const std::byte> part = rows_.first(std::min(most, rows_.size()));
    // The giver waits as long as rows_ is not empty, so that nobody waits for the lock meanwhile.
    use(part);
    rows_ = rows_.subspan(part.size());
    if (rows_.empty()) changed_.notify_all();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::span<const std::byte> rows_;
  bool no_more_rows_ = false;
  bool copy_ended_ = false;
};

class ParquetSink final : public TableSink {
 public:
  ParquetSink(PartialName name, sql::Database database, const table::Schema& schema,
              const TableOptions& options)
      : name_(std::move(name)),
        database_(std::move(database)),
        schema_(schema),
        date_ns_(std::chrono::nanoseconds(options.trading_date.time_since_epoch()).count()) {}

  ~ParquetSink() override {
    if (!copying_.joinable()) return;
    discarded_ = true;
    stop_copying();
  }

  Result<void> start(const ParquetOptions& options) {
    if (Result<void> registered = register_source(); !registered) return registered;
    Result<void> set =
        database_.run(fmt::format("SET preserve_insertion_order = {}", options.preserve_insertion_order));
    if (!set) return set;
    copying_ = std::thread([this, statement = copy_statement(options)] {
      outcome_ = database_.run(statement);
      handover_.copy_ended();
    });
    return {};
  }

  Result<void> append(std::span<const std::byte> rows) override {
    CHECK(rows.size() % schema_.row_size == 0);
    if (rows.empty() || handover_.give(rows)) return {};
    stop_copying();
    return failure();
  }

  Result<void> finish() override {
    stop_copying();
    if (!outcome_) return failure();
    return name_.publish();
  }

 private:
  void stop_copying() {
    handover_.end_of_rows();
    if (copying_.joinable()) copying_.join();
  }

  Result<void> failure() {
    CHECK(!outcome_);
    return fail(ErrorCode::io, "cannot write " + name_.path() + ": " + outcome_.error().message);
  }

  [[nodiscard]] std::string copy_statement(const ParquetOptions& options) const {
    std::string limits;
    if (options.dictionary_size_limit != 0) {
      limits += fmt::format(", DICTIONARY_SIZE_LIMIT {}", options.dictionary_size_limit);
    }
    if (options.string_dictionary_page_size_limit != 0) {
      limits +=
          fmt::format(", STRING_DICTIONARY_PAGE_SIZE_LIMIT {}", options.string_dictionary_page_size_limit);
    }
    return fmt::format(
        "COPY (SELECT * FROM tapeline_rows()) TO {} (FORMAT parquet, USE_TMP_FILE false, COMPRESSION {}, "
        "PARQUET_VERSION {}, ROW_GROUP_SIZE {}{}{}, KV_METADATA {{'tapeline.schema': {}}})",
        sql::literal(name_.partial_path()), options.compression, options.version, options.row_group_size,
        limits, options.more, sql::literal(table::describe_as_json(schema_)));
  }

  Result<void> register_source() {
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_table_function_set_name(function, "tapeline_rows");
    duckdb_table_function_set_extra_info(function, this, nullptr);
    duckdb_table_function_set_bind(function, [](duckdb_bind_info info) {
      const auto* sink = static_cast<ParquetSink*>(duckdb_bind_get_extra_info(info));
      for (const table::Column& column : sink->schema_.columns) {
        duckdb_logical_type type = logical_type_of(column);
        duckdb_bind_add_result_column(info, std::string(column.name).c_str(), type);
        duckdb_destroy_logical_type(&type);
      }
    });
    // One thread pulls: the rows have one order.
    duckdb_table_function_set_init(function,
                                   [](duckdb_init_info info) { duckdb_init_set_max_threads(info, 1); });
    duckdb_table_function_set_function(function, [](duckdb_function_info info, duckdb_data_chunk chunk) {
      static_cast<ParquetSink*>(duckdb_function_get_extra_info(info))->pull(info, chunk);
    });
    const duckdb_state state = duckdb_register_table_function(database_.connection(), function);
    duckdb_destroy_table_function(&function);
    if (state == DuckDBError)
      return fail(ErrorCode::io, "DuckDB refuses the table function that rows come from");
    return {};
  }

  void pull(duckdb_function_info info, duckdb_data_chunk chunk) {
    const std::size_t most = duckdb_vector_size() * schema_.row_size;
    const bool any = handover_.take(most, [&](std::span<const std::byte> rows) {
      fill_chunk(schema_, rows.data(), rows.size() / schema_.row_size, date_ns_, chunk);
    });
    if (any) return;
    if (discarded_) duckdb_function_set_error(info, "the table is discarded");
    duckdb_data_chunk_set_size(chunk, 0);
  }

  PartialName name_;
  sql::Database database_;
  const table::Schema& schema_;
  const std::int64_t date_ns_;
  RowHandover handover_;
  bool discarded_ = false;  // Set before, read after `end_of_rows`.
  Result<void> outcome_;    // Of the COPY; the copying thread's until it is joined.
  std::thread copying_;
};

}  // namespace

Result<std::unique_ptr<TableSink>> open_parquet_sink(const std::string& path, const table::Schema& schema,
                                                     const TableOptions& options,
                                                     const ParquetOptions& parquet_options) {
  if (path == "-") {
    return fail(ErrorCode::usage,
                "Parquet cannot go to standard output; name a file, or choose csv or jsonl");
  }
  Result<PartialName> name = PartialName::claim(path);
  if (!name) return std::unexpected(name.error());
  // A COPY only fails once it runs, and its reasons are DuckDB's: asking first gives a clear answer at once.
  if (Result<PartialFile> probe = PartialFile::create(path); !probe) return std::unexpected(probe.error());
  // One thread, the sink's own: the other cores are for the books.
  Result<sql::Database> database = sql::Database::open(1);
  if (!database) return std::unexpected(database.error());
  auto sink = std::make_unique<ParquetSink>(std::move(*name), std::move(*database), schema, options);
  if (Result<void> started = sink->start(parquet_options); !started) return std::unexpected(started.error());
  return sink;
}

}  // namespace tapeline::sinks::parquet
