#include <cstdlib>
#include <filesystem>
#include <random>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "sinks/parquet/parquet_sink.h"
#include "sinks/row_writer.h"

// What writing a day of best bids and offers costs per option of the Parquet writer, in processor time of the
// sink alone: `cpu_s` is of the whole process less the time it takes to make the rows. TAPELINE_BENCH_ROWS
// sets the number of rows (default: ten million).

namespace tapeline::sinks {
namespace {

struct BboRow {
  EventTime time;
  CaptureTime capture;
  Sequence sequence;
  Symbol symbol;
  double mid;
  Price bid;
  Price ask;
  std::uint32_t bid_shares;
  std::uint32_t ask_shares;
  std::uint16_t bid_orders;
  std::uint16_t ask_orders;
  std::uint8_t quality;
};

using table::ColumnType;
constexpr std::array<std::string_view, 4> qualities{"good", "gapped", "recovering", "stale"};
constexpr std::array bbo_columns{
    table::Column{"event_time", ColumnType::event_time, offsetof(BboRow, time), "ns", ""},
    table::Column{"capture_time", ColumnType::capture_time, offsetof(BboRow, capture), "ns", ""},
    table::Column{"sequence", ColumnType::u64, offsetof(BboRow, sequence), "", ""},
    table::Column{"symbol", ColumnType::text8, offsetof(BboRow, symbol), "", ""},
    table::Column{"bid", ColumnType::price, offsetof(BboRow, bid), "dollars", ""},
    table::Column{"bid_shares", ColumnType::u32, offsetof(BboRow, bid_shares), "shares", ""},
    table::Column{"ask", ColumnType::price, offsetof(BboRow, ask), "dollars", ""},
    table::Column{"ask_shares", ColumnType::u32, offsetof(BboRow, ask_shares), "shares", ""},
    table::Column{"mid", ColumnType::price_f64, offsetof(BboRow, mid), "dollars", ""},
    table::Column{"bid_orders", ColumnType::u16, offsetof(BboRow, bid_orders), "", ""},
    table::Column{"ask_orders", ColumnType::u16, offsetof(BboRow, ask_orders), "", ""},
    table::Column{"quality", ColumnType::label, offsetof(BboRow, quality), "", "", qualities},
};
constexpr table::Schema bbo_schema{"bbo", "Best bid and offer at each change.", sizeof(BboRow), bbo_columns};

std::size_t row_count() {
  const char* text = std::getenv("TAPELINE_BENCH_ROWS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 10'000'000;
}

// 8,000 symbols, a few of which make most of the changes, each around a price of its own: what a real day
// looks like to an encoder.
class Day {
 public:
  Day() : states_(symbols) {
    for (std::size_t i = 0; i < symbols; ++i) {
      std::string name;
      for (std::size_t n = i; name.size() < 4; n /= 20) name += static_cast<char>('A' + n % 20);
      states_[i].symbol = Symbol(name);
      states_[i].bid = static_cast<std::uint32_t>(1 + random_() % 30'000) * 100;
    }
  }
  BboRow next() {
    const double skewed = std::pow(static_cast<double>(random_() % 1'000'000) / 1e6, 4.0);
    State& state = states_[static_cast<std::size_t>(skewed * symbols)];
    const std::uint64_t dice = random_();
    time_ += dice % 4'700;
    if (dice % 8 == 0)
      state.bid =
          std::max<std::uint32_t>(state.bid + static_cast<std::uint32_t>(100 * (dice / 8 % 3)) - 100, 100);
    const auto spread = static_cast<std::uint32_t>(100 * (1 + (dice >> 20) % 3));
    const Price bid{state.bid};
    const Price ask{state.bid + spread};
    sequence_ += 1 + (dice >> 24) % 4;
    return {.time = EventTime{time_},
            .capture = CaptureTime{0},
            .sequence = Sequence{sequence_},
            .symbol = state.symbol,
            .mid = (bid.dollars() + ask.dollars()) / 2,
            .bid = bid,
            .ask = ask,
            .bid_shares = static_cast<std::uint32_t>(100 * (1 + (dice >> 28) % 40)),
            .ask_shares = static_cast<std::uint32_t>((dice >> 34) % 4 == 0 ? 1 + (dice >> 36) % 900 : 100),
            .bid_orders = static_cast<std::uint16_t>(1 + (dice >> 46) % 12),
            .ask_orders = static_cast<std::uint16_t>(1 + (dice >> 50) % 12),
            .quality = 0};
  }

 private:
  static constexpr std::size_t symbols = 8'000;
  struct State {
    Symbol symbol;
    std::uint32_t bid;
  };
  std::mt19937_64 random_{7};
  std::vector<State> states_;
  std::uint64_t time_ = 4 * 3600 * nanoseconds_per_second;
  std::uint64_t sequence_ = 0;
};

const std::vector<BboRow>& rows_of_the_day() {
  static const std::vector<BboRow> rows = [] {
    std::vector<BboRow> made(row_count());
    Day day;
    for (BboRow& row : made) row = day.next();
    return made;
  }();
  return rows;
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return double(time.tv_sec) + double(time.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Open>
void write_day(benchmark::State& state, const std::string& path, Open open) {
  const std::vector<BboRow>& rows = rows_of_the_day();
  double processor = 0;
  for (auto _ : state) {
    const double before = processor_seconds();
    Result<std::unique_ptr<TableSink>> sink = open(path);
    if (!sink) return state.SkipWithError(sink.error().message.c_str());
    RowWriter<BboRow> writer(std::move(*sink));
    for (const BboRow& row : rows) writer.push(row);
    if (Result<void> finished = writer.finish(); !finished) {
      return state.SkipWithError(finished.error().message.c_str());
    }
    processor += processor_seconds() - before;
  }
  const auto written = static_cast<double>(rows.size()) * static_cast<double>(state.iterations());
  state.counters["rows/s"] = benchmark::Counter(written, benchmark::Counter::kIsRate);
  state.counters["cpu_s"] = processor / static_cast<double>(state.iterations());
  state.counters["MB"] = static_cast<double>(std::filesystem::file_size(path)) / 1e6;
  std::filesystem::remove(path);
}

std::string scratch(const char* name) {
  return std::filesystem::temp_directory_path() / name;
}

void write_parquet(benchmark::State& state, const parquet::ParquetOptions& options) {
  write_day(state, scratch("tapeline_bench.parquet"), [&](const std::string& path) {
    return parquet::open_parquet_sink(path, bbo_schema, TableOptions{}, options);
  });
}

void write_text(benchmark::State& state, TableFormat format) {
  write_day(state, scratch("tapeline_bench.text"),
            [&](const std::string& path) { return open_table_sink(format, path, bbo_schema); });
}

using parquet::ParquetOptions;
#define CASE(name, ...)                                               \
  BENCHMARK_CAPTURE(write_parquet, name, ParquetOptions{__VA_ARGS__}) \
      ->Unit(benchmark::kSecond)                                      \
      ->Iterations(1)                                                 \
      ->UseRealTime()

CASE(plain_pages);
CASE(group_128k, .rows_per_group = 131'072);
CASE(group_1m, .rows_per_group = 1'048'576);
CASE(zstd_1, .zstd_level = 1);
CASE(zstd_fast_5, .zstd_level = -5);
CASE(zstd_3, .zstd_level = 3);
BENCHMARK_CAPTURE(write_text, csv, TableFormat::csv)->Unit(benchmark::kSecond)->Iterations(1)->UseRealTime();
BENCHMARK_CAPTURE(write_text, jsonl, TableFormat::json_lines)
    ->Unit(benchmark::kSecond)
    ->Iterations(1)
    ->UseRealTime();

}  // namespace
}  // namespace tapeline::sinks
