#include "status/status.h"

#include <cmath>
#include <filesystem>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "status/status_page.h"
#include "status/status_server.h"
#include "terminal/drawing.h"

namespace tapeline::status {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Status sample() {
  Status status;
  status.version = "0.1.0";
  status.process = 4711;
  status.uptime_ms = 7'503'000;
  status.stages = {{"captured", "packets", 12'345'678, 98'765, {1, 2, 4, 8, 6, 3}},
                   {"computed", "messages", 345'678'901, 1'234'567, {0, 5, 5, 5}}};
  status.feed = {.session = "S000000001",
                 .state = "live",
                 .next_sequence = 345'678'902,
                 .lines = {{"A", true, 12'345'678, 12'000'000, 345'678, 0, 0, 1},
                           {"B", false, 12'000'000, 345'678, 11'654'322, 3, 17, 12'300}},
                 .open_gaps = 0,
                 .closed_gaps = 3,
                 .requests = 1,
                 .retransmitted_messages = 57,
                 .snapshots = 1};
  status.topics = {{"feed", 1, 345'678'901, 9'876'543'210, 37}, {"rows", 2, 1'234'567, 123'456'789, 2}};
  status.workers = {{0, 24, 345'678'900, 1, 0.5, 600'000}, {1, 24, 345'600'000, 78'901, 0.97, 634'567}};
  status.latencies = {
      {"exchange to capture", 1'000'000, 12'500, 15'000, 48'000, 1'200'000, 3'400'000,
       "3 of 1000003 delays are negative, by up to 60 ns: within the clock's error bound of ±25.0 us"},
      {"capture to row", 0}};
  status.checkpoints = {1'234, 0, 120, 3'456, 1'048'576, 4'100, 310};
  status.clock = {"chrony", true, 25'000, "chrony follows 10.0.0.1"};
  status.memory = {536'870'912, 1'073'741'824};
  return status;
}

// The worst that can be said, everywhere.
Status extreme() {
  constexpr std::uint64_t most = UINT64_MAX;
  const std::string name(300, 'n');
  Status status;
  status.version = status.feed.session = status.feed.state = name;
  status.process = status.uptime_ms = most;
  status.stages.assign(100, {name, name, most, most, std::vector<std::uint64_t>(1'000, most)});
  status.feed.lines.assign(100, {name, false, most, most, most, most, most, most});
  status.feed.next_sequence = status.feed.open_gaps = status.feed.closed_gaps = status.feed.requests = most;
  status.feed.retransmitted_messages = status.feed.snapshots = status.feed.lost_messages = most;
  status.topics.assign(100, {name, most, most, most, most});
  status.workers.assign(100, {most, most, most, most, 1e300, most});
  status.latencies.assign(100, {name, most, most, most, most, most, most, "\033[2J"});
  status.checkpoints = {most, most, most, most, most, most, most, "\033[2J"};
  status.clock = {name, true, most, name};
  status.memory = {most, most};
  status.warnings = {"\033[2J\xff"};
  status.feed.venue = name;
  status.market = {most, most, most, name, most, most, most, most, most, most};
  status.book_events.assign(100, {name, most});
  status.alerts.assign(100, {name, "\033[2J", name, name, "\033[2J", most});
  status.alert_targets.assign(100, {name, most, most, most, most, most, name});
  return status;
}

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, terminal::columns_of(line));
  return widest;
}

TEST(Status, SurvivesTheJson) {
  for (const Status& status : {sample(), extreme(), Status{}}) {
    const std::string json = encode(status);
    EXPECT_EQ(json.find('\n'), std::string::npos);
    const Result<Status> again = decode(json);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(encode(*again), json);
    EXPECT_EQ(draw_status(*again, {}).size() > 100, true);
  }
  EXPECT_EQ(decode(encode(sample()))->clock.error_bound_ns, 25'000);
  EXPECT_EQ(decode(encode(Status{}))->clock.error_bound_ns, std::nullopt);
  EXPECT_EQ(decode(encode(extreme()))->market.behind_ns, UINT64_MAX);
  EXPECT_EQ(decode(encode(Status{}))->market.behind_ns, std::nullopt);
  EXPECT_EQ(decode(encode(extreme()))->alerts.at(99).severity, "\033[2J");
}

TEST(Status, ASharePutIntoJsonIsOne) {
  Status status;
  status.workers = {{.back_pressure = std::nan("")}, {.back_pressure = -1}, {.back_pressure = 7}};
  const Result<Status> again = decode(encode(status));
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->workers[0].back_pressure, 0);
  EXPECT_EQ(again->workers[1].back_pressure, 0);
  EXPECT_EQ(again->workers[2].back_pressure, 1);
}

TEST(Status, OtherVersionsAreUnderstood) {
  const Result<Status> status = decode(R"({"format":1,"stages":[{"name":"a","new":1}],"later":{}})");
  ASSERT_TRUE(status.has_value()) << status.error().message;
  EXPECT_EQ(status->stages[0].name, "a");
  EXPECT_EQ(status->stages[0].total, 0);
}

TEST(Status, WhatIsNone) {
  EXPECT_EQ(decode("").error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode("[1]").error().code, ErrorCode::unsupported);
  EXPECT_EQ(decode(R"({"format":2})").error().code, ErrorCode::unsupported);
  EXPECT_EQ(decode(R"({"format":16660000000000000000418})").error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode(R"({"format":1,"process":-0.5})").error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode(R"({"format":1,"stages":5})").error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode(R"({"format":1,"clock":{"error_bound_ns":"x"}})").error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode(std::string(100'000, '[')).error().code, ErrorCode::corrupt);
  EXPECT_THAT(decode(R"({"error":"ask for status"})").error().message, HasSubstr("ask for status"));
}

TEST(RateHistory, RatesAreOverTheTimeThatPassed) {
  constexpr std::uint64_t second = 1'000'000'000;
  RateHistory history;
  history.note(100, 10 * second);
  EXPECT_EQ(history.per_second(), 0);
  history.note(600, 10 * second + second / 4);  // Too soon to say.
  EXPECT_EQ(history.per_second(), 0);
  EXPECT_EQ(history.total(), 600);
  history.note(1'100, 12 * second);
  EXPECT_EQ(history.per_second(), 500);
  for (std::uint64_t i = 13; i < 100; ++i) history.note(1'100, i * second);
  EXPECT_EQ(history.history().size(), RateHistory::most_seconds);
  EXPECT_EQ(history.per_second(), 0);
}

TEST(StatusPage, At80Columns) {
  EXPECT_EQ(draw_status(sample(), {.width = 80}),
            R"(tapeline 0.1.0  live  process 4711, up 2 h 05 m
── stages ──────────────────────────────────────────────────────────────────────
  captured           12,345,678 packets             98,765/s ▁▂▄█▆▃
  computed          345,678,901 messages         1,234,567/s  ███
── feed, session S000000001 ────────────────────────────────────────────────────
                 packets   first here   duplicates malformed dropped  silent
  A    up     12,345,678   12,000,000      345,678         0       0  0.0 s
  B    down   12,000,000      345,678   11,654,322         3      17  12.3 s
  next         message 345,678,902
  gaps         0 open, 3 closed: 57 messages fetched by 1 request, 1 snapshot
               taken
── workers ─────────────────────────────────────────────────────────────────────
        key groups              lag             rows    busy
     0          24                1          600,000    50 % ████████
     1          24           78,901          634,567    97 % ███████████████▌
── delays ──────────────────────────────────────────────────────────────────────
                             p50       p90       p99     p99.9       max
  exchange to capture    12.5 us   15.0 us   48.0 us    1.2 ms    3.4 ms
    3 of 1000003 delays are negative, by up to 60 ns: within the clock's error
    bound of ±25.0 us
  capture to row        none yet
── checkpoints ─────────────────────────────────────────────────────────────────
  1,234 taken, the last 0.1 s ago: 3,456 keys, 1 MiB in 4.1 ms; the longest
  stall 310.0 us
── log ─────────────────────────────────────────────────────────────────────────
  feed         345,678,901 records in 1 partition, 9 GiB in 37 segments
  rows         1,234,567 records in 2 partitions, 117 MiB in 2 segments
── machine ─────────────────────────────────────────────────────────────────────
  clock        by chrony, within ±25.0 us
  memory       512 MiB, 1 GiB at most
)");
}

TEST(StatusPage, At120Columns) {
  EXPECT_EQ(draw_status(sample(), {.width = 120}),
            R"(tapeline 0.1.0  live  process 4711, up 2 h 05 m
── stages ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
  captured           12,345,678 packets             98,765/s ▁▂▄█▆▃
  computed          345,678,901 messages         1,234,567/s  ███
── feed, session S000000001 ────────────────────────────────────────────────────────────────────────────────────────────
                 packets   first here   duplicates malformed dropped  silent
  A    up     12,345,678   12,000,000      345,678         0       0  0.0 s
  B    down   12,000,000      345,678   11,654,322         3      17  12.3 s
  next         message 345,678,902
  gaps         0 open, 3 closed: 57 messages fetched by 1 request, 1 snapshot taken
── workers ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
        key groups              lag             rows    busy
     0          24                1          600,000    50 % ███████████████
     1          24           78,901          634,567    97 % █████████████████████████████▏
── delays ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
                             p50       p90       p99     p99.9       max
  exchange to capture    12.5 us   15.0 us   48.0 us    1.2 ms    3.4 ms
    3 of 1000003 delays are negative, by up to 60 ns: within the clock's error bound of ±25.0 us
  capture to row        none yet
── checkpoints ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  1,234 taken, the last 0.1 s ago: 3,456 keys, 1 MiB in 4.1 ms; the longest stall 310.0 us
── log ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  feed         345,678,901 records in 1 partition, 9 GiB in 37 segments
  rows         1,234,567 records in 2 partitions, 117 MiB in 2 segments
── machine ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
  clock        by chrony, within ±25.0 us
  memory       512 MiB, 1 GiB at most
)");
}

TEST(StatusPage, EveryLineFitsWhateverIsTold) {
  for (const std::size_t width : {0, 80, 100, 133, 200}) {
    const std::size_t columns = std::max<std::size_t>(width, 80);
    EXPECT_LE(widest_line(draw_status(sample(), {.width = width})), columns);
    EXPECT_LE(widest_line(draw_status(extreme(), {.width = width})), columns);
    EXPECT_EQ(widest_line(draw_status(extreme(), {.width = width, .colour = true})),
              widest_line(draw_status(extreme(), {.width = width})));
  }
  EXPECT_THAT(draw_status(extreme(), {}), AllOf(Not(HasSubstr("\033")), HasSubstr("… 36 more")));
}

TEST(StatusPage, WhatIsWrongStandsOut) {
  Status status = sample();
  status.feed.state = "recovering";
  status.feed.open_gaps = 1;
  status.feed.lost_messages = 5;
  status.checkpoints.failed = 1;
  status.checkpoints.last_error = "disk full";
  status.clock = {};
  status.warnings = {"worker 1 lags behind"};
  status.alerts = {{"Gap", "error", "", "messages are missing", "wait", 61'000}};
  const std::string page = draw_status(status, {.width = 100, .colour = true});
  using terminal::Ink;
  EXPECT_THAT(page, AllOf(HasSubstr(paint("recovering", Ink::alarm, true)),
                          HasSubstr(paint("down", Ink::alarm, true)),
                          HasSubstr(paint("worker 1 lags behind", Ink::alarm, true)),
                          HasSubstr(paint("5 messages: books are marked gapped", Ink::alarm, true)),
                          HasSubstr(paint("Gap for 1 m 01 s: messages are missing", Ink::alarm, true)),
                          HasSubstr("1 failed, the last: disk full"), HasSubstr("not synchronised")));
}

class StatusServers : public ::testing::Test {
 protected:
  StatusServers() {
    std::string name = (std::filesystem::temp_directory_path() / "tapeline-status-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = (folder_ / "s").string();
  }
  ~StatusServers() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(StatusServers, AnswersWithTheDocumentAndNothingElse) {
  int calls = 0;
  auto server = StatusServer::start(path_, [&calls] {
    Status status = sample();
    status.process = static_cast<std::uint64_t>(++calls);
    return status;
  });
  ASSERT_TRUE(server.has_value()) << server.error().message;
  for (int i = 0; i < 100; ++i)
    EXPECT_LE(ask_status(path_)->process, 3);  // Not taken anew for each question.
  EXPECT_THAT(os::ask_line_server(path_, "shutdown").value(), HasSubstr("error"));
  EXPECT_TRUE(decode(os::ask_line_server(path_, "status\r").value()).has_value());
}

TEST_F(StatusServers, TheProcessItselfHasTheSameAccount) {
  auto server = StatusServer::start(path_, sample);
  while ((*server)->latest()->version.empty()) std::this_thread::yield();
  EXPECT_EQ(encode(*(*server)->latest()), encode(*ask_status(path_)));
}

TEST_F(StatusServers, TheDocumentIsRenewed) {
  std::uint64_t calls = 0;
  auto server = StatusServer::start(path_, [&calls] { return Status{.version = "", .process = ++calls}; },
                                    {.tick_ms = 1});
  while (ask_status(path_)->process < 5) std::this_thread::yield();
}

TEST_F(StatusServers, WhereNothingRunsItSaysWhatToDo) {
  EXPECT_EQ(ask_status(path_).error().code, ErrorCode::not_found);
  EXPECT_THAT(ask_status(path_).error().message,
              AllOf(HasSubstr("no pipeline runs here"), HasSubstr("tapeline run")));
}

}  // namespace
}  // namespace tapeline::status
