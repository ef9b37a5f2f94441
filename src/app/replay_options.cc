#include "app/replay_options.h"

#include <charconv>

#include <fmt/format.h>

#include "market/event_time_text.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(FILE is a BinaryFILE of NASDAQ TotalView-ITCH 5.0 or a pcap or pcapng capture of MoldUDP64, plain or in gzip or
zstd, recognised by its content; - is standard input. Each table becomes one file in the output folder and opens in
DuckDB, pandas and polars as it is; --describe prints the columns with their units.

Examples:
  tapeline replay day.itch.gz                                       BBO, trades and 10 ms bars as Parquet
  tapeline replay day.itch --symbol AAPL,MSFT --from 09:30 --to 10:00 --bar 1s
  tapeline replay day.itch --tables snapshots --levels 5 --on-change --format csv --output - | head
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

Result<void> choose_tables(const std::vector<std::string>& names, pipeline::AnalyticsConfig& config) {
  config.bbo = config.trades = config.bars = false;
  for (const std::string& name : names) {
    if (name == "bbo")
      config.bbo = true;
    else if (name == "trades")
      config.trades = true;
    else if (name == "bars")
      config.bars = true;
    else if (name == "spread")
      config.spread = true;
    else if (name == "depth")
      config.depth = true;
    else if (name == "snapshots")
      config.snapshots = true;
    else
      return fail(
          ErrorCode::usage,
          fmt::format("there is no table '{}'; choose of bbo, trades, bars, spread, depth, snapshots", name));
  }
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
  command.add_option("--tables", text.tables, "Of bbo, trades, bars, spread, depth, snapshots")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("-s,--symbol", text.symbols, "Only these symbols")->delimiter(',');
  command.add_option("--from", text.from, "Rows from this exchange time on, as in 09:30:00.5");
  command.add_option("--to", text.to, "Rows up to this exchange time, included");
  command.add_option("--bar", text.bar, "Width of the bars: ns, us, ms, s, m, h")->capture_default_str();
  command.add_option("--interval", text.interval, "Width of the windows of spread, depth and snapshots")
      ->capture_default_str();
  command.add_option("--levels", text.levels, "Levels of depth and snapshots")
      ->capture_default_str()
      ->check(CLI::Range(1, 20));
  command.add_flag("--on-change", text.on_change,
                   "Snapshots after each change of a shown level, not at an interval");
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
  if (const Result<void> chosen = choose_tables(text.tables, options.analytics); !chosen)
    return std::unexpected(chosen.error());
  if (options.output == "-" && (text.tables.size() != 1 || options.format == sinks::TableFormat::parquet))
    return fail(ErrorCode::usage, "--output - takes one table (--tables bbo) and --format csv or jsonl");
  const Result<std::uint64_t> bar = parse_duration(text.bar);
  if (!bar) return std::unexpected(bar.error());
  const Result<std::uint64_t> interval = parse_duration(text.interval);
  if (!interval) return std::unexpected(interval.error());
  options.analytics.bar_ns = *bar;
  options.analytics.interval_ns = *interval;
  options.analytics.levels = text.levels;
  options.analytics.snapshots_on_change = text.on_change;
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
