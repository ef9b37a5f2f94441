#include "serve/metrics_text.h"

#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace tapeline::serve {
namespace {

// What the format's documentation allows, line by line.
void expect_valid(const std::string& text) {
  static const std::regex comment(R"(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) .+)");
  static const std::regex sample(
      R"rx(([a-zA-Z_:][a-zA-Z0-9_:]*?)(_bucket|_sum|_count)?(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? ([-+]?[0-9.eE+-]+|NaN))rx");
  std::istringstream lines(text);
  std::set<std::string> families;
  std::set<std::string> series;
  std::string family;
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, comment)) {
      family = match[2];
      if (match[1] == "HELP") {
        EXPECT_TRUE(families.insert(family).second) << family << " is told twice";
      }
      continue;
    }
    ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
    // Those endings belong to a histogram, and to names of their own.
    EXPECT_TRUE(match[1] == family || match[1].str() + match[2].str() == family) << line;
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_GT(families.size(), 10u);
}

status::Status some_status() {
  status::Status status;
  status.version = "1";
  status.stages = {{"captured", "packets", 5, 1}, {"logged", "records", 7, 1}};
  status.feed.venue = "XNAS";
  status.feed.state = "live";
  status.feed.lines = {{.name = "A", .up = true}, {.name = "B\"\\\n", .up = false}};
  status.topics = {{"feed", 1, 10, 100, 1}};
  status.workers = {{.index = 0}, {.index = 1}};
  status.latencies = {{.name = "  capture to log", .count = 3, .p50_ns = 1'500, .sum_ns = 4'500}};
  status.latencies[0].buckets.assign(status::latency_bounds_ns.size(), 3);
  status.latencies[0].buckets[0] = 1;
  status.market.behind_ns = 2'000'000;
  status.clock.error_bound_ns = 25'000;
  status.book_events = {{"unknown_order", 4}};
  status.alerts = {{.name = "Gap", .severity = "error"}};
  status.alert_targets = {{.name = "webhook", .sent = 2}};
  return status;
}

TEST(MetricsText, IsWhatPrometheusReads) {
  expect_valid(metrics_text({}, nullptr));
  const status::Status status = some_status();
  const std::string text = metrics_text({}, &status);
  expect_valid(text);
  EXPECT_NE(
      text.find("tapeline_latency_quantile_seconds{path=\"capture to log\",quantile=\"0.5\"} 1.5e-06\n"),
      std::string::npos);
  EXPECT_NE(text.find(R"(tapeline_feed_line_up{venue="XNAS",line="B\"\\\n"} 0)"), std::string::npos);
  EXPECT_NE(text.find("tapeline_feed_state{venue=\"XNAS\",state=\"live\"} 1\n"), std::string::npos);
}

TEST(MetricsText, ALatencyIsAHistogram) {
  const status::Status status = some_status();
  const std::string text = metrics_text({}, &status);
  for (const char* line : {"# TYPE tapeline_latency_seconds histogram\n",
                           "tapeline_latency_seconds_bucket{path=\"capture to log\",le=\"1e-06\"} 1\n",
                           "tapeline_latency_seconds_bucket{path=\"capture to log\",le=\"10\"} 3\n",
                           "tapeline_latency_seconds_bucket{path=\"capture to log\",le=\"+Inf\"} 3\n",
                           "tapeline_latency_seconds_sum{path=\"capture to log\"} 4.5e-06\n",
                           "tapeline_latency_seconds_count{path=\"capture to log\"} 3\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
}

TEST(MetricsText, TellsOfTheMarketTheClockAndAlerts) {
  const status::Status status = some_status();
  const std::string text = metrics_text({}, &status);
  for (const char* line : {"tapeline_market_behind_seconds{venue=\"XNAS\"} 0.002\n",
                           "tapeline_clock_error_bound_seconds 2.5e-05\n",
                           "tapeline_book_events_total{venue=\"XNAS\",event=\"unknown_order\"} 4\n",
                           "tapeline_alert_firing{name=\"Gap\",severity=\"error\",partition=\"\"} 1\n",
                           "tapeline_alert_notifications_total{target=\"webhook\",outcome=\"sent\"} 2\n",
                           "tapeline_partition_lag_messages{topic=\"rows\",partition=\"1\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
  // What is not known is not 0.
  status::Status silent = status;
  silent.market.behind_ns.reset();
  silent.clock.error_bound_ns.reset();
  const std::string unknown = metrics_text({}, &silent);
  EXPECT_NE(unknown.find("\ntapeline_market_behind_seconds{venue=\"XNAS\"} NaN\n"), std::string::npos);
  EXPECT_NE(unknown.find("\ntapeline_clock_error_bound_seconds NaN\n"), std::string::npos);
}

TEST(MetricsText, BoundsWhatAnotherProgramMakesUp) {
  status::Status status = some_status();
  for (int i = 0; i < 10'000; ++i) {
    status.latencies.push_back(status.latencies[0]);
    status.latencies.back().name = std::to_string(i);
    status.alerts.push_back({.name = std::to_string(i)});
    status.book_events.push_back({std::to_string(i), 0});
  }
  EXPECT_LT(metrics_text({}, &status).size(), 250'000u);
}

}  // namespace
}  // namespace tapeline::serve
