#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/print.h"
#include "config/read.h"
#include "config/table.h"

namespace tapeline::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string error_of(std::string_view text, std::vector<std::string> overrides = {}) {
  const Result<Config> config = read(text, "t.toml", overrides);
  return config ? "" : config.error().message;
}

TEST(Config, AnEmptyFileIsTheDefaults) {
  const Result<Config> config = read("", "t.toml");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(*config, Config{});
  EXPECT_EQ(config->stream.key_groups, 48);
  EXPECT_EQ(config->log_feed.fsync_interval_ms, 100);
  EXPECT_EQ(config->log_rows.fsync_interval_ms, 1000);  // Overridden for this section.
}

TEST(Config, EverySettingIsReadWhereItBelongs) {
  const Result<Config> config = read(R"(
[data]
folder = "/var/lib/tapeline"
[feed]
group_a = "239.1.1.1:5000"
group_b = ""
interface = "eth1"
retransmission_servers = ["10.0.0.1:6000", "[fe80::1]:6001"]
snapshot_server = "glimpse.example:7000"
snapshot_user = "reader"
busy_poll = true
[log]
segment_bytes = 1_048_576
[log.rows]
fsync = "batch"
[stream]
workers = 3
idle = "spin"
pin_cpus = [1, 2, 3]
ingest_cpu = 0
[analytics]
tables = ["depth"]
bar_ms = 0.5
interval_ms = 250
[sinks.file]
format = "json"
[log_output]
level = "warn"
)",
                                     "t.toml");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->data.folder, "/var/lib/tapeline");
  EXPECT_EQ(config->feed.group_a, (Address{"239.1.1.1", 5000}));
  EXPECT_FALSE(config->feed.group_b.is_set());
  EXPECT_EQ(config->feed.retransmission_servers, (AddressList{{"10.0.0.1", 6000}, {"fe80::1", 6001}}));
  EXPECT_TRUE(config->feed.busy_poll);
  EXPECT_EQ(config->log.segment_bytes, 1'048'576);
  EXPECT_EQ(config->log_rows.fsync, Fsync::batch);
  EXPECT_EQ(config->log_feed.fsync, Fsync::interval);
  EXPECT_EQ(config->stream.idle, Idle::spin);
  EXPECT_EQ(config->stream.pin_cpus, (CountList{1, 2, 3}));
  EXPECT_EQ(config->stream.ingest_cpu, 0);
  EXPECT_EQ(config->analytics.tables, TextList{"depth"});
  EXPECT_EQ(bar_ns(*config), 500'000);
  EXPECT_EQ(interval_ns(*config), 250'000'000);
  EXPECT_EQ(config->sinks_file.format, RowFormat::json);
  EXPECT_EQ(config->log_output.level, LogLevel::warn);
  EXPECT_EQ(status_socket(*config), "/var/lib/tapeline/tapeline.sock");
}

// Each setting is changed alone, printed and read: no two rows of the table share a member.
TEST(Config, PrintingAndReadingAnySettingAgree) {
  for (const Setting& setting : settings()) {
    Config config;
    Value value = setting.get(config);
    if (auto* flag = std::get_if<bool>(&value)) *flag = !*flag;
    if (auto* number = std::get_if<std::int64_t>(&value)) {
      const auto other = static_cast<std::int64_t>(setting.limits.least) + 1;
      *number = *number == other ? other + 1 : other;
    }
    if (auto* number = std::get_if<double>(&value)) {
      const double other = std::max(0.25, setting.limits.least);
      *number = *number == other ? other + 0.25 : other;
    }
    if (auto* list = std::get_if<std::vector<std::int64_t>>(&value)) *list = {7, 5};
    if (auto* text = std::get_if<std::string>(&value)) {
      if (setting.kind == Kind::text) *text = R"(a"\b)";
      if (setting.kind == Kind::choice) *text = setting.limits.words[setting.limits.word_count - 1];
      if (setting.kind == Kind::address) *text = "239.9.9.9:9";
    }
    if (auto* list = std::get_if<std::vector<std::string>>(&value))
      *list = {setting.kind == Kind::text_list ? "depth" : "a.b:1"};
    ASSERT_EQ(setting.set(config, value, setting.limits), std::nullopt) << setting.path();
    EXPECT_NE(config, Config{}) << setting.path();
    if (config.feed.snapshot_server.is_set()) config.feed.snapshot_user = "u";
    const Result<Config> again = read(print_toml(config), "printed");
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(*again, config) << setting.path();
    EXPECT_EQ(setting.get(*again), value) << setting.path();
  }
}

TEST(Config, DefaultsAreWithinTheirOwnLimits) {
  for (const Setting& setting : settings()) {
    Config config;
    EXPECT_EQ(setting.set(config, setting.get(config), setting.limits), std::nullopt) << setting.path();
    EXPECT_THAT(std::string(setting.meaning), ::testing::EndsWith(".")) << setting.path();
    EXPECT_THAT(std::string(setting.meaning), Not(HasSubstr("|"))) << setting.path();
  }
}

TEST(ConfigErrors, AnUnknownKeyIsToldWithItsPlaceAndTheNearest) {
  EXPECT_THAT(
      error_of("[stream]\nworkers = 2\nkey_group = 4\n"),
      StartsWith("t.toml:3:1: there is no setting stream.key_group; did you mean stream.key_groups?\n"));
  EXPECT_THAT(error_of("[feed]\nworkers = 2\n"), HasSubstr("did you mean stream.workers?"));
  EXPECT_THAT(error_of("[steam]\nworkers = 2\n"),
              HasSubstr("t.toml:1:2: there is no setting steam; did you mean [stream]?"));
  EXPECT_THAT(error_of("xyzzy = 1"), AllOf(HasSubstr("no setting xyzzy"), Not(HasSubstr("did you mean"))));
}

TEST(ConfigErrors, TypesAndRanges) {
  EXPECT_THAT(
      error_of("[stream]\nkey_groups = \"48\"\n"),
      HasSubstr("t.toml:2:14: stream.key_groups must be a whole number from 1 to 1024; it is a text"));
  EXPECT_THAT(error_of("[feed]\nsilence_ms = 1.5\n"), HasSubstr("it is a number with a fraction"));
  EXPECT_THAT(error_of("[feed]\nsilence_ms = 99\n"),
              HasSubstr("feed.silence_ms must be a whole number of ms from 100 to 3600000; it is 99"));
  EXPECT_THAT(error_of("[log]\nsegment_bytes = -1\n"), HasSubstr("it is -1"));
  EXPECT_THAT(error_of("[analytics]\nbar_ms = nan\n"), HasSubstr("it is nan"));
  EXPECT_THAT(error_of("[stream]\nidle = \"sleep\"\n"),
              HasSubstr("one of park, backoff and spin; it is \"sleep\""));
  EXPECT_THAT(error_of("[analytics]\ntables = [\"bbo\", \"candles\"]\n"),
              HasSubstr("a list with \"candles\""));
  EXPECT_THAT(error_of("[analytics]\ntables = [\"bbo\", 1]\n"), HasSubstr("it is a list"));
  EXPECT_THAT(error_of("[analytics]\ntables = [\"labels\"]\n"),
              HasSubstr("it is a list with \"labels\", for research only: replay --labels"));
  EXPECT_THAT(error_of("[stream]\npin_cpus = [1, 1]\n"), HasSubstr("names something twice"));
  EXPECT_THAT(error_of("[feed]\ngroup_a = \"10.0.0.1:5000\"\n"), HasSubstr("GROUP:PORT of IPv4 multicast"));
  EXPECT_THAT(error_of("[feed]\nsnapshot_server = \"host\"\n"),
              HasSubstr("HOST:PORT, or empty; it is \"host\""));
  EXPECT_THAT(error_of("[data]\nfolder = \"\"\n"), HasSubstr("it is empty"));
  EXPECT_THAT(error_of("feed = 3\n"), HasSubstr("feed is a section: write [feed]"));
}

TEST(ConfigErrors, AllOfThemAtOnceInOrder) {
  const std::string message = error_of("[stream]\nkey_groups = 0\nidle = 1\n[feed]\nsilence_ms = 0\n");
  const std::size_t first = message.find("t.toml:2:14");
  const std::size_t second = message.find("t.toml:3:8");
  const std::size_t third = message.find("t.toml:5:14");
  EXPECT_EQ(first, 0);
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
}

TEST(ConfigErrors, NoMoreThanOneCanRead) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "k" + std::to_string(i) + " = 1\n";
  EXPECT_THAT(error_of(text),
              AllOf(HasSubstr("t.toml:20:1"), Not(HasSubstr("t.toml:21:1")), HasSubstr("and 80 more")));
}

TEST(ConfigErrors, WhatIsNoToml) {
  EXPECT_THAT(error_of("[feed\n"), StartsWith("t.toml:1:"));
  EXPECT_THAT(error_of("[feed]\nsilence_ms = 100\nsilence_ms = 200\n"), StartsWith("t.toml:3:"));
  EXPECT_THAT(error_of(std::string(most_file_bytes + 1, ' ')), HasSubstr("is it another file?"));
}

// Each of these ends the program, or runs into undefined behaviour, when toml++ 3.3 gets it.
TEST(ConfigErrors, WhatTheParserDoesNotSurvive) {
  EXPECT_THAT(error_of("[&"), StartsWith("t.toml:1:2: this is no TOML: a section needs a name"));
  EXPECT_THAT(error_of("a = 1\n [[\t^x"), StartsWith("t.toml:2:5:"));
  EXPECT_THAT(error_of("x = [1, \u03a2"),
              StartsWith("t.toml:1:9: this is no TOML: only strings and comments"));
  EXPECT_THAT(error_of("\u03a2 = 1"), StartsWith("t.toml:1:1:"));
  EXPECT_THAT(error_of("s = \"\"\"\\\n\u00a7\"\"\"\n"),
              StartsWith("t.toml:1:5: this is no TOML: strings over several"));
  EXPECT_THAT(error_of("", {"stream.workers=\u03a2"}), HasSubstr("stream.workers must be"));
}

TEST(ConfigErrors, Strings) {
  EXPECT_THAT(error_of("[data]\nfolder = \"x\n"),
              StartsWith("t.toml:2:10: this is no TOML: this string has no closing"));
  EXPECT_THAT(error_of("[data]\nfolder = \"x\\\"\n"), StartsWith("t.toml:2:10:"));
  EXPECT_THAT(error_of("[data]\nfolder = \"\x01\"\n"),
              StartsWith("t.toml:2:11: this is no TOML: a control character"));
  const Result<Config> config = read("# é\r\n[data]\r\nfolder = 'd\u00e9p\u00f4t # \"'  # è\r\n", "t.toml");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->data.folder, "d\u00e9p\u00f4t # \"");
}

TEST(ConfigErrors, SettingsThatContradictEachOther) {
  EXPECT_THAT(error_of("[stream]\nworkers = 8\nkey_groups = 4\n"),
              HasSubstr("t.toml:2:11: stream.workers is 8, but 4"));
  EXPECT_THAT(error_of("[feed]\ngroup_b = \"239.255.42.1:26400\"\n"),
              HasSubstr("is the same as feed.group_a"));
  EXPECT_THAT(error_of("[feed]\nsnapshot_server = \"a:1\"\n"),
              HasSubstr("t.toml: feed.snapshot_user is empty"));
  EXPECT_THAT(error_of("[stream]\ningest_cpu = 1\npin_cpus = [1]\n"), HasSubstr("in the way of the capture"));
  EXPECT_THAT(error_of("[data]\nfolder = \"" + std::string(100, 'x') + "\"\n"),
              HasSubstr("at most 107 bytes"));
}

TEST(ConfigOverrides, LooseSpellingOfAShell) {
  const std::vector<std::string> given{"stream.workers=4",           "feed.interface=eth0",
                                       "analytics.tables=bbo,depth", "feed.group_a=239.1.1.1:5",
                                       "stream.pin_cpus=2,3",        "sinks.file.enabled=true",
                                       "analytics.bar_ms=1",         "data.folder=\"x y\""};
  const Result<Config> config = read("[stream]\nworkers = 2\n", "t.toml", given);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->stream.workers, 4);
  EXPECT_EQ(config->feed.interface, "eth0");
  EXPECT_EQ(config->analytics.tables, (TextList{"bbo", "depth"}));
  EXPECT_EQ(config->feed.group_a, (Address{"239.1.1.1", 5}));
  EXPECT_EQ(config->stream.pin_cpus, (CountList{2, 3}));
  EXPECT_TRUE(config->sinks_file.enabled);
  EXPECT_EQ(config->analytics.bar_ms, 1.0);
  EXPECT_EQ(config->data.folder, "x y");
}

TEST(ConfigOverrides, MistakesNameTheArgument) {
  EXPECT_THAT(error_of("", {"stream.workers=many"}),
              HasSubstr("--set stream.workers=many: stream.workers must be"));
  EXPECT_THAT(error_of("", {"stream.worker=1"}), HasSubstr("did you mean stream.workers?"));
  EXPECT_THAT(error_of("", {"workers"}), HasSubstr("SECTION.KEY=VALUE"));
  EXPECT_THAT(error_of("", {"stream.workers=1\n[feed]\nbusy_poll=true"}), HasSubstr("must be"));
  EXPECT_THAT(error_of("", {"stream.pin_cpus=a"}), HasSubstr("a list of whole numbers"));
}

TEST(Config, WorkersFollowTheCores) {
  Config config;
  EXPECT_EQ(worker_count(config, 1), 1);
  EXPECT_EQ(worker_count(config, 2), 1);
  EXPECT_EQ(worker_count(config, 8), 7);
  EXPECT_EQ(worker_count(config, 128), 48);
  config.stream.workers = 5;
  EXPECT_EQ(worker_count(config, 2), 5);
}

TEST(ConfigAddress, WhatIsOneAndWhatIsNot) {
  for (const char* text : {"1.2.3.4:1", "a-b.example:65535", "[::1]:80", "[fe80::1%eth0]:1"})
    EXPECT_EQ(to_string(parse_address(text).value()), text);
  for (const char* text : {"", ":1", "a:", "a:0", "a:65536", "a:1x", "::1:80", "a b:1", "[]:1", "a"})
    EXPECT_EQ(parse_address(text), std::nullopt) << text;
}

TEST(ConfigDocumentation, ThePageIsWhatTheTableSays) {
  const char* source = std::getenv("TAPELINE_SOURCE_DIR");
  std::ifstream file(std::string(source == nullptr ? "." : source) + "/docs/configuration.md");
  const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(page, print_documentation())
      << "make it again: build/release/tapeline config --describe > docs/configuration.md";
}

}  // namespace
}  // namespace tapeline::config
