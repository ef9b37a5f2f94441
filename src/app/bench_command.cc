#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>

#include "analytics/microprice_model.h"
#include "app/commands.h"
#include "base/check.h"
#include "base/virtual_array.h"
#include "book/order_books.h"
#include "feed/itch50/decoder.h"
#include "feed/itch50/event_decoder.h"
#include "feed/source/open_message_source.h"
#include "pipeline/market_analytics.h"
#include "pipeline/row_tables.h"
#include "table/describe.h"

namespace tapeline::app {

namespace {

struct BenchOptions {
  std::string file;
  int runs = 5;
  int warm_up = 1;
  std::size_t depth_levels = 10;
  std::vector<std::string> tables{"bbo", "trades", "bars", "depth"};
  bool by_metric = false;
  std::string model_file;
  std::shared_ptr<const analytics::MicropriceModel> microprice_model = nullptr;
};

// The messages of a file, framed, in memory.
struct Input {
  std::vector<std::byte> frames;  // Followed by decode_padding.
  std::uint64_t messages = 0;
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return std::span(frames).first(frames.size() - decode_padding);
  }
};

Result<Input> read_input(const std::string& file) {
  Result<std::unique_ptr<feed::MessageSource>> source = feed::open_message_source(file);
  if (!source) return std::unexpected(source.error());
  Input input;
  if (const auto total = (*source)->progress().total) input.frames.reserve(*total + decode_padding);
  for (;;) {
    const Result<std::optional<feed::MessageBlock>> next = (*source)->next();
    if (!next) return std::unexpected(next.error());
    if (!*next) break;
    input.frames.insert(input.frames.end(), (*next)->bytes.begin(), (*next)->bytes.end());
    input.messages += (*next)->message_count;
  }
  input.frames.resize(input.frames.size() + decode_padding);
  if (input.messages == 0) return fail(ErrorCode::not_found, fmt::format("{}: no messages to measure", file));
  return input;
}

// What one run did besides taking time; printed as further members of the JSON line.
using Extra = std::vector<std::pair<std::string, std::uint64_t>>;

// Decodes each message into its host struct; the fold over all of it keeps the compiler honest.
Extra run_decode(const Input& input) {
  constexpr std::size_t ring = 256;
  const auto messages = std::make_unique<std::array<itch50::Message, ring>>();
  const std::byte* at = input.bytes().data();
  const std::byte* const end = at + input.bytes().size();
  std::uint64_t bad = 0;
  std::uint64_t count = 0;
  __m128i fold = _mm_setzero_si128();
  while (at < end) {
    _mm_prefetch(reinterpret_cast<const char*>(at) + itch50::read_ahead_bytes, _MM_HINT_T0);
    const std::size_t length = load_be<std::uint16_t>(at);
    itch50::Message& message = (*messages)[count % ring];
    bad += itch50::decode(at + 2, length, message) != itch50::DecodeStatus::ok;
    const auto* blocks = reinterpret_cast<const __m128i*>(message.bytes.data());
    for (int i = 0; i < 4; ++i) fold = _mm_add_epi64(fold, _mm_load_si128(blocks + i));
    at += 2 + length;
    ++count;
  }
  const auto digest = static_cast<std::uint64_t>(_mm_extract_epi64(fold, 0) ^ _mm_extract_epi64(fold, 1));
  return {{"bad_messages", bad}, {"digest", digest}};
}

struct CountBbo : book::NullBookHandler {
  std::uint64_t changes = 0;
  std::uint64_t digest = 0;
  void on_bbo(const Event&, const book::Bbo&, const book::Bbo& after, Quality) {
    ++changes;
    digest = (digest ^ after.bid_shares ^ (after.ask_shares << 20) ^ after.bid.ticks ^
              (std::uint64_t{after.ask.ticks} << 32)) *
             0x9E3779B97F4A7C15u;
  }
};

template <class Handler>
void apply_all(const Input& input, book::OrderBooks& books, Handler& handler) {
  constexpr std::size_t ahead = book::OrderBooks::look_ahead;
  constexpr std::size_t batch_size = 256 + ahead;
  const auto batch = std::make_unique<std::array<Event, batch_size>>();
  itch50::EventCursor cursor(input.bytes(), Sequence{1}, CaptureTime{0});
  std::size_t held = 0;  // At the front of the batch: shown to the books, not applied.
  for (;;) {
    const std::size_t count = cursor.decode(std::span(*batch).subspan(held));
    const std::size_t have = held + count;
    held = count == 0 ? 0 : std::min(have, ahead);
    books.apply(std::span<const Event>(batch->data(), have), handler, have - held);
    if (count == 0) return;
    std::copy_n(batch->data() + (have - held), held, batch->data());
  }
}

Extra run_books(const Input& input) {
  const auto books = std::make_unique<book::OrderBooks>();
  CountBbo handler;
  apply_all(input, *books, handler);
  return {{"bbo_changes", handler.changes},
          {"live_orders", books->live_orders()},
          {"live_levels", books->live_levels()},
          {"unknown_orders", books->counters().unknown_order},
          {"book_memory_mb", books->memory_bytes() >> 20},
          {"digest", handler.digest}};
}

// Takes rows as a writer would, into a buffer of each kind that is used over and over.
class RowBuffers {
 public:
  template <class Row>
  void emit(const Row& row) {
    Buffer<Row>& buffer = buffers<Row>();
    buffer.rows[buffer.count++ % buffer.rows.size()] = row;
  }
  template <class Row>
  [[nodiscard]] std::uint64_t count() {
    return buffers<Row>().count;
  }

 private:
  template <class Row>
  struct Buffer {
    std::vector<Row> rows = std::vector<Row>(1024);
    std::uint64_t count = 0;
  };
  template <class Row>
  Buffer<Row>& buffers() {
    return std::get<Buffer<Row>>(all_);
  }
  pipeline::TupleOfRows<Buffer> all_;
};

// Returns the number of rows of each table that has any.
Extra run_tables(const Input& input, const pipeline::AnalyticsConfig& config) {
  const auto books = std::make_unique<book::OrderBooks>();
  RowBuffers rows;
  pipeline::MarketAnalytics<RowBuffers> analytics(config, *books, rows);
  apply_all(input, *books, analytics);
  analytics.finish();
  Extra counts;
  pipeline::for_each_row_type([&]<class Row> {
    if (const std::uint64_t count = rows.count<Row>(); count != 0)
      counts.emplace_back(pipeline::schema_of<Row>(1).name, count);
  });
  return counts;
}

Extra run_analytics(const Input& input, const BenchOptions& options) {
  pipeline::AnalyticsConfig config;
  config.microprice_model = options.microprice_model;
  CHECK(pipeline::select_tables(options.tables, config).has_value());
  config.levels = options.depth_levels;
  return run_tables(input, config);
}

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// Time of this thread on its core: what others do on a shared machine does not count.
double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

struct Times {
  double min;
  double median;
  double max;
};

Times times_of(std::vector<double> ns) {
  std::sort(ns.begin(), ns.end());
  const std::size_t middle = ns.size() / 2;
  return {ns.front(), ns.size() % 2 == 1 ? ns[middle] : (ns[middle - 1] + ns[middle]) / 2, ns.back()};
}

// What each table costs by itself over the books alone, and all of them together: a JSON line each. Runs take
// turns, so that a machine that slows down does so for all.
void measure_by_metric(const Input& input, const BenchOptions& options) {
  struct Case {
    std::string name;
    pipeline::AnalyticsConfig config;
    std::vector<double> ns = {};
    Extra rows = {};
  };
  std::vector<Case> cases;
  const auto add = [&](const std::string& name, const std::vector<std::string>& tables) {
    cases.push_back({name, {}});
    cases.back().config.microprice_model = options.microprice_model;
    CHECK(pipeline::select_tables(tables, cases.back().config).has_value());
    cases.back().config.levels = options.depth_levels;
  };
  add("none", {});
  for (const std::string_view table : pipeline::row_table_names)
    if (table != "microprice" || options.microprice_model != nullptr)
      add(std::string(table), {std::string(table)});
  add("catalogue", {"bars", "spread", "depth", "trade_bars", "flow", "costs", "liquidity", "activity",
                    "returns", "vpin", "auction", "luld", "bursts"});
  add("all", {"all"});
  for (int i = 0; i < options.warm_up + options.runs; ++i)
    for (Case& one : cases) {
      const double start = cpu_ns();
      one.rows = run_tables(input, one.config);
      if (i >= options.warm_up) one.ns.push_back((cpu_ns() - start) / static_cast<double>(input.messages));
    }
  const Times base = times_of(cases[0].ns);
  for (const Case& one : cases) {
    const Times times = times_of(one.ns);
    std::uint64_t rows = 0;
    for (const auto& [table, count] : one.rows) rows += count;
    fmt::print(R"({{"bench":"analytics","metric":"{}","file":{},"messages":{},"runs":{},)"
               R"("ns_per_message":{{"min":{:.2f},"median":{:.2f},"max":{:.2f}}},)"
               R"("own_ns_per_message":{{"min":{:.2f},"median":{:.2f}}},"rows":{}}})"
               "\n",
               one.name, table::json_string(options.file), input.messages, options.runs, times.min,
               times.median, times.max, times.min - base.min, times.median - base.median, rows);
  }
}

Result<void> measure(const std::string& name, BenchOptions options) {
  if (options.file.empty())
    return fail(ErrorCode::usage,
                fmt::format("name the file to measure, as in `tapeline bench {} day.itch`", name));
  const Result<Input> input = read_input(options.file);
  if (!input) return std::unexpected(input.error());
  if (!options.model_file.empty()) {
    Result<analytics::MicropriceModel> model = analytics::read_microprice_model(options.model_file);
    if (!model) return std::unexpected(model.error());
    options.microprice_model = std::make_shared<const analytics::MicropriceModel>(std::move(*model));
  }
  pipeline::AnalyticsConfig named;
  named.microprice_model = options.microprice_model;
  if (const Result<void> known = pipeline::select_tables(options.tables, named); !known) return known;
  if (options.by_metric) {
    measure_by_metric(*input, options);
    return {};
  }
  const double rss_before = peak_rss_mb();
  const auto run = [&]() -> Extra {
    if (name == "decode") return run_decode(*input);
    if (name == "books") return run_books(*input);
    return run_analytics(*input, options);
  };
  for (int i = 0; i < options.warm_up; ++i) run();
  std::vector<double> ns;
  Extra extra;
  for (int i = 0; i < options.runs; ++i) {
    const double start = cpu_ns();
    extra = run();
    const double taken = cpu_ns() - start;
    ns.push_back(taken / static_cast<double>(input->messages));
  }
  const Times times = times_of(ns);
  std::string line = fmt::format(
      R"({{"bench":"{}","file":{},"messages":{},"runs":{},"ns_per_message":{{"min":{:.2f},"median":{:.2f},"max":{:.2f}}})",
      name, table::json_string(options.file), input->messages, options.runs, times.min, times.median,
      times.max);
  for (const auto& [key, value] : extra) line += fmt::format(R"(,"{}":{})", key, value);
  // The input stays in memory for the whole run and is no part of what the work needs.
  line += fmt::format(R"(,"input_mb":{:.1f},"peak_rss_mb":{:.1f}}})",
                      static_cast<double>(input->frames.size()) / (1 << 20), peak_rss_mb() - rss_before);
  fmt::print("{}\n", line);
  return {};
}

}  // namespace

void add_bench_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("bench", "Measure decoding, books or analytics over a file");
  command->description(
      "Reads the file into memory, runs once to warm up and then at least five times, on one core, and "
      "prints\n"
      "one JSON line: messages, ns_per_message (min, median, max; CPU time of the thread), what was counted, "
      "input_mb (the file held "
      "in\n"
      "memory) and peak_rss_mb (the peak of resident memory above that).\n"
      "For instructions per message: valgrind --tool=callgrind build/release/tapeline bench books FILE "
      "--runs 1\n"
      "--warm-up 0, or `make bench`.");
  // The chosen measurement's callback has run before this one.
  command->callback([&action] {
    if (!action)
      action = [] {
        return Result<void>(fail(ErrorCode::usage, "choose what to measure: decode, books or analytics"));
      };
  });
  auto options = std::make_shared<BenchOptions>();
  const auto add = [&](const std::string& name, const std::string& text) {
    CLI::App* bench = command->add_subcommand(name, text);
    bench->add_option("FILE", options->file, "BinaryFILE or MoldUDP64 capture, plain, gzip or zstd");
    bench->add_option("--runs", options->runs, "Counted runs")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    bench->add_option("--warm-up", options->warm_up, "Runs before them")
        ->capture_default_str()
        ->check(CLI::Range(0, 100));
    if (name == "analytics") {
      bench->add_option("--levels", options->depth_levels, "Levels of depth")
          ->capture_default_str()
          ->check(CLI::Range(1, 64));
      bench->add_option("--tables,--metrics", options->tables, "The tables to compute, as replay takes them")
          ->delimiter(',')
          ->capture_default_str();
      bench->add_option("--microprice-model", options->model_file, "The model of microprice");
      bench->add_flag("--by-metric", options->by_metric,
                      "Each table of replay by itself over the books alone, then all, a line each");
    }
    bench->callback(
        [&action, options, name] { action = [options, name] { return measure(name, *options); }; });
  };
  add("decode", "All 23 message types into host structs");
  add("books", "L3 books with queue order, L2 and exact BBO changes");
  add("analytics", "Books with BBO, trades, bars and depth");
}

}  // namespace tapeline::app
