#include "simulation/simulation.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "event_log/journal/journal.h"
#include "feed/itch50/event_decoder.h"
#include "simulation/book_check.h"
#include "simulation/row_check.h"
#include "simulation/small_pages.h"

namespace tapeline::simulation {
namespace {

using ::testing::HasSubstr;

TEST(Simulation, HoldsForManySeeds) {
  use_small_pages();
  Report total;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Report report = simulate(seed);
    EXPECT_EQ(report.wrong, "") << "tapeline simulate --seed " << seed << " --verbose\n" << report.plan;
    total.add(report);
  }
  // What is never drawn is never checked.
  EXPECT_GT(total.crashes_at_disk, 100u);
  EXPECT_GT(total.power_losses, 50u);
  EXPECT_GT(total.clean_stops, 5u);
  EXPECT_GT(total.gave_up, 20u);
  EXPECT_GT(total.failed_starts, 50u);
  EXPECT_GT(total.exchange_restarts, 20u);
  EXPECT_GT(total.outages, 100u);
  EXPECT_GT(total.network.lost, 1'000u);
  EXPECT_GT(total.network.corrupted, 100u);
  EXPECT_GT(total.disk_errors, 1'000u);
  EXPECT_GT(total.lost_commits, 20u);
  EXPECT_GT(total.feed.lost, 1'000u);
  EXPECT_GT(total.feed.snapshots, 50u);
  EXPECT_GT(total.process.recovered_messages, 1'000u);
  EXPECT_GT(total.process.restored_keys, 1'000u);
  EXPECT_GT(total.process.rebuilds, 10u);
  EXPECT_GT(total.book_checks, 1'000u);
  EXPECT_GT(total.rows, 50'000u);
}

TEST(Simulation, IsTheSameEachTime) {
  use_small_pages();
  for (std::uint64_t seed = 500; seed < 530; ++seed) {
    std::string first;
    std::string second;
    SimulationOptions options;
    options.print = [&](std::string_view line) { first += std::string(line) + "\n"; };
    const Report a = simulate(seed, options);
    options.print = [&](std::string_view line) { second += std::string(line) + "\n"; };
    const Report b = simulate(seed, options);
    EXPECT_EQ(a.trace_hash, b.trace_hash);
    EXPECT_EQ(a.digest, b.digest);
    EXPECT_EQ(first, second);
    EXPECT_NE(simulate(seed + 1).trace_hash, a.trace_hash);
  }
}

// ---- The checks fail where something is wrong.

// Of the first seeds, how many runs tell of this after the harm was done to them.
int count_found(Sabotage sabotage, const std::string& what, std::uint64_t seeds) {
  use_small_pages();
  int found = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    found += simulate(seed, {.print = {}, .sabotage = sabotage}).wrong.find(what) != std::string::npos;
  return found;
}

TEST(SimulationChecks, FindRowsThatAreMissing) {
  EXPECT_GT(count_found(Sabotage::drop_rows, "missing", 30), 10);
}

TEST(SimulationChecks, FindRowsThatAreThereTwice) {
  EXPECT_GT(count_found(Sabotage::double_rows, "written twice", 30), 10);
}

TEST(SimulationChecks, FindMessagesThatHaveChangedPlaces) {
  EXPECT_GT(count_found(Sabotage::swap_messages, "not the one that was published", 30) +
                count_found(Sabotage::swap_messages, "the book of", 30),
            10);
}

TEST(SimulationChecks, FindThatWhatWasSyncedIsLost) {
  EXPECT_GT(count_found(Sabotage::forget_synced, "was promised to stay", 60), 5);
}

TEST(SimulationChecks, FindThatNothingIsRecovered) {
  EXPECT_GT(count_found(Sabotage::drop_replies, "every one could be recovered", 60) +
                count_found(Sabotage::drop_replies, "it hangs", 60),
            3);
}

// A small session of one exchange, and books that have taken it in.
class BookCheckTest : public ::testing::Test {
 protected:
  BookCheckTest() : source_(market_, 1, 0), truth_(published_) {
    moldudp64::PacketBuilder packet(60'000);
    packet.start(session_, 1);
    for (int i = 0; i < 4; ++i) {
      const auto block = source_.next();
      std::span<const std::byte> rest = (*block)->bytes;
      while (!rest.empty()) {
        const std::size_t length = load_be<std::uint16_t>(rest.data());
        EXPECT_TRUE(packet.append(rest.subspan(2, length)));
        rest = rest.subspan(2 + length);
      }
    }
    published_.add(packet.bytes());
    state_.position = {session_, published_.sessions()[0].next_sequence(), true, false, false};
    take_in(1, state_.position.next_sequence);
  }

  void take_in(std::uint64_t first, std::uint64_t end) {
    book::NullBookHandler nobody;
    for (; first < end; ++first) {
      const std::span<const std::byte> frame = published_.sessions()[0].frame(first);
      std::vector<std::byte> bytes(frame.size() + decode_padding);
      std::ranges::copy(frame, bytes.begin());
      const std::span<const std::byte> message = std::span(bytes).first(frame.size());
      itch50::EventCursor cursor(message, Sequence{first}, CaptureTime{0});
      Event event;
      cursor.decode(std::span(&event, 1));
      books_.apply(std::span<const Event>(&event, 1), nobody);
    }
  }
  std::string check() { return check_books(books_, locates_of(market_, 1), state_, published_, truth_); }

  Market market_{.symbols = 5, .max_locate = 50, .live_orders = 60};
  moldudp64::Session session_{"S1"};
  MarketSource source_;
  Published published_;
  TrueBooks truth_;
  book::OrderBooks books_{{.expected_orders = 1 << 10, .max_blocks = 1 << 16}};
  FeedState state_;
};

TEST_F(BookCheckTest, FindsNothingWhereNothingIsWrong) {
  EXPECT_EQ(check(), "");
}

TEST_F(BookCheckTest, FindsABookThatLacksAMessage) {
  books_.reset();
  take_in(1, state_.position.next_sequence - 1);
  EXPECT_THAT(check(), HasSubstr("the book of locate"));
}

TEST_F(BookCheckTest, FindsAFlagThatIsMissing) {
  state_.gapped = true;
  EXPECT_THAT(check(), HasSubstr("messages are missing"));
  books_.mark_all(Quality::gapped);
  EXPECT_EQ(check(), "");
  state_.recovering = true;
  EXPECT_THAT(check(), HasSubstr("a recovery is going on"));
}

TEST_F(BookCheckTest, FindsAFlagThatNobodyKnowsTheReasonOf) {
  books_.mark(locates_of(market_, 1).front(), Quality::gapped);
  EXPECT_THAT(check(), HasSubstr("says gapped"));
}

TEST_F(BookCheckTest, FindsBooksAheadOfTheExchange) {
  ++state_.position.next_sequence;
  EXPECT_THAT(check(), HasSubstr("ahead of the exchange"));
}

}  // namespace
}  // namespace tapeline::simulation
