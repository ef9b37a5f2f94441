#include "stream/idle_strategy.h"

#include <gtest/gtest.h>

namespace tapeline::stream {
namespace {

TEST(IdleStrategy, ParksLongerAndLongerUntilThereIsWork) {
  IdleStrategy idle({.eager_turns = 2, .min_park_ns = 10, .max_park_ns = 35});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(idle.after_turn(true), 0u);
    EXPECT_EQ(idle.after_turn(false), 0u);
    EXPECT_EQ(idle.after_turn(false), 0u);
    EXPECT_EQ(idle.after_turn(false), 10u);
    EXPECT_EQ(idle.after_turn(false), 20u);
    EXPECT_EQ(idle.after_turn(false), 35u);
    EXPECT_EQ(idle.after_turn(false), 35u);
  }
}

TEST(IdleStrategy, SpinsOnlyWhenToldTo) {
  IdleStrategy idle({.mode = IdleMode::spin});
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(idle.after_turn(false), 0u);
}

TEST(DutyCycle, TellsBusyAndBehindTime) {
  DutyCycle duty;
  duty.note_turn(100, true, true);
  const DutyCycle::Totals first = duty.totals();
  EXPECT_EQ(first.busy_ratio(), 1.0);
  duty.note_turn(100, true, false);
  duty.note_turn(200, false, false);
  EXPECT_EQ(duty.totals().busy_ratio(), 0.5);
  EXPECT_EQ(duty.totals().back_pressure_ratio(), 0.25);
  EXPECT_EQ(duty.totals().since(first).back_pressure_ratio(), 0.0);
  EXPECT_EQ(DutyCycle().totals().busy_ratio(), 0.0);
}

}  // namespace
}  // namespace tapeline::stream
