#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "alerting/alert_states.h"
#include "alerting/conditions.h"
#include "alerting/settings.h"
#include "alerting/targets.h"

namespace tapeline::alerting {
namespace {

using status::Alert;
using status::Status;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint64_t second = 1'000'000'000;

// In the middle of a good day.
Status healthy() {
  Status status;
  status.version = "1";
  status.feed.venue = "XNAS";
  status.feed.state = "live";
  status.feed.lines = {{.name = "A", .up = true}, {.name = "B", .up = true}};
  status.market = {.newest_ns = 36'000 * second, .behind_ns = 1'000'000, .minute = 600, .symbols = 100};
  status.workers = {{.index = 0, .key_groups = 24}, {.index = 1, .key_groups = 24}};
  status.clock = {"chrony", true, 20'000, ""};
  return status;
}

std::vector<std::string> keys(const Status& status, const Limits& limits = {}) {
  std::vector<std::string> keys;
  for (const Alert& alert : find_conditions(limits, status)) {
    keys.push_back(key_of(alert));
    EXPECT_FALSE(alert.summary.empty() || alert.remedy.empty()) << keys.back();
    EXPECT_THAT(alert.severity, ::testing::AnyOf("critical", "error", "warning"));
  }
  return keys;
}

TEST(Conditions, AGoodDayHasNone) {
  EXPECT_THAT(keys(healthy()), IsEmpty());
}

TEST(Conditions, StaleWhereTheNewestDataAreTooOld) {
  Status status = healthy();
  status.market.behind_ns = 5'000'000;
  EXPECT_THAT(keys(status), IsEmpty());
  status.market.behind_ns = 5'000'001;
  EXPECT_THAT(keys(status), ElementsAre("StaleData"));
  status.feed.state = "recovering";
  EXPECT_THAT(keys(status), ElementsAre("StaleData"));
  status.market.behind_ns.reset();  // Times of another day say nothing.
  EXPECT_THAT(keys(status), IsEmpty());
}

TEST(Conditions, StalenessKnowsTheHoursOfTheSession) {
  Status status = healthy();
  status.market.behind_ns = second;
  for (const auto& [minute, stale] :
       {std::pair{569, false}, std::pair{570, true}, std::pair{959, true}, std::pair{960, false}}) {
    status.market.minute = static_cast<std::uint64_t>(minute);
    EXPECT_EQ(!keys(status).empty(), stale) << minute;
  }
  // What the feed says counts more than the clock: half a day, or an exchange elsewhere.
  status.market.minute = 600;
  for (const char* closed : {"before", "after"}) {
    status.market.hours = closed;
    EXPECT_THAT(keys(status), IsEmpty()) << closed;
  }
  status.market.minute = 1'200;
  status.market.hours = "open";
  EXPECT_THAT(keys(status), ElementsAre("StaleData"));
  for (const char* state : {"ended", "waiting"}) {
    status.feed.state = state;
    EXPECT_THAT(keys(status), IsEmpty()) << state;
  }
}

TEST(Conditions, StalenessKnowsHalts) {
  Status status = healthy();
  status.market.behind_ns = second;
  status.market.not_trading = 99;
  EXPECT_THAT(keys(status), ElementsAre("StaleData"));
  status.market.not_trading = 100;  // A market-wide halt.
  EXPECT_THAT(keys(status), IsEmpty());
}

TEST(Conditions, ASilentFeedIsStaleAtAnyHour) {
  Status status = healthy();
  status.feed.state = "stale";
  status.feed.lines = {{.name = "A", .silent_ms = 4'000}, {.name = "B", .silent_ms = 9'000}};
  status.market.minute = 0;
  status.market.not_trading = 100;
  const std::vector<Alert> found = find_conditions({}, status);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].summary, HasSubstr("silent for 4"));
}

TEST(Conditions, SkewNamesThePartitionAndTheRemedy) {
  Status status = healthy();
  status.workers = {{.index = 0, .lag_messages = 20'000},
                    {.index = 1, .key_groups = 12, .lag_messages = 40'001},
                    {.index = 2, .lag_messages = 15'000}};
  const std::vector<Alert> found = find_conditions({}, status);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(key_of(found[0]), "PartitionSkew/1");
  EXPECT_THAT(found[0].summary, AllOf(HasSubstr("partition 1"), HasSubstr("40001"), HasSubstr("20000")));
  EXPECT_THAT(found[0].remedy, HasSubstr("tapeline scale 4"));
  status.workers[1].lag_messages = 40'000;  // Twice is not over twice.
  EXPECT_THAT(keys(status), IsEmpty());
  status.workers = {{.index = 0}, {.index = 1, .lag_messages = 9'999}};  // Too little to matter.
  EXPECT_THAT(keys(status), IsEmpty());
  status.workers[1].lag_messages = 10'000;
  EXPECT_THAT(keys(status), ElementsAre("PartitionSkew/1"));
  status.workers.erase(status.workers.begin());  // Alone, none is skewed.
  EXPECT_THAT(keys(status), IsEmpty());
}

TEST(Conditions, GapsOpenAndForGood) {
  Status status = healthy();
  status.feed.open_gaps = 1;
  EXPECT_THAT(find_conditions({}, status).at(0).summary, HasSubstr("being fetched"));
  status.market.gapped = 100;
  EXPECT_THAT(keys(status), ElementsAre("Gap"));  // One of that name, and the worse.
  EXPECT_THAT(find_conditions({}, status).at(0).summary, HasSubstr("for good"));
}

TEST(Conditions, TheRest) {
  Status status = healthy();
  status.market.crossed = 2;
  EXPECT_THAT(keys(status), ElementsAre("CrossedBook"));
  status = healthy();
  status.workers[1].back_pressure = 0.2;
  EXPECT_THAT(keys(status), IsEmpty());
  status.workers[1].back_pressure = 0.21;
  EXPECT_THAT(keys(status), ElementsAre("BackPressure/1"));
  status = healthy();
  status.clock.error_bound_ns = 100'001;
  EXPECT_THAT(keys(status), ElementsAre("ClockError"));
  EXPECT_THAT(keys(status, {.clock_matters = false}), IsEmpty());
  status.clock.synchronised = false;
  status.clock.error_bound_ns.reset();
  EXPECT_THAT(keys(status), ElementsAre("ClockError"));
  status = healthy();
  status.feed.lines[1].up = false;
  EXPECT_THAT(keys(status), ElementsAre("FeedLineDown"));
  EXPECT_THAT(keys(Status{}, {.clock_matters = false}), IsEmpty());
}

Alert alert(std::string name, std::string summary = "s") {
  return {.name = std::move(name),
          .severity = "error",
          .partition = "",
          .summary = std::move(summary),
          .remedy = "r"};
}

std::vector<std::string> told(const std::vector<Notification>& notifications) {
  std::vector<std::string> texts;
  for (const Notification& one : notifications)
    texts.push_back((one.resolved ? "-" : "+") + key_of(one.alert));
  return texts;
}

TEST(AlertStates, AnAlertIsHeldToldOnceAndResolvedOnce) {
  AlertStates states({.hold_ns = 2 * second, .resolve_ns = 5 * second});
  const std::vector<Alert> wrong = {alert("Gap")};
  std::vector<std::string> all;
  const auto step = [&](std::uint64_t at, const std::vector<Alert>& conditions) {
    for (const std::string& text : told(states.update(conditions, at * second, (1'000 + at) * second)))
      all.push_back(std::to_string(at) + text);
  };
  step(10, wrong);
  step(11, {});  // A blip is forgotten.
  step(12, wrong);
  step(13, wrong);
  EXPECT_THAT(states.firing(), IsEmpty());
  step(14, wrong);
  for (std::uint64_t at = 15; at < 20; ++at) step(at, wrong);
  step(20, {});
  step(23, wrong);  // Back before it was resolved: the same alert.
  for (std::uint64_t at = 24; at < 28; ++at) step(at, {});
  EXPECT_THAT(told(states.firing()), ElementsAre("+Gap"));
  EXPECT_EQ(states.firing()[0].started_ns, 1'012 * second);
  step(28, {});
  step(29, {});
  EXPECT_THAT(all, ElementsAre("14+Gap", "28-Gap"));
  EXPECT_THAT(states.firing(), IsEmpty());
}

TEST(AlertStates, AlertsOfOneNameAreApartByPartitionAndSayTheNewest) {
  AlertStates states({.hold_ns = 0, .resolve_ns = 0});
  Alert first = alert("BackPressure", "30 %");
  first.partition = "0";
  Alert second_one = first;
  second_one.partition = "1";
  EXPECT_THAT(told(states.update({second_one, first}, second, second)),
              ElementsAre("+BackPressure/1", "+BackPressure/0"));
  first.summary = "40 %";
  EXPECT_THAT(told(states.update({first}, 2 * second, 2 * second)), ElementsAre("-BackPressure/1"));
  EXPECT_EQ(states.firing()[0].alert.summary, "40 %");
  EXPECT_EQ(states.firing()[0].alert.since_ms, 1'000);
}

TEST(AlertStates, ARestartResolvesWhatWasToldBeforeIt) {
  AlertStates before({.hold_ns = 0, .resolve_ns = 5 * second});
  (void)before.update({alert("Gap"), alert("CrossedBook")}, second, 100 * second);
  AlertStates after({.hold_ns = 0, .resolve_ns = 5 * second});
  ASSERT_TRUE(after.restore(before.save(), 50 * second).has_value());
  EXPECT_THAT(told(after.firing()), ElementsAre("+CrossedBook", "+Gap"));
  // What goes on is not told again; what does not is resolved.
  EXPECT_THAT(after.update({alert("Gap")}, 51 * second, 200 * second), IsEmpty());
  const std::vector<Notification> over = after.update({alert("Gap")}, 55 * second, 204 * second);
  EXPECT_THAT(told(over), ElementsAre("-CrossedBook"));
  EXPECT_EQ(over[0].started_ns, 100 * second);
}

TEST(AlertStates, ADamagedMemoryIsRefusedWhole) {
  AlertStates states({});
  for (const char* text :
       {"", "{}", "[1]", "[{\"name\":1}]", "[{\"name\":\"a\"}]",
        "[{\"name\":\"a\",\"severity\":"
        "\"b\",\"partition\":\"\",\"summary\":\"\",\"remedy\":\"\",\"started_ns\":\"x\"}]"})
    EXPECT_FALSE(states.restore(text, 0).has_value()) << text;
  EXPECT_THAT(states.firing(), IsEmpty());
}

Notification notification(bool resolved) {
  Notification one;
  one.alert = alert("PartitionSkew", "partition 1 is behind");
  one.alert.partition = "1";
  one.resolved = resolved;
  one.started_ns = 1'772'461'800'123'456'789;
  one.told_ns = one.started_ns + second;
  one.ended_ns = resolved ? one.told_ns : 0;
  return one;
}

const Origin origin{"desk-1", "XNAS", "0.1.0"};

nlohmann::json body(const Target& target, const Notification& one) {
  return nlohmann::json::parse(target.write(one).body);
}

TEST(Targets, WhatAlertmanagerTakes) {
  const Target target = alertmanager_target("http://127.0.0.1:9093/", origin, 60 * second).value();
  EXPECT_EQ(target.write(notification(false)).url.target, "/api/v2/alerts");
  const nlohmann::json firing = body(target, notification(false)).at(0);
  EXPECT_EQ(firing["labels"], (nlohmann::json{{"alertname", "TapelinePartitionSkew"},
                                              {"job", "tapeline"},
                                              {"instance", "desk-1"},
                                              {"venue", "XNAS"},
                                              {"severity", "error"},
                                              {"partition", "1"}}));
  EXPECT_EQ(firing["startsAt"], "2026-03-02T14:30:00.123Z");
  EXPECT_EQ(firing["endsAt"], "2026-03-02T14:34:01.123Z");
  const nlohmann::json over = body(target, notification(true)).at(0);
  EXPECT_EQ(over["labels"], firing["labels"]);
  EXPECT_EQ(over["endsAt"], "2026-03-02T14:30:01.123Z");
}

TEST(Targets, WhatPagerDutyTakes) {
  const Target target = pagerduty_target("https://events.example/v2/enqueue", origin, "R0UTINGKEY").value();
  const nlohmann::json trigger = body(target, notification(false));
  EXPECT_EQ(trigger["routing_key"], "R0UTINGKEY");
  EXPECT_EQ(trigger["event_action"], "trigger");
  EXPECT_EQ(trigger["dedup_key"], "tapeline/desk-1/PartitionSkew/1");
  EXPECT_EQ(trigger["payload"]["summary"], "partition 1 is behind");
  EXPECT_EQ(trigger["payload"]["source"], "desk-1");
  EXPECT_EQ(trigger["payload"]["severity"], "error");
  const nlohmann::json resolve = body(target, notification(true));
  EXPECT_EQ(resolve["event_action"], "resolve");
  EXPECT_EQ(resolve["dedup_key"], trigger["dedup_key"]);
  Notification wordy = notification(false);
  wordy.alert.summary = std::string(5'000, 'x');
  EXPECT_EQ(body(target, wordy)["payload"]["summary"].get<std::string>().size(), 1'024u);
}

TEST(Targets, TheWebhookIsTheRightOnesAlone) {
  const Target target = webhook_target("http://127.0.0.1:1/hook", origin, "t0ken").value();
  const http::Post post = target.write(notification(false));
  EXPECT_THAT(post.headers,
              ElementsAre(std::pair<std::string, std::string>("Authorization", "Bearer t0ken")));
  EXPECT_THAT(post.body, Not(HasSubstr("t0ken")));
  EXPECT_EQ(body(target, notification(false))["ended_at"], nullptr);
  EXPECT_EQ(body(target, notification(true))["status"], "resolved");
}

Secrets secrets(std::optional<std::string> value, Result<std::string> file = "from the file\n") {
  return {[value](const std::string&) { return value; }, [file](const std::string&) { return file; }};
}

TEST(Settings, ASecretThatIsMissingIsToldAndOneThatIsThereIsNot) {
  config::Config config;
  config.alerts.pagerduty = true;
  const auto missing = alerter_config(config, secrets(std::nullopt), "host", "1");
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error().message, HasSubstr("TAPELINE_PAGERDUTY_KEY"));
  const auto made = alerter_config(config, secrets("k3y"), "host", "1");
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(body(made->targets.at(0), notification(false))["routing_key"], "k3y");
  config.alerts.pagerduty_key_file = "key";
  const auto spaced = alerter_config(config, secrets("k3y"), "host", "1");
  ASSERT_FALSE(spaced.has_value());
  EXPECT_THAT(spaced.error().message, Not(HasSubstr("from the file")));
  const auto from_file = alerter_config(config, secrets("k3y", "f1le\n"), "host", "1");
  EXPECT_EQ(body(from_file->targets.at(0), notification(false))["routing_key"], "f1le");
  EXPECT_EQ(body(from_file->targets.at(0), notification(false))["payload"]["source"], "host");
}

TEST(Settings, MistakesNameTheirSetting) {
  config::Config config;
  config.alerts.webhook_url = "host/secret";
  const auto wrong = alerter_config(config, secrets(std::nullopt), "host", "1");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().message, AllOf(HasSubstr("alerts.webhook_url"), Not(HasSubstr("secret"))));
  config = {};
  config.alerts.session_open_minutes = 960;
  EXPECT_EQ(alerter_config(config, secrets(std::nullopt), "host", "1").error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace tapeline::alerting
