#include <array>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/testing/shared_data.h"
#include "book/book_record.h"
#include "book/event_makers.h"
#include "book/order_books.h"

// Real order flow with a second opinion: LOBSTER rebuilt the same book from the same ITCH feed, and its file
// has the best levels after every event. Its files hold only what happened within those levels, so:
//
//   What rested before the first row carries references that were never added. The first row's levels are
//   each entered as one synthetic order, and what names an unknown reference acts on the synthetic order of
//   its price.
//
//   What happens below the visible levels is not told. So the size of a price is known after a row exactly if
//   the row shows it or shows a worse price: the horizon of a side is its worst visible price. Each row is
//   compared up to the horizon of the row before. A level beyond that was out of sight one event ago and
//   cannot be known: it is exempt, and entered as the row shows it. Orders that fall out of sight are
//   forgotten for the same reason.
//
// The one rule exempts levels by what was visible before, never by whether they match.

namespace tapeline::book {
namespace {

constexpr Locate locate{1};

struct Row {
  std::array<std::vector<LevelView>, 2> sides;  // Best first; what is not occupied is left out.
  std::array<bool, 2> full;                     // All levels are occupied: there may be more below.
};

struct Counts {
  std::size_t rows = 0;
  std::size_t comparisons = 0;
  std::size_t matched = 0;
  std::size_t exempt = 0;
  std::size_t beyond_horizon = 0;  // Messages for prices that no row had shown.
};

bool is_worse(Side side, Price price, Price than) {
  return side == Side::bid ? price < than : price > than;
}

std::vector<std::int64_t> numbers_in(std::string_view line, char separator) {
  std::vector<std::int64_t> numbers;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(separator), line.size());
    std::int64_t value = 0;
    std::from_chars(line.data(), line.data() + end, value);  // The time's decimals are not needed.
    numbers.push_back(value);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return numbers;
}

Row row_of(const std::vector<std::int64_t>& columns) {
  Row row{.sides = {}, .full = {true, true}};
  for (std::size_t i = 0; i + 3 < columns.size(); i += 4) {
    for (const Side side : {Side::ask, Side::bid}) {
      const std::size_t at = i + (side == Side::ask ? 0 : 2);
      const auto s = static_cast<std::size_t>(side);
      if (columns[at + 1] == 0)
        row.full[s] = false;
      else
        row.sides[s].push_back(
            {Price{static_cast<std::uint32_t>(columns[at])}, 0, static_cast<std::uint64_t>(columns[at + 1])});
    }
  }
  return row;
}

class Replay {
 public:
  // Takes the row over: what it shows beyond the horizon is entered, what lies below it is forgotten.
  void learn(const Row& row) {
    for (const Side side : {Side::bid, Side::ask}) {
      const auto s = static_cast<std::size_t>(side);
      for (const LevelView& level : row.sides[s])
        if (!known(side, level.price)) enter(side, level.price, static_cast<Shares>(level.shares));
      horizon_[s] = row.full[s] ? row.sides[s].back().price : Price{side == Side::bid ? 0 : 0xFFFF'FFFF};
      has_horizon_[s] = true;
      forget_beyond(side);
    }
  }

  void apply_message(const std::vector<std::int64_t>& m) {
    constexpr std::size_t type = 1, reference = 2, size = 3, price = 4, direction = 5;
    const Side side = m[direction] == 1 ? Side::bid : Side::ask;
    const auto shares = static_cast<Shares>(m[size]);
    const Price at{static_cast<std::uint32_t>(m[price])};
    auto ref = static_cast<std::uint64_t>(m[reference]);
    if (m[type] == 7)
      return apply(make_trading_action(locate, m[price] == -1 ? 'H' : m[price] == 0 ? 'Q' : 'T'));
    if (m[type] == 5)
      return apply(make_hidden_trade(locate, side == Side::bid ? 'B' : 'S', shares, at.ticks, 0));
    if (m[type] == 1) return apply(make_add(locate, ref, side == Side::bid ? 'B' : 'S', shares, at.ticks));
    const bool is_synthetic = !books_.find_order(locate, OrderRef{ref}).has_value();
    if (is_synthetic) {
      if (!known(side, at)) {
        ++counts_.beyond_horizon;
        return;
      }
      ref = synthetic_ref(side, at);
    }
    if (m[type] == 4) return apply(make_reduction(EventKind::execute, locate, ref, shares, 0));
    // A deleted order leaves the rest of its synthetic one alone; its size is in the message.
    if (m[type] == 2 || is_synthetic) return apply(make_reduction(EventKind::cancel, locate, ref, shares));
    EXPECT_EQ(books_.find_order(locate, OrderRef{ref})->shares, shares) << "the size of a deleted order";
    apply(make_reduction(EventKind::remove, locate, ref, 0));
  }

  // Empty, or the first level that differs.
  std::string compare(const Row& row) {
    ++counts_.rows;
    std::string wrong;
    std::array<LevelView, 16> ours;
    for (const Side side : {Side::bid, Side::ask}) {
      const std::vector<LevelView>& theirs = row.sides[static_cast<std::size_t>(side)];
      const std::size_t count = books_.levels(locate, side, ours);
      for (std::size_t i = 0; i < theirs.size(); ++i) {
        if (!known(side, theirs[i].price)) {
          ++counts_.exempt;
          continue;
        }
        ++counts_.comparisons;
        if (i < count && ours[i].price == theirs[i].price && ours[i].shares == theirs[i].shares)
          ++counts_.matched;
        else if (wrong.empty())
          wrong = fmt::format("{} level {}: LOBSTER {} x {}, ours {} x {}", side == Side::bid ? "bid" : "ask",
                              i + 1, theirs[i].price.ticks, theirs[i].shares,
                              i < count ? ours[i].price.ticks : 0, i < count ? ours[i].shares : 0);
      }
    }
    return wrong;
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const OrderBooks& books() const { return books_; }

 private:
  [[nodiscard]] bool known(Side side, Price price) const {
    const auto s = static_cast<std::size_t>(side);
    return has_horizon_[s] && !is_worse(side, price, horizon_[s]);
  }

  static std::uint64_t synthetic_ref(Side side, Price price) {
    return std::uint64_t{1} << 62 | std::uint64_t{price.ticks} << 1 | static_cast<std::uint64_t>(side);
  }

  void apply(const Event& event) { books_.apply(std::span(&event, 1), quiet_); }

  void clear(Side side, Price price) {
    for (const OrderView& order : books_.queue(locate, side, price))
      apply(make_reduction(EventKind::remove, locate, raw(order.ref), 0));
  }

  void enter(Side side, Price price, Shares shares) {
    clear(side, price);
    apply(make_add(locate, synthetic_ref(side, price), side == Side::bid ? 'B' : 'S', shares, price.ticks));
  }

  void forget_beyond(Side side) {
    std::vector<LevelView> levels(books_.level_count(locate, side));
    books_.levels(locate, side, levels);
    for (const LevelView& level : levels)
      if (!known(side, level.price)) clear(side, level.price);
  }

  OrderBooks books_{{.expected_orders = 2'048, .max_blocks = 1 << 16}};
  NullBookHandler quiet_;
  std::array<Price, 2> horizon_{};
  std::array<bool, 2> has_horizon_{};
  Counts counts_;
};

void replay(const std::string& name, const std::string& levels, char row_separator) {
  const auto message_path =
      tapeline::testing::find_shared_data("lobster/" + name + "_message_" + levels + ".csv");
  const auto row_path =
      tapeline::testing::find_shared_data("lobster/" + name + "_orderbook_" + levels + ".csv");
  if (!message_path || !row_path) GTEST_SKIP() << "the LOBSTER sample is not there: set TAPELINE_SHARED_DATA";
  std::ifstream messages(*message_path);
  std::ifstream rows(*row_path);
  std::string message;
  std::string row_text;
  Replay replay;
  for (std::size_t number = 1; std::getline(messages, message) && std::getline(rows, row_text); ++number) {
    const Row row = row_of(numbers_in(row_text, row_separator));
    if (number > 1) {
      replay.apply_message(numbers_in(message, ','));
      ASSERT_EQ(replay.compare(row), "") << name << ", row " << number << ", message " << message;
    }
    replay.learn(row);
  }
  const Counts& counts = replay.counts();
  std::cout << fmt::format(
      "{}: {} rows after the first, {} level comparisons, {} matched, {} exempt, {} messages beyond "
      "the horizon\n",
      name, counts.rows, counts.comparisons, counts.matched, counts.exempt, counts.beyond_horizon);
  EXPECT_GT(counts.rows, 0u);
  EXPECT_EQ(counts.matched, counts.comparisons);
  EXPECT_EQ(replay.books().find_inconsistency(), "");
  EXPECT_EQ(replay.books().counters(), BookCounters{}) << "real flow contradicts the book";
}

TEST(Lobster, AgreesOnTenLevelsOfApple) {
  replay("AAPL_2012-06-21_34200000_57600000", "10", ',');
}

}  // namespace
}  // namespace tapeline::book
