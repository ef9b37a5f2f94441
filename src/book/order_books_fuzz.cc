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

// The same events once more as one batch, for what the look-ahead does.
void run_as_batch(std::span<const Event> events, const PlainBook& plain,
                  std::span<const BookRecord> plain_calls, const OrderBooksConfig& config) {
  OrderBooks fast(config);
  BookRecorder calls;
  fast.apply(events, calls);
  agree(find_difference(calls.records(), plain_calls), events.size());
  agree(find_any_difference(fast, plain), events.size());
  agree(fast.find_inconsistency(), events.size());
}

void run(const std::uint8_t* data, std::size_t size) {
  const OrderBooksConfig config{.expected_orders = 256, .max_blocks = 4'096};
  std::vector<Event> events;
  for (std::size_t at = 0; at + bytes_an_event <= size; at += bytes_an_event) {
    events.push_back(event_of(data + at));
    events.back().sequence = Sequence{events.size()};
    events.back().time = EventTime{events.size() * 10};
  }
  if (events.empty()) return;
  OrderBooks fast(config);
  PlainBook plain;
  BookRecorder all_plain_calls;
  BookRecorder fast_calls;
  std::size_t told = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    fast_calls.clear();
    fast.apply(std::span(events).subspan(i, 1), fast_calls);
    plain.apply(events[i], all_plain_calls);
    const auto plain_calls = std::span(all_plain_calls.records()).subspan(told);
    agree(find_difference(fast_calls.records(), plain_calls), i);
    agree(find_difference(fast, plain, events[i].locate, plain_calls), i);
    told = all_plain_calls.records().size();
  }
  agree(fast.find_inconsistency(), events.size());
  agree(find_any_difference(fast, plain), events.size());
  run_as_batch(events, plain, all_plain_calls.records(), config);
}

}  // namespace
}  // namespace tapeline::book

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tapeline::book::run(data, size);
  return 0;
}
