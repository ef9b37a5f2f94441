#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "analytics/trade_bars.h"
#include "base/result.h"
#include "market/types.h"
#include "pipeline/analytics_config.h"
#include "sinks/table_sink.h"

namespace tapeline::app {

// The command line of `tapeline replay` as the user wrote it.
struct ReplayText {
  std::string file;
  std::string output = "tapeline-data";
  std::string format = "parquet";
  std::vector<std::string> tables{"bbo", "trades", "bars"};
  std::vector<std::string> operators;
  std::vector<std::string> symbols;
  std::string from;
  std::string to;
  std::string bar = "10ms";
  std::string interval = "1s";
  std::size_t levels = 10;
  bool on_change = false;
  std::string window = "10s";
  std::string step = "1s";
  std::uint64_t steps = 300;
  std::string horizon = "5s";
  std::vector<std::uint32_t> sweep{100, 1'000, 10'000};
  analytics::BarThresholds bar_thresholds;
  std::uint32_t vpin_bucket = 10'000;
  std::uint32_t vpin_buckets = 50;
  std::string microprice_model;
  std::string burst_gap = "100ms";
  std::size_t queue_orders = 10;
  std::string feature_window = "1s";
  std::uint32_t feature_events = 0;
  std::vector<std::string> labels;
  std::string date;
  bool describe = false;
  bool no_progress = false;
};

// What it means.
struct ReplayOptions {
  std::string file;
  std::string output;
  sinks::TableFormat format = sinks::TableFormat::parquet;
  pipeline::AnalyticsConfig analytics;           // The tables that are written; labels besides.
  std::vector<std::uint64_t> label_horizons_ns;  // In increasing order; none: no labels.
  std::vector<std::string> symbols;
  EventTime from{0};
  EventTime until{UINT64_MAX};  // Included.
  std::chrono::sys_days trading_date{};
  bool no_progress = false;
};

void add_replay_options(CLI::App& command, ReplayText& text);
Result<ReplayOptions> parse_replay_options(const ReplayText& text);

// "10ms", "1s", "250us", "5m", "1h" in nanoseconds.
Result<std::uint64_t> parse_duration(std::string_view text);

// The day a NASDAQ sample file is named for, "01302019.NASDAQ_ITCH50.gz"; the epoch if its name says none.
std::chrono::sys_days date_in_name(std::string_view path);

}  // namespace tapeline::app
