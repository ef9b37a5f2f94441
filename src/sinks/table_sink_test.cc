#include "sinks/table_sink.h"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <thread>

#include <sys/resource.h>

#include "base/precompiled_test.h"
#include "market/types.h"
#include "sinks/parquet/parquet_sink.h"
#include "sinks/row_writer.h"
#include "sql/database.h"
#include "table/describe.h"

namespace tapeline::sinks {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using table::Column;
using table::ColumnType;

struct EveryRow {
  EventTime event;
  CaptureTime capture;
  std::uint64_t u64;
  std::int64_t i64;
  double f64;
  double mid;
  std::uint32_t u32;
  std::int32_t i32;
  Price price;
  std::uint16_t u16;
  Mpid mpid;
  Symbol symbol;
  std::uint8_t u8;
  char character;
  std::uint8_t side;
};

constexpr std::array<std::string_view, 3> sides{"bid", "ask", "a \"mid\", so to say"};
constexpr std::array every_column{
    Column{"event", ColumnType::event_time, offsetof(EveryRow, event), "ns", "When."},
    Column{"capture", ColumnType::capture_time, offsetof(EveryRow, capture), "ns", ""},
    Column{"u8", ColumnType::u8, offsetof(EveryRow, u8), "", ""},
    Column{"u16", ColumnType::u16, offsetof(EveryRow, u16), "", ""},
    Column{"u32", ColumnType::u32, offsetof(EveryRow, u32), "", ""},
    Column{"u64", ColumnType::u64, offsetof(EveryRow, u64), "", ""},
    Column{"i32", ColumnType::i32, offsetof(EveryRow, i32), "", ""},
    Column{"i64", ColumnType::i64, offsetof(EveryRow, i64), "", ""},
    Column{"f64", ColumnType::f64, offsetof(EveryRow, f64), "", ""},
    Column{"price", ColumnType::price, offsetof(EveryRow, price), "dollars", "It's a price."},
    Column{"mid", ColumnType::price_f64, offsetof(EveryRow, mid), "dollars", ""},
    Column{"flag", ColumnType::character, offsetof(EveryRow, character), "", ""},
    Column{"mpid", ColumnType::text4, offsetof(EveryRow, mpid), "", ""},
    Column{"symbol", ColumnType::text8, offsetof(EveryRow, symbol), "", ""},
    Column{"side", ColumnType::label, offsetof(EveryRow, side), "", "Which side.", sides},
};
constexpr table::Schema every_schema{"every", "It's every type.", sizeof(EveryRow), every_column};

struct NumberRow {
  std::uint64_t number;
};
constexpr std::array number_column{Column{"number", ColumnType::u64, 0, "", ""}};
constexpr table::Schema number_schema{"numbers", "", sizeof(NumberRow), number_column};

constexpr TableOptions some_day{.trading_date = std::chrono::sys_days{2019y / 12 / 30}};
constexpr std::array all_formats{TableFormat::parquet, TableFormat::csv, TableFormat::json_lines};

EveryRow null_row() {
  EveryRow row{};
  row.f64 = row.mid = std::numeric_limits<double>::quiet_NaN();
  row.mpid = Mpid("");
  row.side = 200;
  return row;
}

EveryRow full_row() {
  EveryRow row{};
  row.event = EventTime{34'200'123'456'789};
  row.capture = CaptureTime{1'577'716'200'000'000'001};
  row.u8 = 255;
  row.u16 = 65'535;
  row.u32 = 4'294'967'295;
  row.u64 = std::numeric_limits<std::uint64_t>::max();
  row.i32 = std::numeric_limits<std::int32_t>::min();
  row.i64 = std::numeric_limits<std::int64_t>::min();
  row.f64 = 0.1 + 0.2;
  row.price = Price{1'234'567};
  row.mid = 100.00005;
  row.character = '"';
  row.mpid = Mpid("A,B");
  row.symbol = Symbol("BRK\"\\ B");
  row.side = 2;
  return row;
}

class Folder {
 public:
  Folder() {
    std::string name = fs::temp_directory_path() / "tapeline_sinks_XXXXXX";
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ / name; }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// The result of a query, cells separated by '|', rows by line ends, nulls as "∅".
std::string ask(const std::string& query) {
  Result<sql::Database> database = sql::Database::open(2);
  CHECK(database.has_value());
  duckdb_result result;
  std::string text;
  const std::string as_text = "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (" + query + ")";
  if (duckdb_query(database->connection(), as_text.c_str(), &result) == DuckDBError) {
    text = duckdb_result_error(&result);
  } else {
    for (idx_t row = 0; row < duckdb_row_count(&result); ++row) {
      for (idx_t column = 0; column < duckdb_column_count(&result); ++column) {
        char* cell = duckdb_value_varchar(&result, column, row);
        if (column > 0) text += '|';
        text += cell == nullptr ? "∅" : cell;
        duckdb_free(cell);
      }
      text += '\n';
    }
  }
  duckdb_destroy_result(&result);
  return text;
}

// How a test reads a file of `every_schema`: the text formats carry no types.
std::string reader(TableFormat format, const std::string& path) {
  const std::string types =
      "{'event': 'TIMESTAMP_NS', 'capture': 'TIMESTAMP_NS', 'u8': 'UTINYINT', 'u16': 'USMALLINT', 'u32': "
      "'UINTEGER', 'u64': 'UBIGINT', 'i32': 'INTEGER', 'i64': 'BIGINT', 'f64': 'DOUBLE', 'price': 'DOUBLE', "
      "'mid': 'DOUBLE', 'flag': 'VARCHAR', 'mpid': 'VARCHAR', 'symbol': 'VARCHAR', 'side': 'VARCHAR'}";
  switch (format) {
    case TableFormat::parquet: return "read_parquet(" + sql::literal(path) + ")";
    case TableFormat::csv:
      return "read_csv(" + sql::literal(path) +
             ", header = true, delim = ',', quote = '\"', escape = '\"', columns = " + types + ")";
    case TableFormat::json_lines:
      return "read_json(" + sql::literal(path) + ", format = 'newline_delimited', columns = " + types + ")";
  }
  CHECK(false);
}

template <class Row>
std::string write(TableFormat format, const std::string& path, const table::Schema& schema,
                  const std::vector<Row>& rows) {
  Result<RowWriter<Row>> writer = RowWriter<Row>::open(format, path, schema, some_day);
  if (!writer) return writer.error().message;
  for (const Row& row : rows) writer->push(row);
  const Result<void> finished = writer->finish();
  return finished ? "" : finished.error().message;
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(TableSink, EveryTypeAndNullComesBackFromEveryFormat) {
  const Folder folder;
  EveryRow dirty = full_row();
  dirty.symbol = Symbol(
      "A\xff\x01"
      "B");
  dirty.f64 = -0.0;
  dirty.mid = 1e300;
  for (const TableFormat format : all_formats) {
    const std::string path = folder / ("every." + std::string(extension_of(format)));
    EXPECT_EQ(write(format, path, every_schema, std::vector{full_row(), null_row(), dirty}), "");
    EXPECT_EQ(
        ask("SELECT * FROM " + reader(format, path)),
        "2019-12-30 09:30:00.123456789|2019-12-30 14:30:00.000000001|255|65535|4294967295|"
        "18446744073709551615|-2147483648|-9223372036854775808|0.30000000000000004|123.4567|100.00005|\"|A,B|"
        "BRK\"\\ B|a \"mid\", so to say\n"
        "2019-12-30 00:00:00|∅|0|0|0|0|0|0|∅|∅|∅|∅|∅|∅|∅\n"
        "2019-12-30 09:30:00.123456789|2019-12-30 14:30:00.000000001|255|65535|4294967295|"
        "18446744073709551615|-2147483648|-9223372036854775808|-0.0|123.4567|1e+300|\"|A,B|"
        "A??B|a \"mid\", so to say\n")
        << path;
  }
}

TEST(TableSink, ParquetColumnsHaveTheirTypes) {
  const Folder folder;
  const std::string path = folder / "every.parquet";
  ASSERT_EQ(write(TableFormat::parquet, path, every_schema, std::vector{full_row()}), "");
  EXPECT_EQ(
      ask("SELECT string_agg(column_type, ' ') FROM (DESCRIBE SELECT * FROM " + sql::literal(path) + ")"),
      "TIMESTAMP_NS TIMESTAMP_NS UTINYINT USMALLINT UINTEGER UBIGINT INTEGER BIGINT DOUBLE DOUBLE DOUBLE "
      "VARCHAR "
      "VARCHAR VARCHAR VARCHAR\n");
  EXPECT_EQ(ask("SELECT decode(key), decode(value) FROM parquet_kv_metadata(" + sql::literal(path) + ")"),
            "tapeline.schema|" + table::describe_as_json(every_schema) + "\n");
}

TEST(TableSink, TextFormatsSpellTheirCells) {
  const Folder folder;
  ASSERT_EQ(write(TableFormat::csv, folder / "t.csv", every_schema, std::vector{full_row(), null_row()}), "");
  EXPECT_EQ(
      content(folder / "t.csv"),
      "event,capture,u8,u16,u32,u64,i32,i64,f64,price,mid,flag,mpid,symbol,side\n"
      "2019-12-30T09:30:00.123456789,2019-12-30T14:30:00.000000001,255,65535,4294967295,18446744073709551615,"
      "-2147483648,-9223372036854775808,0.30000000000000004,123.4567,100.00005,\"\"\"\",\"A,B\",\"BRK\"\"\\ "
      "B\","
      "\"a \"\"mid\"\", so to say\"\n"
      "2019-12-30T00:00:00.000000000,,0,0,0,0,0,0,,,,,,,\n");
  ASSERT_EQ(
      write(TableFormat::json_lines, folder / "t.jsonl", number_schema, std::vector<NumberRow>{{7}, {8}}),
      "");
  EXPECT_EQ(content(folder / "t.jsonl"), "{\"number\":7}\n{\"number\":8}\n");
}

TEST(TableSink, AnEmptyTableHasItsColumns) {
  const Folder folder;
  for (const TableFormat format : all_formats) {
    const std::string path = folder / ("none." + std::string(extension_of(format)));
    EXPECT_EQ(write(format, path, every_schema, std::vector<EveryRow>{}), "");
    EXPECT_EQ(ask("SELECT count(*), count(symbol) FROM " + reader(format, path)), "0|0\n") << path;
  }
}

// Few and many distinct values, nulls at every rate, constant and wild numbers: every encoding and every
// switch between them, against the same rows as CSV.
TEST(TableSink, ParquetHoldsWhatCsvHolds) {
  std::mt19937_64 random(11);
  std::vector<EveryRow> rows;
  for (int i = 0; i < 60'000; ++i) {
    EveryRow row = i % 20'000 < 9'000 && random() % 3 == 0 ? null_row() : full_row();
    const bool wild = i % 30'000 > 15'000;
    row.event = EventTime{(wild ? random() : i * 1'000'003ULL) % nanoseconds_per_day};
    row.u64 = wild ? random() : static_cast<std::uint64_t>(i) / 3;
    row.i64 = static_cast<std::int64_t>(wild ? random() : 5);
    row.u32 = static_cast<std::uint32_t>(wild ? random() : random() % 50);
    row.i32 = static_cast<std::int32_t>(random() % 70'000) - 35'000;
    row.u16 = static_cast<std::uint16_t>(wild ? random() : 3);
    if (row.price != Price{0})
      row.price = Price{static_cast<std::uint32_t>(wild ? random() | 1 : 10'000 + random() % 9)};
    if (row.mid == row.mid) row.mid = wild ? static_cast<double>(random()) * 1.37 : 2.5;
    if (i % 7 == 0) row.symbol = Symbol("S" + std::to_string(wild ? random() % 9'999'999 : random() % 2));
    if (i % 5 == 0) row.side = static_cast<std::uint8_t>(random() % 4);
    rows.push_back(row);
  }
  const Folder folder;
  const std::string csv = folder / "rows.csv";
  ASSERT_EQ(write(TableFormat::csv, csv, every_schema, rows), "");
  for (const int level : {0, 1}) {
    const std::string path = folder / "rows.parquet";
    auto sink = parquet::open_parquet_sink(path, every_schema, some_day,
                                           {.rows_per_group = 40'000, .zstd_level = level});
    ASSERT_TRUE(sink.has_value());
    const auto bytes = std::as_bytes(std::span(rows));
    // Pieces of odd sizes: pages and row groups do not follow the caller's buffers.
    for (std::size_t at = 0, piece = 1; at < rows.size(); at += piece, piece = piece * 3 % 9'973 + 1) {
      const std::size_t count = std::min(piece, rows.size() - at);
      ASSERT_TRUE(
          (*sink)->append(bytes.subspan(at * sizeof(EveryRow), count * sizeof(EveryRow))).has_value());
    }
    ASSERT_TRUE((*sink)->finish().has_value());
    const std::string a = reader(TableFormat::parquet, path);
    const std::string b = reader(TableFormat::csv, csv);
    EXPECT_EQ(ask("SELECT count(*), count(a.i) FROM (SELECT row_number() OVER () i, * FROM " + a +
                  ") a JOIN (SELECT row_number() OVER () i, * FROM " + b +
                  ") b ON a.i = b.i AND a IS NOT DISTINCT FROM b"),
              "60000|60000\n");
    // Bounds in the footer let readers skip row groups: they must not skip too much.
    EXPECT_EQ(ask("SELECT count(*) FROM " + a + " WHERE i32 < -30000 OR u64 > 1000 OR price > 4"),
              ask("SELECT count(*) FROM " + b + " WHERE i32 < -30000 OR u64 > 1000 OR price > 4"));
    EXPECT_EQ(ask("SELECT count(*) FROM " + a + " WHERE u64 > 18000000000000000000"),
              ask("SELECT count(*) FROM " + b + " WHERE u64 > 18000000000000000000"));
  }
}

TEST(TableSink, ThreeMillionRowsKeepTheirOrder) {
  const Folder folder;
  const std::string path = folder / "numbers.parquet";
  Result<RowWriter<NumberRow>> writer = RowWriter<NumberRow>::open(TableFormat::parquet, path, number_schema);
  ASSERT_TRUE(writer.has_value());
  const auto scattered = [](std::uint64_t i) { return (i * 7'919) % 1'000'003 + (i << 20); };
  for (std::uint64_t i = 0; i < 3'000'000; ++i) writer->push({scattered(i)});
  ASSERT_TRUE(writer->finish().has_value());
  EXPECT_EQ(
      ask("SELECT count(*), count(*) FILTER (number = file_row_number * 7919 % 1000003 + (file_row_number << "
          "20)) FROM read_parquet(" +
          sql::literal(path) + ", file_row_number = true)"),
      "3000000|3000000\n");
}

TEST(TableSink, AnyPathIsTakenLiterally) {
  const Folder folder;
  const std::string path = folder / "it's \"odd\"'; DROP TABLE x; --/more/b b.parquet";
  EXPECT_EQ(write(TableFormat::parquet, path, number_schema, std::vector<NumberRow>{{1}}), "");
  EXPECT_EQ(ask("SELECT * FROM " + sql::literal(path)), "1\n");
}

TEST(TableSink, AFileAppearsWhenItIsWholeAndReplacesTheOld) {
  const Folder folder;
  for (const TableFormat format : all_formats) {
    const std::string path = folder / ("n." + std::string(extension_of(format)));
    std::ofstream(path) << "old";
    {
      auto writer = RowWriter<NumberRow>::open(format, path, number_schema);
      ASSERT_TRUE(writer.has_value());
      for (std::uint64_t i = 0; i < 100'000; ++i) writer->push({i});
    }
    EXPECT_EQ(content(path), "old") << "destroyed unfinished";
    EXPECT_FALSE(fs::exists(path + ".partial"));
    EXPECT_EQ(write(format, path, number_schema, std::vector<NumberRow>{{1}}), "");
    EXPECT_NE(content(path), "old");
    EXPECT_FALSE(fs::exists(path + ".partial"));
  }
}

TEST(TableSink, AnUnwritablePathIsAnErrorAtOnce) {
  const Folder folder;
  std::ofstream(folder / "file") << "x";
  for (const TableFormat format : all_formats) {
    const auto below_a_file = open_table_sink(format, folder / "file/x", number_schema);
    ASSERT_FALSE(below_a_file.has_value());
    EXPECT_EQ(below_a_file.error().code, ErrorCode::io);
    EXPECT_THAT(below_a_file.error().message, testing::HasSubstr("Not a directory; choose another path"));
    EXPECT_FALSE(open_table_sink(format, folder.path(), number_schema).has_value());
  }
  EXPECT_EQ(open_table_sink(TableFormat::parquet, "-", number_schema).error().code, ErrorCode::usage);
}

// The kernel stops a process's files at a size of our choice: a full disk without a disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit{bytes, before_.rlim_max};
    CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(TableSink, AFullDiskIsReportedAndLeavesNothingBehind) {
  const Folder folder;
  const FileSizeLimit limit(1'000'000);
  for (const TableFormat format : all_formats) {
    const std::string path = folder / ("n." + std::string(extension_of(format)));
    auto writer = RowWriter<NumberRow>::open(format, path, number_schema);
    ASSERT_TRUE(writer.has_value());
    std::mt19937_64 random(1);
    bool noticed = false;
    for (int i = 0; i < 2'000'000 && !noticed; ++i) {
      writer->push({random()});
      noticed = writer->failed();
    }
    EXPECT_TRUE(noticed);
    const Result<void> finished = writer->finish();
    ASSERT_FALSE(finished.has_value());
    EXPECT_EQ(finished.error().code, ErrorCode::io);
    EXPECT_THAT(finished.error().message, testing::HasSubstr("n." + std::string(extension_of(format))));
    EXPECT_THAT(finished.error().message, testing::HasSubstr("free some space"));
    EXPECT_TRUE(fs::is_empty(folder.path()));
  }
}

TEST(TableSink, FormatsHaveNames) {
  for (const TableFormat format : all_formats) EXPECT_EQ(table_format_of(extension_of(format)), format);
  EXPECT_EQ(table_format_of("xlsx"), std::nullopt);
}

TEST(TableSink, SinksRunSideBySide) {
  const Folder folder;
  std::vector<std::jthread> producers;
  for (int t = 0; t < 4; ++t) {
    producers.emplace_back([&folder, t] {
      const std::string path = folder / (std::to_string(t) + ".parquet");
      std::vector<NumberRow> rows(100'000, NumberRow{static_cast<std::uint64_t>(t)});
      EXPECT_EQ(write(TableFormat::parquet, path, number_schema, rows), "");
    });
  }
  producers.clear();
  EXPECT_EQ(
      ask("SELECT number, count(*) FROM " + sql::literal(folder / "*.parquet") + " GROUP BY 1 ORDER BY 1"),
      "0|100000\n1|100000\n2|100000\n3|100000\n");
}

// Takes rows only while it is allowed to, and fails on demand.
class SlowSink final : public TableSink {
 public:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t allowed = 0;
    std::size_t appended = 0;
    std::size_t fail_at = SIZE_MAX;
    bool finished = false;
  };
  explicit SlowSink(State& state) : state_(state) {}
  Result<void> append(std::span<const std::byte>) override {
    std::unique_lock lock(state_.mutex);
    state_.changed.wait(lock, [&] { return state_.appended < state_.allowed; });
    ++state_.appended;
    if (state_.appended == state_.fail_at) return fail(ErrorCode::io, "no more");
    return {};
  }
  Result<void> finish() override {
    state_.finished = true;
    return {};
  }
  static void allow(State& state, std::size_t count) {
    const std::lock_guard lock(state.mutex);
    state.allowed = count;
    state.changed.notify_all();
  }

 private:
  State& state_;
};

TEST(RowWriter, TheProducerWaitsForASlowSinkAndMemoryStaysBounded) {
  SlowSink::State state;
  RowWriter<NumberRow> writer(std::make_unique<SlowSink>(state));
  std::atomic<std::size_t> pushed = 0;
  constexpr std::size_t total = 20 * RowWriter<NumberRow>::rows_per_buffer;
  std::jthread producer([&] {
    for (std::size_t i = 0; i < total; ++i) {
      writer.push({i});
      pushed.store(i + 1);
    }
  });
  constexpr std::size_t capacity = SinkThread::buffer_count * RowWriter<NumberRow>::rows_per_buffer;
  while (pushed < capacity - 1) std::this_thread::yield();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(pushed, capacity - 1) << "every buffer is full";
  SlowSink::allow(state, SIZE_MAX);
  producer.join();
  EXPECT_TRUE(writer.finish().has_value());
  EXPECT_EQ(state.appended, 20);
  EXPECT_TRUE(state.finished);
}

TEST(RowWriter, TheFirstFailureIsKeptAndTheProducerRunsOn) {
  SlowSink::State state;
  state.fail_at = 2;
  SlowSink::allow(state, SIZE_MAX);
  RowWriter<NumberRow> writer(std::make_unique<SlowSink>(state));
  for (std::size_t i = 0; i < 50 * RowWriter<NumberRow>::rows_per_buffer; ++i) writer.push({i});
  const Result<void> finished = writer.finish();
  ASSERT_FALSE(finished.has_value());
  EXPECT_EQ(finished.error().message, "no more");
  EXPECT_TRUE(writer.failed());
  EXPECT_EQ(state.appended, 2);
  EXPECT_FALSE(state.finished);
}

TEST(Describe, IsAMarkdownTable) {
  const std::string text = table::describe(every_schema);
  EXPECT_THAT(text, testing::StartsWith("| column | type | unit | description |\n| --- | --- | --- | --- |\n"
                                        "| event | event_time | ns | When. |\n"));
  EXPECT_THAT(text, testing::HasSubstr(
                        "| side | label |  | Which side. One of: bid, ask, a \"mid\", so to say. |\n"));
}

}  // namespace
}  // namespace tapeline::sinks
