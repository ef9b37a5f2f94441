#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "book/book_record.h"
#include "book/event_makers.h"
#include "book/order_books.h"
#include "book/plain_book.h"

namespace tapeline::book {
namespace {

using Words = std::vector<std::string>;

// Thrown by what reads a scenario; the runner adds file and line.
struct BadScenario {
  std::string text;
};

std::uint64_t number(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size())
    throw BadScenario{fmt::format("'{}' is no number", text)};
  return value;
}

// "10.5" dollars to ticks, exactly.
std::uint32_t ticks(std::string_view text) {
  if (text == "-") return 0;
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string fraction(text.substr(std::min(point + 1, text.size())));
  if (fraction.size() > 4) throw BadScenario{fmt::format("'{}' has more than four decimals", text)};
  fraction.resize(4, '0');
  return static_cast<std::uint32_t>(number(text.substr(0, point)) * Price::per_dollar + number(fraction));
}

Side side_of(std::string_view text) {
  if (text != "B" && text != "S") throw BadScenario{fmt::format("'{}' is no side", text)};
  return text == "B" ? Side::bid : Side::ask;
}

std::uint64_t counter(const BookCounters& counters, std::string_view name) {
  static const std::map<std::string_view, std::uint64_t BookCounters::*> all{
      {"unknown_order", &BookCounters::unknown_order},
      {"overfill", &BookCounters::overfill},
      {"duplicate_ref", &BookCounters::duplicate_ref},
      {"invalid_field", &BookCounters::invalid_field},
      {"crossed", &BookCounters::crossed},
      {"locked", &BookCounters::locked},
      {"unknown_message", &BookCounters::unknown_message},
      {"malformed_message", &BookCounters::malformed_message},
      {"over_capacity", &BookCounters::over_capacity}};
  const auto found = all.find(name);
  if (found == all.end()) throw BadScenario{fmt::format("there is no counter '{}'", name)};
  return counters.*found->second;
}

void apply_to(OrderBooks& books, const Event& event, BookRecorder& calls) {
  books.apply(std::span(&event, 1), calls);
}
void apply_to(PlainBook& books, const Event& event, BookRecorder& calls) {
  books.apply(event, calls);
}

std::string join(const Words& words, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < words.size(); ++i) text += (text.empty() ? "" : " ") + words[i];
  return text;
}

// Runs one scenario through one kind of books. Each expectation is answered in the words of the scenario, so
// that a failure shows two lines to compare.
template <class Books>
class Scenario {
 public:
  explicit Scenario(Books& books) : books_(books) {}

  // Empty, or what is wrong with the line.
  std::string run(const Words& words) {
    if (words[0] == "reset") {
      books_.reset();
      return {};
    }
    if (words[0] != "expect") {
      Event event = event_of(words);
      event.sequence = Sequence{++sequence_};
      event.time = EventTime{sequence_ * 1'000'000};
      apply_to(books_, event, calls_);
      return {};
    }
    const std::string expected = normal(words);
    const std::string actual = answer(words);
    return actual == expected ? "" : fmt::format("expected '{}', the book says '{}'", expected, actual);
  }

 private:
  static const std::string& word(const Words& words, std::size_t at) {
    if (at >= words.size()) throw BadScenario{"the line is too short"};
    return words[at];
  }

  Locate locate_of(const std::string& symbol) {
    const auto next = static_cast<std::uint16_t>(locates_.size() + 1);
    return locates_.try_emplace(symbol, Locate{next}).first->second;
  }

  Event event_of(const Words& words) {
    const std::string& kind = words[0];
    const std::string& symbol = word(words, 1);
    const Locate locate = locate_of(symbol);
    const auto at = [&](std::size_t i) { return number(word(words, i)); };
    const auto shares = [&](std::size_t i) { return static_cast<Shares>(at(i)); };
    const auto price = [&](std::size_t i) { return ticks(word(words, i)); };
    const auto letter = [&](std::size_t i) { return word(words, i)[0]; };
    if (kind == "add") {
      Event event = make_add(locate, at(2), letter(3), shares(4), price(5), symbol);
      if (words.size() > 6) event.attribution = Mpid(words[6]);
      return event;
    }
    if (kind == "execute") return make_reduction(EventKind::execute, locate, at(2), shares(3), at(4));
    if (kind == "execute_with_price")
      return make_execute_with_price(locate, at(2), shares(3), price(4), letter(5), at(6));
    if (kind == "cancel") return make_reduction(EventKind::cancel, locate, at(2), shares(3));
    if (kind == "delete") return make_reduction(EventKind::remove, locate, at(2), 0);
    if (kind == "replace") return make_replace(locate, at(2), at(3), shares(4), price(5));
    if (kind == "trade") return make_hidden_trade(locate, letter(2), shares(3), price(4), at(5), symbol);
    if (kind == "cross") return make_cross(locate, at(2), price(3), letter(4), at(5), symbol);
    if (kind == "broken") return make_reduction(EventKind::broken_trade, locate, 0, 0, at(2));
    if (kind == "state") return make_trading_action(locate, letter(2), symbol);
    if (kind == "unknown") return make_event(EventKind::unknown, locate);
    if (kind == "malformed") return make_event(EventKind::malformed, locate);
    throw BadScenario{fmt::format("there is no event '{}'", kind)};
  }

  // The expectation with numbers and prices in their one spelling.
  static std::string normal(const Words& words) {
    Words out(words.begin() + 1, words.end());
    for (std::string& text : out) {
      if (text.starts_with("0x")) text = std::to_string(number(text));
      if (text.find('.') != std::string::npos) text = price_text(Price{ticks(text)});
    }
    return join(out, 0);
  }
  static std::string price_text(Price price) {
    return fmt::format("{}.{:04}", price.ticks / Price::per_dollar, price.ticks % Price::per_dollar);
  }

  std::string answer(const Words& words) {
    const std::string& what = word(words, 1);
    if (what == "no_trade" || what == "no_change") {
      const auto* next = next_call(what == "no_trade" ? BookRecord::Kind::trade : BookRecord::Kind::order);
      return next == nullptr ? what : to_string(*next);
    }
    if (what == "counter")
      return fmt::format("counter {} {}", word(words, 2), counter(books_.counters(), words[2]));
    if (what == "live") return fmt::format("live {} {}", books_.live_orders(), books_.live_levels());
    if (what == "bbo_changes") return fmt::format("bbo_changes {}", count_bbo_changes());
    if (what == "trade") return trade_text();
    if (what == "change") return change_text();
    const Locate locate = locate_of(word(words, 2));
    const std::string head = what + " " + words[2];
    if (what == "bids") return head + ladder_text(locate, Side::bid);
    if (what == "asks") return head + ladder_text(locate, Side::ask);
    if (what == "bbo") return head + bbo_text(locate);
    if (what == "quality") return head + fmt::format(" {}", tapeline::to_string(books_.quality(locate)));
    if (what == "queue")
      return head + queue_text(locate, side_of(word(words, 3)), Price{ticks(word(words, 4))});
    const OrderRef ref{number(word(words, 3))};
    if (what == "position") return head + position_text(locate, ref);
    if (what == "order") return head + order_text(locate, ref);
    if (what == "gone")
      return books_.find_order(locate, ref) ? "it rests" : fmt::format("{} {}", head, raw(ref));
    throw BadScenario{fmt::format("nothing answers 'expect {}'", what)};
  }

  std::string ladder_text(Locate locate, Side side) {
    std::vector<LevelView> levels(books_.level_count(locate, side));
    books_.levels(locate, side, levels);
    std::string text = levels.empty() ? " -" : "";
    for (const LevelView& level : levels)
      text += fmt::format(" {} {} {}", price_text(level.price), level.shares, level.orders);
    return text;
  }

  std::string bbo_text(Locate locate) {
    const Bbo bbo = books_.bbo(locate);
    return fmt::format(" {} {} {} {}", bbo.bid_shares == 0 ? "-" : price_text(bbo.bid), bbo.bid_shares,
                       bbo.ask_shares == 0 ? "-" : price_text(bbo.ask), bbo.ask_shares);
  }

  std::string queue_text(Locate locate, Side side, Price price) {
    const std::vector<OrderView> queue = books_.queue(locate, side, price);
    std::string text = fmt::format(" {} {}", side == Side::bid ? 'B' : 'S', price_text(price));
    for (const OrderView& order : queue) text += fmt::format(" {} {}", raw(order.ref), order.shares);
    return queue.empty() ? text + " -" : text;
  }

  std::string position_text(Locate locate, OrderRef ref) {
    const auto position = books_.queue_position(locate, ref);
    if (!position) return " does not rest";
    return fmt::format(" {} {} {} {} {}", raw(ref), position->orders_ahead, position->shares_ahead,
                       position->orders, position->shares);
  }

  std::string order_text(Locate locate, OrderRef ref) {
    const auto order = books_.find_order(locate, ref);
    if (!order) return " does not rest";
    std::string text = fmt::format(" {} {} {} {}", raw(ref), order->side == Side::bid ? 'B' : 'S',
                                   order->shares, price_text(order->price));
    return order->attribution.view().empty() ? text : text + fmt::format(" {}", order->attribution.view());
  }

  // The next call of this kind that no expectation has asked for yet.
  const BookRecord* next_call(BookRecord::Kind kind) {
    std::size_t& at = asked_[kind];
    while (at < calls_.records().size() && calls_.records()[at].kind != kind) ++at;
    return at < calls_.records().size() ? &calls_.records()[at] : nullptr;
  }

  unsigned count_bbo_changes() {
    unsigned count = 0;
    for (; next_call(BookRecord::Kind::bbo) != nullptr; ++asked_[BookRecord::Kind::bbo]) ++count;
    return count;
  }

  std::string symbol_of(Locate locate) const {
    for (const auto& [symbol, known] : locates_)
      if (known == locate) return symbol;
    return "?";
  }

  std::string trade_text() {
    const BookRecord* next = next_call(BookRecord::Kind::trade);
    if (next == nullptr) return "no trade";
    ++asked_[BookRecord::Kind::trade];
    static constexpr std::array<std::string_view, 3> kinds{"displayed", "hidden", "cross"};
    const TradeReport& trade = next->trade;
    std::string text = fmt::format("trade {} {} {} {} {}", symbol_of(next->locate),
                                   kinds[static_cast<std::size_t>(trade.kind)], trade.shares,
                                   price_text(trade.price), raw(trade.match));
    if (trade.kind != TradeKind::cross) text += trade.resting_side == Side::bid ? " resting B" : " resting S";
    return trade.printable ? text : text + " silent";
  }

  std::string change_text() {
    const BookRecord* next = next_call(BookRecord::Kind::order);
    if (next == nullptr) return "no change";
    ++asked_[BookRecord::Kind::order];
    return fmt::format("change {} {} {} {}", symbol_of(next->locate), raw(next->order.ref),
                       next->order.before, next->order.after);
  }

  Books& books_;
  BookRecorder calls_;
  std::map<std::string, Locate> locates_;
  std::map<BookRecord::Kind, std::size_t> asked_;
  std::uint64_t sequence_ = 0;
};

std::vector<std::filesystem::path> scenario_files() {
  std::vector<std::filesystem::path> files;
  const char* root = std::getenv("TAPELINE_SOURCE_DIR");
  if (root == nullptr) return files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(root) / "tests/scenarios"))
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

template <class Books>
void run_file(const std::filesystem::path& file, Books& books) {
  Scenario<Books> scenario(books);
  std::ifstream in(file);
  std::string line;
  unsigned expectations = 0;
  for (unsigned line_number = 1; std::getline(in, line); ++line_number) {
    std::istringstream text(line.substr(0, line.find('#')));
    const Words words{std::istream_iterator<std::string>(text), {}};
    if (words.empty()) continue;
    expectations += words[0] == "expect";
    std::string wrong;
    try {
      wrong = scenario.run(words);
    } catch (const BadScenario& bad) {
      wrong = "the scenario cannot be read: " + bad.text;
    }
    EXPECT_EQ(wrong, "") << file.string() << ":" << line_number << ": " << line;
  }
  EXPECT_GT(expectations, 0u) << file.string() << " expects nothing";
}

class BookScenarios : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("TAPELINE_SOURCE_DIR") == nullptr)
      GTEST_SKIP()
          << "TAPELINE_SOURCE_DIR is not set: ctest sets it to the folder that holds tests/scenarios";
    ASSERT_GE(scenario_files().size(), 12u);
  }
};

TEST_F(BookScenarios, HoldForTheFastBooks) {
  for (const auto& file : scenario_files()) {
    OrderBooks books({.expected_orders = 2'048, .max_blocks = 1 << 12});
    run_file(file, books);
    EXPECT_EQ(books.find_inconsistency(), "") << file;
  }
}

TEST_F(BookScenarios, HoldForThePlainBook) {
  for (const auto& file : scenario_files()) {
    PlainBook books;
    run_file(file, books);
  }
}

}  // namespace
}  // namespace tapeline::book
