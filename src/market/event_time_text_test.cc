#include "market/event_time_text.h"

#include <gtest/gtest.h>

namespace tapeline {
namespace {

constexpr std::uint64_t half_past_nine = (9 * 60 + 30) * 60 * nanoseconds_per_second;

TEST(EventTimeText, ReadsWhatPeopleWrite) {
  EXPECT_EQ(parse_event_time("09:30"), EventTime{half_past_nine});
  EXPECT_EQ(parse_event_time("09:30:00"), EventTime{half_past_nine});
  EXPECT_EQ(parse_event_time("09:30:01.5"), EventTime{half_past_nine + 1'500'000'000});
  EXPECT_EQ(parse_event_time("09:30:00.000000001"), EventTime{half_past_nine + 1});
  EXPECT_EQ(parse_event_time("00:00"), EventTime{0});
  EXPECT_EQ(parse_event_time("23:59:59.999999999"), EventTime{nanoseconds_per_day - 1});
  EXPECT_EQ(parse_event_time("24:00"), EventTime{nanoseconds_per_day});
}

TEST(EventTimeText, RefusesEverythingElse) {
  for (const char* text :
       {"", "9:30", "09", "09:", "09:3", "0930", "09:60", "09:30:60", "09:30:", "09:30:0", "09:30:00.",
        "09:30:00.1234567890", "09:30:00,5", "09:30:00.5s", "-9:30", "24:00:00.000000001", "99:00", " 09:30"})
    EXPECT_FALSE(parse_event_time(text).has_value()) << text;
}

TEST(EventTimeText, WritesAllNineDigits) {
  EXPECT_EQ(event_time_text(EventTime{0}), "00:00:00.000000000");
  EXPECT_EQ(event_time_text(EventTime{half_past_nine + 60'000'000'007}), "09:31:00.000000007");
  EXPECT_EQ(event_time_text(EventTime{nanoseconds_per_day + 1}), "24:00:00.000000001");
}

TEST(EventTimeText, ReadsBackWhatItWrites) {
  for (std::uint64_t time = 0; time < nanoseconds_per_day; time += 7'777'777'777'777)
    EXPECT_EQ(parse_event_time(event_time_text(EventTime{time})), EventTime{time});
}

}  // namespace
}  // namespace tapeline
