#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "analytics/labels.h"
#include "app/commands.h"
#include "app/interrupt_guard.h"
#include "app/progress.h"
#include "app/replay_options.h"
#include "book/order_books.h"
#include "feed/source/open_message_source.h"
#include "operators/loaded_operator.h"
#include "pipeline/feed_run.h"
#include "pipeline/market_analytics.h"
#include "pipeline/row_tables.h"
#include "pipeline/symbol_filter.h"
#include "sinks/row_writer.h"
#include "stream/timer_grid.h"
#include "table/describe.h"

namespace tapeline::app {

namespace {

// The tables being written. A row outside the wanted time is dropped here, after the operators have seen it.
class TableWriters {
 public:
  TableWriters(EventTime from, EventTime until, std::span<const std::uint64_t> label_horizons_ns)
      : from_(from), until_(until) {
    if (!label_horizons_ns.empty()) labels_.emplace(label_horizons_ns);
  }

  template <class Row>
  Result<void> open(const ReplayOptions& options, const table::Schema& schema) {
    const std::string path = path_of(options, schema);
    Result<sinks::RowWriter<Row>> writer =
        sinks::RowWriter<Row>::open(options.format, path, schema, {.trading_date = options.trading_date});
    if (!writer) return std::unexpected(writer.error());
    auto& table = std::get<Table<Row>>(tables_);
    table.writer.emplace(std::move(*writer));
    table.path = path;
    return {};
  }

  template <class Row>
  void emit(const Row& row) {
    if constexpr (std::is_same_v<Row, analytics::BboRow> || std::is_same_v<Row, analytics::FeatureRow>)
      if (labels_) note(row);
    auto& table = std::get<Table<Row>>(tables_);
    if (!table.writer || time_of(row) < from_ || time_of(row) > until_) return;
    table.writer->push(row);
    ++table.rows;
  }

  // The feed came to this time: labels whose horizon it has not passed are never given. Returns how many.
  std::uint64_t end_labels(EventTime last) {
    if (!labels_) return 0;
    labels_->advance(last, [&](const analytics::LabelRow& label) { emit(label); });
    return labels_->waiting() + labels_->refused();
  }

  Result<void> open_user_tables(const ReplayOptions& options) {
    for (const auto& loaded : options.analytics.operators) {
      const table::Schema& schema = loaded->schema();
      const std::string path = path_of(options, schema);
      Result<sinks::RowBytesWriter> writer =
          sinks::RowBytesWriter::open(options.format, path, schema, {.trading_date = options.trading_date});
      if (!writer) return std::unexpected(writer.error());
      user_tables_.push_back({std::move(*writer), path});
    }
    return {};
  }
  void emit_user(std::uint16_t number, const operators::RowKey& key, std::span<const std::byte> row) {
    if (key.time < from_ || key.time > until_) return;
    UserTable& table = user_tables_[number - pipeline::first_user_table];
    table.writer.push(row);
    ++table.rows;
  }

  // Finishes every table, also after one has failed; reports the first failure.
  Result<void> finish() {
    Result<void> first;
    for (UserTable& table : user_tables_)
      if (const Result<void> done = table.writer.finish(); !done && first) first = done;
    std::apply(
        [&](auto&... table) {
          const auto finish_one = [&](auto& one) {
            if (!one.writer) return;
            if (const Result<void> done = one.writer->finish(); !done && first) first = done;
          };
          (finish_one(table), ...);
        },
        tables_);
    return first;
  }

  [[nodiscard]] bool failed() const {
    for (const UserTable& table : user_tables_)
      if (table.writer.failed()) return true;
    return std::apply([](const auto&... table) { return ((table.writer && table.writer->failed()) || ...); },
                      tables_);
  }

  // Calls f(path, rows) for each table that is open.
  template <class F>
  void for_each(F&& f) const {
    std::apply([&](const auto&... table) { ((table.writer ? f(table.path, table.rows) : void()), ...); },
               tables_);
    for (const UserTable& table : user_tables_) f(table.path, table.rows);
  }

 private:
  struct UserTable {
    sinks::RowBytesWriter writer;
    std::string path;
    std::uint64_t rows = 0;
  };
  static std::string path_of(const ReplayOptions& options, const table::Schema& schema) {
    return options.output == "-"
               ? "-"
               : fmt::format("{}/{}.{}", options.output, schema.name, sinks::extension_of(options.format));
  }

  template <class Row>
  struct Table {
    std::optional<sinks::RowWriter<Row>> writer;
    std::string path;
    std::uint64_t rows = 0;
  };

  // The times of the best prices' changes, which are those of messages, tell how far the feed has come.
  void note(const analytics::BboRow& row) {
    if (label_steps_.advance(row.time))
      labels_->advance(row.time, [&](const analytics::LabelRow& label) { emit(label); });
    labels_->add(row);
  }
  void note(const analytics::FeatureRow& row) {
    if (row.time >= from_ && row.time <= until_) labels_->add(row);
  }

  template <class Row>
  static EventTime time_of(const Row& row) {
    if constexpr (requires { row.start; })
      return row.start;
    else
      return row.time;
  }

  EventTime from_;
  EventTime until_;
  decltype(std::tuple_cat(std::declval<pipeline::TupleOfRows<Table>>(),
                          std::declval<std::tuple<Table<analytics::LabelRow>>>())) tables_;
  std::optional<analytics::Labels> labels_;
  stream::TimerGrid label_steps_{nanoseconds_per_second};
  std::vector<UserTable> user_tables_;
};

Result<void> open_tables(const ReplayOptions& options, TableWriters& tables) {
  const pipeline::AnalyticsConfig& config = options.analytics;
  Result<void> done;
#define OPEN_TABLE(name, number, row, schema) \
  if (config.name && done) done = tables.open<row>(options, pipeline::schema_of<row>(config.levels));
  ROW_TABLES(OPEN_TABLE)
#undef OPEN_TABLE
  if (!options.label_horizons_ns.empty() && done)
    done = tables.open<analytics::LabelRow>(options, analytics::labels_schema());
  return done ? tables.open_user_tables(options) : done;
}

void print_summary(const ReplayOptions& options, const pipeline::FeedRunSummary& summary,
                   const feed::MessageSource& source, const book::OrderBooks& books,
                   const TableWriters& tables, double seconds) {
  fmt::print(stderr, "{} messages in {:.2f} s: {:.2f} M messages/s\n", summary.messages, seconds,
             static_cast<double>(summary.messages) / seconds / 1e6);
  const auto count = [](std::uint64_t n, std::string_view what) {
    if (n != 0) fmt::print(stderr, "  {} {}\n", n, what);
  };
  const feed::SourceCounters& input = source.counters();
  const book::BookCounters& bad = books.counters();
  count(input.missing_messages, "messages missing: books are marked gapped from there on");
  count(input.malformed_packets, "malformed packets dropped");
  count(input.duplicate_packets, "duplicate packets dropped");
  count(input.trailing_bytes, "bytes behind the end of the feed ignored");
  count(summary.out_of_order, "messages with a time before that of an earlier one");
  count(bad.unknown_order, "messages for an order that is not in the book");
  count(bad.overfill, "executions or cancels of more than the order had left");
  count(bad.duplicate_ref, "orders whose reference was already live");
  count(bad.invalid_field, "messages with an impossible field");
  count(bad.unknown_message, "messages of an unknown type");
  count(bad.malformed_message, "messages of a wrong length");
  count(bad.crossed, "times a book crossed outside an auction or halt");
  tables.for_each([](const std::string& path, std::uint64_t rows) {
    if (path != "-") fmt::print(stderr, "  {:>12} rows  {}\n", rows, path);
  });
  if (options.output != "-" && options.format == sinks::TableFormat::parquet)
    fmt::print(
        stderr,
        "Ask them:  tapeline query --data {} \"SELECT symbol, count(*) AS changes FROM bbo GROUP BY ALL "
        "ORDER BY changes DESC LIMIT 10\"\n",
        options.output);
}

// What begins in the wanted time is written whole, so the run goes on to its end.
EventTime end_of_run(const ReplayOptions& options) {
  const std::uint64_t until = raw(options.until);
  if (until == UINT64_MAX) return options.until;
  const auto end = [&](bool wanted, std::uint64_t width) {
    return wanted ? (until / width + 1) * width - 1 : until;
  };
  const pipeline::AnalyticsConfig& config = options.analytics;
  return EventTime{std::max(
      {end(config.bars, config.bar_ns), end(config.spread, config.interval_ns),
       end(config.flow || config.activity, config.metric_ns), end(config.returns, config.returns_ns),
       until + (config.costs ? config.horizon_ns + 1 : 0), until + (config.bursts ? config.burst_gap_ns : 0),
       until + (options.label_horizons_ns.empty() ? 0 : options.label_horizons_ns.back() + 1)})};
}

Result<void> replay(const ReplayOptions& options) {
  Result<std::unique_ptr<feed::MessageSource>> source = feed::open_message_source(options.file);
  if (!source) return std::unexpected(source.error());
  TableWriters tables(options.from, options.until, options.label_horizons_ns);
  if (const Result<void> opened = open_tables(options, tables); !opened) return opened;

  const auto books = std::make_unique<book::OrderBooks>();
  pipeline::AnalyticsConfig computed = options.analytics;
  if (!options.label_horizons_ns.empty()) computed.bbo = computed.features = true;
  pipeline::MarketAnalytics<TableWriters> analytics(computed, *books, tables);
  pipeline::SymbolFilter filter(options.symbols);
  pipeline::FeedRunSummary summary;
  pipeline::FeedRunOptions run;
  run.until = end_of_run(options);
  const InterruptGuard guard(OnInterrupt::finish_in_order);
  Progress progress(!options.no_progress);
  run.on_progress = [&](const feed::MessageSource& input, std::uint64_t messages) {
    progress.show(messages, input.progress());
    return !tables.failed() && !analytics.failure() && !InterruptGuard::interrupted();
  };
  const auto start = std::chrono::steady_clock::now();
  // A failure of the input is reported last: the rows before it are kept.
  const Result<void> read = pipeline::run_feed(**source, *books, analytics, run, summary, filter);
  progress.clear();
  if (InterruptGuard::interrupted())
    return fail(ErrorCode::interrupted,
                "interrupted: no table was kept; run it again, or with --to for a part of the day");
  analytics.finish();
  if (const std::uint64_t without = tables.end_labels(summary.last); without != 0)
    fmt::print(stderr,
               "  {} labels were not given: the feed ends before their horizon, or their row came late\n",
               without);
  if (analytics.failure()) return std::unexpected(*analytics.failure());
  if (const Result<void> written = tables.finish(); !written) return written;
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  print_summary(options, summary, **source, *books, tables, taken.count());
  if (!read) return read;
  if (const std::vector<std::string> missing = filter.missing(); !missing.empty())
    return fail(ErrorCode::not_found,
                fmt::format("no message names the symbol {}", fmt::join(missing, ", ")));
  return {};
}

void describe_table(const table::Schema& schema) {
  fmt::print("## {}\n\n{}\n\n{}\n", schema.name, schema.description, table::describe(schema));
}

Result<void> describe_tables(std::span<const std::string> operators) {
  pipeline::for_each_row_type([]<class Row> { describe_table(pipeline::schema_of<Row>(3)); });
  describe_table(analytics::labels_schema());
  pipeline::AnalyticsConfig config;
  if (Result<void> loaded = pipeline::load_operators(operators, config); !loaded) return loaded;
  for (const auto& loaded : config.operators) describe_table(loaded->schema());
  return {};
}

}  // namespace

void add_replay_command(CLI::App& program, Action& action) {
  auto text = std::make_shared<ReplayText>();
  CLI::App* command =
      program.add_subcommand("replay", "Rebuild the books of a feed and write tables of analytics");
  add_replay_options(*command, *text);
  command->callback([&action, text] {
    action = [text]() -> Result<void> {
      if (text->describe) return describe_tables(text->operators);
      const Result<ReplayOptions> options = parse_replay_options(*text);
      if (!options) return std::unexpected(options.error());
      return replay(*options);
    };
  });
}

}  // namespace tapeline::app
