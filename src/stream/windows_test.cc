#include <array>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "stream/operator.h"
#include "stream/session_windows.h"
#include "stream/timer_grid.h"
#include "stream/windowed_state.h"

namespace tapeline::stream {
namespace {

struct Count {
  std::uint64_t records;
  bool in_window;
};

TEST(WindowedState, ClosesEachKeyOnceInOrder) {
  WindowedState<Count> state(100);
  state.open(EventTime{250});
  EXPECT_EQ(raw(state.next_timer()), 300u);
  for (const auto key : std::to_array<std::uint16_t>({9, 3, 9, 7})) ++state.touch(Locate{key}).records;
  std::vector<std::pair<std::uint16_t, std::uint64_t>> closed;
  const auto close = [&](Locate key, Count& count) {
    EXPECT_EQ(raw(state.window().start()), 200u);
    closed.emplace_back(raw(key), count.records);
    count = Count{};
  };
  state.advance(EventTime{299}, close);
  EXPECT_TRUE(closed.empty());
  state.advance(EventTime{730}, close);
  EXPECT_EQ(closed, (std::vector<std::pair<std::uint16_t, std::uint64_t>>{{3, 1}, {7, 1}, {9, 2}}));
  EXPECT_EQ(raw(state.window().start()), 700u);
  EXPECT_EQ(raw(state.next_timer()), 800u);
  state.advance(EventTime{1'000}, [](Locate, Count&) { FAIL() << "no key has a record in it"; });
}

TEST(WindowedState, BeginsAKeyWithItsFirstRecordOfEachWindow) {
  WindowedState<Count> state(10);
  int begun = 0;
  for (std::uint64_t time = 0; time < 50; time += 4) {
    state.advance(EventTime{time}, [](Locate, Count&) {});
    state.touch(Locate{1}, [&](Count&) { ++begun; });
  }
  EXPECT_EQ(begun, 5);
}

TEST(TimerGrid, FollowsFromTheWatermarkAlone) {
  TimerGrid grid(100);
  EXPECT_TRUE(grid.advance(EventTime{0}));
  EXPECT_FALSE(grid.advance(EventTime{99}));
  EXPECT_TRUE(grid.advance(EventTime{100}));
  EXPECT_TRUE(grid.advance(EventTime{777}));
  TimerGrid restored(100);
  restored.open(EventTime{777});
  EXPECT_EQ(grid.next(), restored.next());
  EXPECT_TRUE(grid.advance(end_of_time));
}

struct Total {
  std::uint64_t records;
};
struct Closed {
  std::uint16_t key;
  std::uint64_t first;
  std::uint64_t last;
  std::uint64_t records;
  auto operator<=>(const Closed&) const = default;
};
using Sessions = SessionWindows<Total>;

// Every record of a key within the gap of the one before is of its session, and no other one is.
TEST(SessionWindows, AreTheMaximalRunsWithoutAGap) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    constexpr std::uint64_t gap = 50;
    Sessions sessions(gap);
    std::vector<Closed> seen;
    const auto close = [&](Locate key, const Sessions::Session& session) {
      seen.push_back({raw(key), raw(session.first), raw(session.last), session.state.records});
    };
    std::map<std::uint16_t, std::vector<std::uint64_t>> times;
    std::uint64_t now = 1;
    for (int i = 0; i < 500; ++i) {
      now += random() % 3 == 0 ? random() % 120 : random() % 10;
      const auto key = static_cast<std::uint16_t>(1 + random() % 4);
      sessions.advance(EventTime{now}, close);
      ++sessions.touch(Locate{key}, EventTime{now}, close).state.records;
      times[key].push_back(now);
    }
    sessions.advance(end_of_time, close);
    std::vector<Closed> expected;
    for (const auto& [key, all] : times)
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (i == 0 || all[i] - all[i - 1] >= gap) expected.push_back({key, all[i], all[i], 0});
        expected.back().last = all[i];
        ++expected.back().records;
      }
    std::ranges::sort(seen);
    EXPECT_EQ(seen, expected);
  }
}

TEST(SessionWindows, LateDataFollowsItsPolicy) {
  Sessions sessions(50);
  std::vector<Closed> seen;
  const auto close = [&](Locate key, const Sessions::Session& session) {
    seen.push_back({raw(key), raw(session.first), raw(session.last), session.state.records});
  };
  const auto record = [&](std::uint64_t time) {
    ++sessions.touch(Locate{1}, EventTime{time}, close).state.records;
  };
  sessions.advance(EventTime{100}, close);
  record(100);
  record(90);  // Late: of the open session, and moves neither end.
  sessions.advance(EventTime{1'000}, close);
  record(120);  // Late for a closed one: a session of its own.
  sessions.advance(EventTime{1'050}, close);
  EXPECT_EQ(seen, (std::vector<Closed>{{1, 100, 100, 2}, {1, 120, 120, 1}}));
}

TEST(SessionWindows, GoOnFromStateSavedPerKey) {
  Sessions sessions(50);
  const auto none = [](Locate, const Sessions::Session&) { FAIL(); };
  sessions.advance(EventTime{100}, none);
  ++sessions.touch(Locate{4}, EventTime{100}, none).state.records;
  StateWriter writer;
  sessions.save_key(Locate{4}, writer);
  sessions.save_key(Locate{5}, writer);
  Sessions restored(50);
  restored.open(EventTime{100});
  StateReader reader(writer.bytes());
  restored.load_key(Locate{4}, reader);
  restored.load_key(Locate{5}, reader);
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(restored.next_timer(), sessions.next_timer());
  std::vector<Closed> seen;
  restored.advance(EventTime{150}, [&](Locate key, const Sessions::Session& session) {
    seen.push_back({raw(key), raw(session.first), raw(session.last), session.state.records});
  });
  EXPECT_EQ(seen, (std::vector<Closed>{{4, 100, 100, 1}}));
}

}  // namespace
}  // namespace tapeline::stream
