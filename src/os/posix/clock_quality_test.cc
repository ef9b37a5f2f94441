#include "os/clock_quality.h"

#include <chrono>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapeline::os {
namespace {

using ::testing::HasSubstr;

constexpr const char* tracking =
    "C0A80001,192.168.0.1,3,1700000000.123456789,-0.000001500,-0.0000012,0.000005,-12.3,0.001,0.05,0."
    "001200000,"
    "0.000300000,64.2,Normal\n";
constexpr const char* time_status =
    "sending: GET TIME_STATUS_NP\n"
    "\t507c6f.fffe.123456-0 seq 0 RESPONSE MANAGEMENT TIME_STATUS_NP \n"
    "\t\tmaster_offset              -142\n"
    "\t\tingress_time               1700000000000000000\n"
    "\t\tgmPresent                  true\n"
    "\t\tgmIdentity                 507c6f.fffe.123456\n";
constexpr KernelClock steered{
    .readable = true, .synchronised = true, .max_error_us = 1'500, .estimated_error_us = 20};

// Answers by the name of the program.
class FakeRunner : public CommandRunner {
 public:
  std::optional<std::string> run(std::span<const char* const> arguments) override {
    const auto found = answers.find(arguments[0]);
    return found == answers.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, std::string> answers;
};

TEST(ClockQuality, ChronyBoundIsOffsetDispersionAndHalfTheDelay) {
  const auto quality = parse_chrony_tracking(tracking);
  ASSERT_TRUE(quality);
  EXPECT_EQ(quality->source, ClockSource::chrony);
  EXPECT_TRUE(quality->synchronised);
  EXPECT_EQ(quality->error_bound_ns, 1'500 + 300'000 + 600'000);
  EXPECT_THAT(quality->detail, HasSubstr("192.168.0.1"));
}

TEST(ClockQuality, ChronyWithoutASourceHasNoBound) {
  std::string text = tracking;
  text.replace(text.find("Normal"), 6, "Not synchronised");
  const auto quality = parse_chrony_tracking(text);
  ASSERT_TRUE(quality);
  EXPECT_FALSE(quality->synchronised);
  EXPECT_FALSE(quality->error_bound_ns);
}

TEST(ClockQuality, WhatIsNoAnswerOfChrony) {
  for (const char* text : {"", "506 Cannot talk to daemon\n", "a,b,c", ",,,,,,,,,,,,,", ",,,,,,,,,,,,,,",
                           "x,y,3,1,nan,0,0,0,0,0,0,0,0,Normal", "x,y,3,1,1e300,0,0,0,0,0,0,0,0,Normal"})
    EXPECT_FALSE(parse_chrony_tracking(text)) << text;
}

TEST(ClockQuality, PtpOffset) {
  const auto quality = parse_ptp_time_status(time_status);
  ASSERT_TRUE(quality);
  EXPECT_TRUE(quality->synchronised);
  EXPECT_EQ(quality->error_bound_ns, 142);
  EXPECT_THAT(quality->detail, HasSubstr("507c6f.fffe.123456"));
}

TEST(ClockQuality, WhatIsNoAnswerOfPtp) {
  for (const char* text : {"", "sending: GET TIME_STATUS_NP\n", "master_offset 1\n", "gmPresent true\n",
                           "master_offset x\ngmPresent true\n", "master_offsets 1\ngmPresent true\n",
                           "master_offset -9223372036854775808\ngmPresent true"})
    EXPECT_FALSE(parse_ptp_time_status(text)) << text;
}

TEST(ClockQuality, TheFirstThatIsSynchronisedIsTaken) {
  FakeRunner runner;
  EXPECT_EQ(read_clock_quality(runner, {}).source, ClockSource::none);
  EXPECT_EQ(read_clock_quality(runner, steered).error_bound_ns, 1'500'000);
  runner.answers["chronyc"] = tracking;
  EXPECT_EQ(read_clock_quality(runner, steered).source, ClockSource::chrony);
  runner.answers["pmc"] = time_status;
  EXPECT_EQ(read_clock_quality(runner, steered).source, ClockSource::ptp);
  runner.answers["pmc"] = "master_offset 5\ngmPresent false\n";
  EXPECT_EQ(read_clock_quality(runner, steered).source, ClockSource::chrony);
  runner.answers.erase("chronyc");
  EXPECT_EQ(read_clock_quality(runner, steered).source, ClockSource::kernel);
  const ClockQuality quality = read_clock_quality(runner, {.readable = true});
  EXPECT_EQ(quality.source, ClockSource::ptp);
  EXPECT_FALSE(quality.synchronised);
}

TEST(ClockQuality, TheMonitorAnswersAndStops) {
  FakeRunner runner;
  runner.answers["chronyc"] = tracking;
  ClockQualityMonitor monitor(runner, 3'600'000);
  while (monitor.latest().source == ClockSource::none) std::this_thread::yield();
  EXPECT_EQ(monitor.latest().source, ClockSource::chrony);
}

TEST(CommandRunner, OutputOfAProgram) {
  const auto runner = make_command_runner();
  constexpr std::array<const char*, 3> echo{"printf", "%s", "a b"};
  EXPECT_EQ(runner->run(echo), "a b");
}

TEST(CommandRunner, NothingOfOneThatFailsHangsOrIsNotThere) {
  const auto runner = make_command_runner(20);
  constexpr std::array<const char*, 1> fails{"false"};
  constexpr std::array<const char*, 1> absent{"tapeline-no-such-program"};
  constexpr std::array<const char*, 2> hangs{"sleep", "60"};
  EXPECT_EQ(runner->run(fails), std::nullopt);
  EXPECT_EQ(runner->run(absent), std::nullopt);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(runner->run(hangs), std::nullopt);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(CommandRunner, TheOutputIsBounded) {
  const auto runner = make_command_runner(30'000);
  constexpr std::array<const char*, 4> much{"head", "-c", "1000000", "/dev/zero"};
  EXPECT_EQ(runner->run(much)->size(), 64 * 1024);
}

}  // namespace
}  // namespace tapeline::os
