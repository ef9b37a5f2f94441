#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "book/book_comparison.h"
#include "book/book_record.h"
#include "book/event_makers.h"
#include "book/order_books.h"
#include "book/plain_book.h"

namespace tapeline::book {
namespace {

constexpr std::size_t bytes_an_event = 5;

// Few references, prices and books, so that most events meet others. Half of the references share their lower
// halves, and the prices include both ends of their range.
std::uint64_t ref_of(std::uint8_t byte) {
  return (byte & 31u) | std::uint64_t{byte >> 5 & 3u} << (byte & 128 ? 32 : 5);
}

std::uint32_t ticks_of(std::uint8_t byte) {
  static constexpr std::array<std::uint32_t, 4> ends{0, 1, 0xFFFF'FFFE, 0xFFFF'FFFF};
  return byte >= 252 ? ends[byte - 252u] : 1'000 + byte % 24u;
}

Event event_of(const std::uint8_t* b) {
  const Locate locate{static_cast<std::uint16_t>(b[0] >> 4 & 1)};
  const std::uint64_t ref = ref_of(b[1]);
  const Shares shares = b[2] % 16u;
  const std::uint32_t ticks = ticks_of(b[3]);
  const char side = b[0] & 32 ? 'B' : 'S';
  switch (b[0] & 15) {
    case 0:
    case 1:
    case 2:
    case 3: return make_add(locate, ref, side, shares, ticks);
    case 4: return make_attributed_add(locate, ref, side, shares, ticks, b[4] & 1 ? "GSCO" : "NITE");
    case 5: return make_reduction(EventKind::execute, locate, ref, shares, b[4]);
    case 6: return make_execute_with_price(locate, ref, shares, ticks, b[4] & 1 ? 'Y' : 'N', b[4]);
    case 7: return make_reduction(EventKind::cancel, locate, ref, shares);
    case 8:
    case 9: return make_reduction(EventKind::remove, locate, ref, 0);
    case 10:
    case 11:
    case 12: return make_replace(locate, ref, ref_of(b[4]), shares, ticks);
    case 13: return make_trading_action(locate, "HPQT"[b[4] & 3]);
    case 14: return make_add(locate, ref, static_cast<char>(b[4]), shares, ticks);
    default: break;
  }
  switch (b[4] & 3) {
    case 0: return make_hidden_trade(locate, side, shares, ticks, b[1]);
    case 1: return make_cross(locate, shares, ticks, 'O', b[1]);
    case 2: return make_event(EventKind::unknown, locate);
    default: return make_event(EventKind::malformed, locate);
  }
}

void agree(const std::string& difference, std::size_t message) {
  if (difference.empty()) return;
  std::fprintf(stderr, "message %zu: %s\n", message, difference.c_str());
  CHECK(difference.empty());
}

// Books that serve every input, since making new ones costs more than a thousand messages. Each input ends
// with an empty book of good quality, so that nothing but free lists and counters passes on to the next; an
// input that fails only after others is found again by running the corpus, not by itself.
struct AllBooks {
  OrderBooks stepped{{.expected_orders = 256, .max_blocks = 1 << 22}};
  OrderBooks batched{{.expected_orders = 256, .max_blocks = 1 << 22}};
  PlainBook plain;
};

void empty(AllBooks& books) {
  BookRecorder ignored;
  std::vector<Event> events;
  for (const Locate locate : {Locate{0}, Locate{1}}) {
    for (const Side side : {Side::bid, Side::ask}) {
      std::vector<LevelView> levels(books.plain.level_count(locate, side));
      books.plain.levels(locate, side, levels);
      for (const LevelView& level : levels)
        for (const OrderView& order : books.plain.queue(locate, side, level.price))
          events.push_back(make_reduction(EventKind::remove, locate, raw(order.ref), 0));
    }
    events.push_back(make_trading_action(locate, 'T'));
  }
  books.stepped.apply(events, ignored);
  books.batched.apply(events, ignored);
  for (const Event& event : events) books.plain.apply(event, ignored);
  for (const Locate locate : {Locate{0}, Locate{1}}) {
    books.stepped.unmark(locate, Quality::suspect);
    books.batched.unmark(locate, Quality::suspect);
    books.plain.unmark(locate, Quality::suspect);
  }
  CHECK(books.stepped.live_orders() == 0 && books.batched.live_orders() == 0 &&
        books.plain.live_orders() == 0);
  CHECK(books.stepped.live_levels() == 0 && books.batched.live_levels() == 0);
}

void run(const std::uint8_t* data, std::size_t size) {
  static AllBooks books;
  std::vector<Event> events;
  for (std::size_t at = 0; at + bytes_an_event <= size; at += bytes_an_event) {
    events.push_back(event_of(data + at));
    events.back().sequence = Sequence{events.size()};
    events.back().time = EventTime{events.size() * 10};
  }
  BookRecorder plain_calls;
  BookRecorder stepped_calls;
  std::size_t told = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    stepped_calls.clear();
    books.stepped.apply(std::span(events).subspan(i, 1), stepped_calls);
    books.plain.apply(events[i], plain_calls);
    const auto calls = std::span(plain_calls.records()).subspan(told);
    agree(find_difference(stepped_calls.records(), calls), i);
    agree(find_difference(books.stepped, books.plain, events[i].locate, calls), i);
    told = plain_calls.records().size();
  }
  // The same events once more as one batch, for what the look-ahead does.
  BookRecorder batched_calls;
  books.batched.apply(events, batched_calls);
  agree(find_difference(batched_calls.records(), plain_calls.records()), events.size());
  for (const Locate locate : {Locate{0}, Locate{1}})
    agree(find_difference(books.batched, books.plain, locate, plain_calls.records()), events.size());
  // It looks at all 65,536 books, which takes longer than an input. The first input of a process is among
  // those that are looked at, so that one run again by itself is.
  static unsigned inputs = 0;
  if (inputs++ % 64 == 0) {
    agree(books.stepped.find_inconsistency(), events.size());
    agree(books.batched.find_inconsistency(), events.size());
  }
  empty(books);
}

}  // namespace
}  // namespace tapeline::book

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tapeline::book::run(data, size);
  return 0;
}
