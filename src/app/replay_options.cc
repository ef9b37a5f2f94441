#include "app/replay_options.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analytics/labels.h"
#include "analytics/microprice_model.h"
#include "analytics/queue_positions.h"
#include "analytics/vpin.h"
#include "config/values.h"
#include "market/event_time_text.h"
#include "pipeline/row_tables.h"

namespace tapeline::app {

namespace {

// The settings know the tables by name alone.
static_assert(std::ranges::equal(config::table_names, pipeline::row_table_names));

constexpr std::string_view footer =
    R"(FILE is a BinaryFILE of NASDAQ TotalView-ITCH 5.0 or a pcap or pcapng capture of MoldUDP64, plain or in gzip or
zstd, recognised by its content; - is standard input. Each table becomes one file in the output folder and opens in
DuckDB, pandas and polars as it is; --describe prints the columns with their units.

Examples:
  tapeline replay day.itch.gz                                       BBO, trades and 10 ms bars as Parquet
  tapeline replay day.itch --symbol AAPL,MSFT --from 09:30 --to 10:00 --bar 1s
  tapeline replay day.itch --tables snapshots --levels 5 --on-change --format csv --output - | head
  tapeline replay day.itch --metrics flow,costs,returns --window 1m --horizon 10s
  tapeline replay day.itch --tables features --labels 100ms,1s      a training set, and what it is to predict
  tapeline query "SELECT * FROM bars WHERE symbol = 'AAPL' ORDER BY start LIMIT 10")";

std::optional<unsigned> digits(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::chrono::sys_days> day_of(std::optional<unsigned> y, std::optional<unsigned> m,
                                            std::optional<unsigned> d) {
  if (!y || !m || !d) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*y)), std::chrono::month(*m),
                                         std::chrono::day(*d)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

Result<void> parse_analytics(const ReplayText& text, pipeline::AnalyticsConfig& config) {
  for (const auto& [written, ns] :
       {std::pair{&text.bar, &config.bar_ns}, std::pair{&text.interval, &config.interval_ns},
        std::pair{&text.window, &config.metric_ns}, std::pair{&text.step, &config.step_ns},
        std::pair{&text.horizon, &config.horizon_ns}, std::pair{&text.burst_gap, &config.burst_gap_ns},
        std::pair{&text.feature_window, &config.feature_ns}}) {
    const Result<std::uint64_t> duration = parse_duration(*written);
    if (!duration) return std::unexpected(duration.error());
    *ns = *duration;
  }
  config.returns_ns = config.step_ns * text.steps;
  config.levels = text.levels;
  config.snapshots_on_change = text.on_change;
  config.bar_thresholds = text.bar_thresholds;
  if (text.sweep.size() != config.sweep_shares.size())
    return fail(ErrorCode::usage,
                fmt::format("--sweep takes {} sizes, as in 100,1000,10000", config.sweep_shares.size()));
  std::copy(text.sweep.begin(), text.sweep.end(), config.sweep_shares.begin());
  config.vpin_bucket_shares = text.vpin_bucket;
  config.vpin_buckets = text.vpin_buckets;
  config.queue_orders = text.queue_orders;
  config.feature_events = text.feature_events;
  return pipeline::check(config);
}

void add_metric_options(CLI::App& command, ReplayText& text) {
  const auto add = [&](const char* name, auto& value, const std::string& meaning) {
    return command.add_option(name, value, meaning)->capture_default_str()->group("Metrics");
  };
  add("--window", text.window, "Width of the windows of flow, liquidity and activity");
  add("--step", text.step, "Step of the returns");
  add("--steps", text.steps, "Steps that a window of returns has")->check(CLI::Range(1, 86'400));
  add("--horizon", text.horizon, "How much later costs look at the mid");
  add("--sweep", text.sweep, "Three sizes to trade, for liquidity, in shares")->delimiter(',');
  add("--bar-trades", text.bar_thresholds.trades, "Trades of a tick bar; 0: none, as of the next three");
  add("--bar-shares", text.bar_thresholds.shares, "Shares of a volume bar");
  add("--bar-dollars", text.bar_thresholds.dollars, "Dollars of a dollar bar");
  add("--bar-imbalance", text.bar_thresholds.imbalance_shares, "Shares bought less sold of an imbalance bar");
  add("--vpin-bucket", text.vpin_bucket, "Shares of a bucket of vpin");
  add("--vpin-buckets", text.vpin_buckets, "Buckets that vpin looks back on")
      ->check(CLI::Range(1u, analytics::Vpin::max_buckets));
  add("--microprice-model", text.microprice_model,
      "The model of microprice, a file of `tapeline fit microprice`");
  add("--burst-gap", text.burst_gap, "A burst of trades is over after so long without one");
  add("--queue-orders", text.queue_orders, "Orders of each side that queue_positions tells of")
      ->check(CLI::Range(std::size_t{1}, analytics::QueuePositions::most_orders));
  add("--feature-window", text.feature_window, "Width of the windows of features");
  add("--feature-events", text.feature_events,
      "A row of features after so many messages as well; 0: by time alone");
  add("--labels", text.labels,
      "For research: also write what became of the mid after each row of features, so much later, as in "
      "100ms,1s")
      ->delimiter(',');
}

Result<void> parse_labels(const ReplayText& text, ReplayOptions& options) {
  for (const std::string& written : text.labels) {
    const Result<std::uint64_t> horizon = parse_duration(written);
    if (!horizon) return std::unexpected(horizon.error());
    options.label_horizons_ns.push_back(*horizon);
  }
  std::ranges::sort(options.label_horizons_ns);
  const auto repeated = std::ranges::unique(options.label_horizons_ns);
  options.label_horizons_ns.erase(repeated.begin(), repeated.end());
  if (options.label_horizons_ns.size() > analytics::Labels::most_horizons)
    return fail(ErrorCode::usage,
                fmt::format("--labels takes at most {} horizons", analytics::Labels::most_horizons));
  if (!options.label_horizons_ns.empty() && options.output == "-")
    return fail(ErrorCode::usage, "--labels are a table of their own: name a folder with --output");
  return {};
}

Result<void> read_model(const ReplayText& text, pipeline::AnalyticsConfig& config) {
  if (text.microprice_model.empty()) return {};
  Result<analytics::MicropriceModel> model = analytics::read_microprice_model(text.microprice_model);
  if (!model) return std::unexpected(model.error());
  config.microprice_model = std::make_shared<const analytics::MicropriceModel>(std::move(*model));
  return {};
}

}  // namespace

Result<std::uint64_t> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::uint64_t ns;
  };
  static constexpr Unit units[]{{"ns", 1},
                                {"us", 1'000},
                                {"ms", 1'000'000},
                                {"s", nanoseconds_per_second},
                                {"m", 60 * nanoseconds_per_second},
                                {"h", 3600 * nanoseconds_per_second}};
  const std::size_t split = text.find_first_not_of("0123456789");
  if (split != std::string_view::npos && split > 0)
    for (const Unit& unit : units)
      if (text.substr(split) == unit.name)
        if (const auto count = digits(text.substr(0, split));
            count && *count > 0 && *count <= nanoseconds_per_day / unit.ns)
          return *count * unit.ns;
  return fail(
      ErrorCode::usage,
      fmt::format(
          "'{}' is no duration: write a whole number and ns, us, ms, s, m or h, as in 10ms; at most a day",
          text));
}

std::chrono::sys_days date_in_name(std::string_view path) {
  const std::string_view name = path.substr(path.find_last_of('/') + 1);
  const std::size_t length = name.find_first_not_of("0123456789");
  if (length == 8) {
    const auto day = day_of(digits(name.substr(4, 4)), digits(name.substr(0, 2)), digits(name.substr(2, 2)));
    if (day) return *day;
  }
  return {};
}

void add_replay_options(CLI::App& command, ReplayText& text) {
  command.footer(std::string(footer));
  command.add_option("FILE", text.file, "The feed to replay");
  command
      .add_option("-o,--output", text.output, "Folder for the tables; - writes one table to standard output")
      ->capture_default_str();
  command.add_option("--format", text.format, "parquet, csv or jsonl")->capture_default_str();
  command
      .add_option("--tables,--metrics", text.tables,
                  fmt::format("Of {}; or all, or none", fmt::join(pipeline::row_table_names, ", ")))
      ->delimiter(',')
      ->capture_default_str();
  command
      .add_option("--operator", text.operators,
                  "An operator of your own, FILE.so or FILE.so:NAME=VALUE,…; may be given again")
      ->type_name("FILE[:OPTIONS]");
  command.add_option("-s,--symbol", text.symbols, "Only these symbols")->delimiter(',');
  command.add_option("--from", text.from, "Rows from this exchange time on, as in 09:30:00.5");
  command.add_option("--to", text.to, "Rows up to this exchange time, included");
  command.add_option("--bar", text.bar, "Width of the bars: ns, us, ms, s, m, h")->capture_default_str();
  command
      .add_option("--interval", text.interval,
                  "Width of the windows of spread, depth, snapshots and queue_positions")
      ->capture_default_str();
  command.add_option("--levels", text.levels, "Levels of depth, snapshots, slopes and features")
      ->capture_default_str()
      ->check(CLI::Range(1, 20));
  command.add_flag("--on-change", text.on_change,
                   "Snapshots after each change of a shown level, not at an interval");
  add_metric_options(command, text);
  command.add_option("--date", text.date,
                     "Trading day YYYY-MM-DD; else from a name like 01302019.NASDAQ_ITCH50.gz");
  command.add_flag("--describe", text.describe, "Print the columns of every table and exit");
  command.add_flag("--no-progress", text.no_progress, "No progress line");
}

Result<ReplayOptions> parse_replay_options(const ReplayText& text) {
  ReplayOptions options;
  if (text.file.empty())
    return fail(ErrorCode::usage, "name the feed to replay, as in `tapeline replay day.itch`");
  options.file = text.file;
  options.output = text.output;
  options.symbols = text.symbols;
  options.no_progress = text.no_progress;
  const auto format = sinks::table_format_of(text.format);
  if (!format)
    return fail(ErrorCode::usage, fmt::format("--format {}: choose parquet, csv or jsonl", text.format));
  options.format = *format;
  if (const Result<void> read = read_model(text, options.analytics); !read)
    return std::unexpected(read.error());
  if (const Result<void> chosen = pipeline::select_tables(text.tables, options.analytics); !chosen)
    return std::unexpected(chosen.error());
  if (const Result<void> loaded = pipeline::load_operators(text.operators, options.analytics); !loaded)
    return std::unexpected(loaded.error());
  const bool none = text.tables.size() == 1 && text.tables[0] == "none";
  if (none && text.operators.empty())
    return fail(ErrorCode::usage, "--tables none leaves nothing to write but what an --operator makes");
  const std::size_t tables = (none ? 0 : text.tables.size()) + text.operators.size();
  const bool one_table = tables == 1 && text.tables[0] != "all";
  if (options.output == "-" && (!one_table || options.format == sinks::TableFormat::parquet))
    return fail(ErrorCode::usage, "--output - takes one table (--tables bbo) and --format csv or jsonl");
  if (const Result<void> set = parse_analytics(text, options.analytics); !set)
    return std::unexpected(set.error());
  if (const Result<void> set = parse_labels(text, options); !set) return std::unexpected(set.error());
  for (const auto& [written, time] :
       {std::pair{&text.from, &options.from}, std::pair{&text.to, &options.until}}) {
    if (written->empty()) continue;
    const std::optional<EventTime> parsed = parse_event_time(*written);
    if (!parsed)
      return fail(ErrorCode::usage, fmt::format("'{}' is no time of day: write it as 09:31:00.5", *written));
    *time = *parsed;
  }
  options.trading_date = date_in_name(text.file);
  if (!text.date.empty()) {
    const bool shaped = text.date.size() == 10 && text.date[4] == '-' && text.date[7] == '-';
    const std::string_view date = text.date;
    const auto day =
        shaped ? day_of(digits(date.substr(0, 4)), digits(date.substr(5, 2)), digits(date.substr(8, 2)))
               : std::nullopt;
    if (!day) return fail(ErrorCode::usage, fmt::format("--date {}: write it as 2019-12-30", text.date));
    options.trading_date = *day;
  }
  return options;
}

}  // namespace tapeline::app
