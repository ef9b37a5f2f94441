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
      R"rx(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? [-+]?[0-9.eE+-]+)rx");
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
    EXPECT_EQ(match[1], family) << line;
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_GT(families.size(), 10u);
}

status::Status some_status() {
  status::Status status;
  status.version = "1";
  status.stages = {{"captured", "packets", 5, 1}, {"logged", "records", 7, 1}};
  status.feed.state = "live";
  status.feed.lines = {{.name = "A", .up = true}, {.name = "B\"\\\n", .up = false}};
  status.topics = {{"feed", 1, 10, 100, 1}};
  status.workers = {{.index = 0}, {.index = 1}};
  status.latencies = {{.name = "capture to log", .count = 3, .p50_ns = 1'500}};
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
  EXPECT_NE(text.find(R"(tapeline_feed_line_up{line="B\"\\\n"} 0)"), std::string::npos);
  EXPECT_NE(text.find("tapeline_feed_state{state=\"live\"} 1\n"), std::string::npos);
}

TEST(MetricsText, BoundsWhatAnotherProgramMakesUp) {
  status::Status status = some_status();
  for (int i = 0; i < 10'000; ++i) status.latencies.push_back({.name = std::to_string(i)});
  EXPECT_LT(metrics_text({}, &status).size(), 100'000u);
}

}  // namespace
}  // namespace tapeline::serve
