#include "feed/itch50/event_decoder.h"

#include <cstring>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "feed/itch50/spec_layout.h"

namespace tapeline::itch50 {
namespace {

constexpr std::array<char, 23> all_types{'S', 'R', 'H', 'Y', 'L', 'V', 'W', 'K', 'J', 'h', 'A', 'F',
                                         'E', 'C', 'X', 'D', 'U', 'P', 'Q', 'B', 'I', 'N', 'O'};

std::size_t length_of(char type) {
  for (const SpecMessage& message : spec_messages())
    if (message.type == type) return message.length;
  return 0;
}

// The event of a message of numbered bytes; its fields are written over a pattern, so that none can be
// forgotten.
Event event_of(char type, std::size_t length) {
  const auto wire = numbered_bytes(type);
  Event event;
  std::memset(static_cast<void*>(&event), 0xEE, sizeof event);
  decode_event(wire.data(), length, Sequence{77}, CaptureTime{88}, event);
  return event;
}
Event event_of(char type) {
  return event_of(type, length_of(type));
}

std::string text_at(std::size_t offset, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += character_at(offset + i);
  return text;
}

template <std::size_t N>
std::string text_of(const FixedText<N>& text) {
  return {text.bytes.data(), N};
}

void expect_order(char type, EventKind kind, std::uint64_t ref, char code, std::uint64_t second,
                  Shares shares, std::uint32_t price, const std::string& symbol,
                  const std::string& attribution) {
  const Event event = event_of(type);
  EXPECT_EQ(event.kind, kind) << type;
  EXPECT_EQ(raw(event.order.ref), ref) << type;
  EXPECT_EQ(event.code, code) << type;
  EXPECT_EQ(event.order.second, second) << type;
  EXPECT_EQ(event.order.shares, shares) << type;
  EXPECT_EQ(event.order.price.ticks, price) << type;
  EXPECT_EQ(text_of(event.order.symbol), symbol) << type;
  EXPECT_EQ(text_of(event.attribution), attribution) << type;
}

const std::string no_symbol(8, '\0');
const std::string no_mpid(4, '\0');

TEST(EventDecoder, KeepsLocateTimeSequenceAndCaptureOfEveryMessage) {
  for (const char type : all_types) {
    const Event event = event_of(type);
    EXPECT_EQ(raw(event.locate), number_at(1, 2)) << type;
    EXPECT_EQ(raw(event.time), number_at(5, 6)) << type;
    EXPECT_EQ(event.sequence, Sequence{77}) << type;
    EXPECT_EQ(event.captured, CaptureTime{88}) << type;
  }
}

TEST(EventDecoder, FillsOrderAndTradeEvents) {
  const std::uint64_t ref = number_at(11, 8);
  expect_order('A', EventKind::add, ref, character_at(19), 0, number_at4(20), number_at4(32), text_at(24, 8),
               no_mpid);
  expect_order('F', EventKind::add, ref, character_at(19), 0, number_at4(20), number_at4(32), text_at(24, 8),
               text_at(36, 4));
  expect_order('E', EventKind::execute, ref, 0, number_at(23, 8), number_at4(19), 0, no_symbol, no_mpid);
  expect_order('C', EventKind::execute_with_price, ref, character_at(31), number_at(23, 8), number_at4(19),
               number_at4(32), no_symbol, no_mpid);
  expect_order('X', EventKind::cancel, ref, 0, 0, number_at4(19), 0, no_symbol, no_mpid);
  expect_order('D', EventKind::remove, ref, 0, 0, 0, 0, no_symbol, no_mpid);
  expect_order('U', EventKind::replace, ref, 0, number_at(19, 8), number_at4(27), number_at4(31), no_symbol,
               no_mpid);
  expect_order('P', EventKind::trade, ref, character_at(19), number_at(36, 8), number_at4(20), number_at4(32),
               text_at(24, 8), no_mpid);
  expect_order('B', EventKind::broken_trade, 0, 0, number_at(11, 8), 0, 0, no_symbol, no_mpid);
}

TEST(EventDecoder, FillsACross) {
  const Event event = event_of('Q');
  EXPECT_EQ(event.kind, EventKind::cross);
  EXPECT_EQ(event.code, character_at(39));
  EXPECT_EQ(event.cross.shares, number_at(11, 8));
  EXPECT_EQ(text_of(event.cross.symbol), text_at(19, 8));
  EXPECT_EQ(event.cross.price.ticks, number_at4(27));
  EXPECT_EQ(raw(event.cross.match), number_at(31, 8));
}

TEST(EventDecoder, FillsAnImbalance) {
  const Event event = event_of('I');
  EXPECT_EQ(event.kind, EventKind::imbalance);
  EXPECT_EQ(event.code, character_at(27));
  EXPECT_EQ(event.imbalance.paired_shares, number_at(11, 8));
  EXPECT_EQ(event.imbalance.imbalance_shares, number_at(19, 8));
  EXPECT_EQ(event.imbalance.far_price.ticks, number_at4(36));
  EXPECT_EQ(event.imbalance.near_price.ticks, number_at4(40));
  EXPECT_EQ(event.imbalance.reference_price.ticks, number_at4(44));
  EXPECT_EQ(event.imbalance.cross_type, character_at(48));
  EXPECT_EQ(event.imbalance.price_variation, character_at(49));
}

// The fields of a status event that are not named are zero.
struct Status {
  EventKind kind;
  char code = 0;
  std::string symbol = no_symbol;
  std::uint32_t price1 = 0, price2 = 0, price3 = 0, number = 0;
  std::string reason = no_mpid;
  std::string flags = no_mpid;
};

void expect_status(char type, const Status& expected) {
  const Event event = event_of(type);
  EXPECT_EQ(event.kind, expected.kind) << type;
  EXPECT_EQ(event.code, expected.code) << type;
  EXPECT_EQ(text_of(event.status.symbol), expected.symbol) << type;
  EXPECT_EQ(event.status.price1.ticks, expected.price1) << type;
  EXPECT_EQ(event.status.price2.ticks, expected.price2) << type;
  EXPECT_EQ(event.status.price3.ticks, expected.price3) << type;
  EXPECT_EQ(event.status.number, expected.number) << type;
  EXPECT_EQ(text_of(event.status.reason), expected.reason) << type;
  EXPECT_EQ(std::string(event.status.flags, 4), expected.flags) << type;
  EXPECT_EQ(text_of(event.attribution), no_mpid) << type;
}

TEST(EventDecoder, FillsStatusEvents) {
  const std::string stock = text_at(11, 8);
  const std::string no_stock(8, ' ');
  const std::string zeros(2, '\0');
  expect_status('S', {.kind = EventKind::system, .code = character_at(11), .symbol = no_stock});
  expect_status('R', {.kind = EventKind::directory,
                      .code = character_at(29),
                      .symbol = stock,
                      .number = number_at4(21),
                      .flags = {character_at(19), character_at(20), character_at(32), character_at(33)}});
  expect_status('H', {.kind = EventKind::trading_action,
                      .code = character_at(19),
                      .symbol = stock,
                      .reason = text_at(21, 4)});
  expect_status('Y', {.kind = EventKind::short_sale, .code = character_at(19), .symbol = stock});
  expect_status('L', {.kind = EventKind::participant,
                      .code = character_at(25),
                      .symbol = text_at(15, 8),
                      .reason = text_at(11, 4),
                      .flags = text_at(23, 2) + zeros});
  expect_status('W',
                {.kind = EventKind::circuit_breaker_status, .code = character_at(11), .symbol = no_stock});
  expect_status('K', {.kind = EventKind::ipo,
                      .code = character_at(23),
                      .symbol = stock,
                      .price1 = number_at4(24),
                      .number = number_at4(19)});
  expect_status('J', {.kind = EventKind::price_collar,
                      .symbol = stock,
                      .price1 = number_at4(19),
                      .price2 = number_at4(23),
                      .price3 = number_at4(27),
                      .number = number_at4(31)});
  expect_status('h', {.kind = EventKind::operational_halt,
                      .code = character_at(20),
                      .symbol = stock,
                      .flags = text_at(19, 1) + std::string(3, '\0')});
  expect_status('N', {.kind = EventKind::retail_interest, .code = character_at(19), .symbol = stock});
  expect_status('O', {.kind = EventKind::direct_listing,
                      .code = character_at(19),
                      .symbol = stock,
                      .price1 = number_at4(28),
                      .price2 = number_at4(44),
                      .price3 = number_at4(40)});
}

TEST(EventDecoder, FillsCircuitBreakerLevels) {
  const Event event = event_of('V');
  EXPECT_EQ(event.kind, EventKind::circuit_breaker_levels);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(event.circuit_breaker.level[i].ticks, number_at(11 + 8 * i, 8));
}

void expect_nothing_but_header(const Event& event, char type, std::size_t length) {
  EXPECT_EQ(event.code, 0) << type << ", length " << length;
  EXPECT_EQ(raw(event.order.ref), 0u) << type << ", length " << length;
  EXPECT_EQ(event.order.second, 0u) << type << ", length " << length;
  EXPECT_EQ(event.order.shares, 0u) << type << ", length " << length;
  EXPECT_EQ(event.order.price.ticks, 0u) << type << ", length " << length;
  EXPECT_EQ(text_of(event.order.symbol), no_symbol) << type << ", length " << length;
  EXPECT_EQ(text_of(event.attribution), no_mpid) << type << ", length " << length;
  EXPECT_EQ(event.sequence, Sequence{77});
  // What lies behind a short frame is another message's: neither locate nor time may come from there.
  EXPECT_EQ(raw(event.locate), length < 11 ? 0 : number_at(1, 2)) << type << ", length " << length;
  EXPECT_EQ(raw(event.time), length < 11 ? 0 : number_at(5, 6)) << type << ", length " << length;
}

TEST(EventDecoder, MakesAWrongLengthMalformed) {
  for (const char type : all_types) {
    for (std::size_t length = 1; length <= 64; ++length) {
      if (length == length_of(type)) continue;
      const Event event = event_of(type, length);
      EXPECT_EQ(event.kind, EventKind::malformed) << type << ", length " << length;
      expect_nothing_but_header(event, type, length);
    }
  }
}

TEST(EventDecoder, MakesAnUnknownTypeUnknown) {
  for (unsigned type = 0; type < 256; ++type) {
    if (length_of(static_cast<char>(type)) != 0) continue;
    for (const std::size_t length : {1u, 10u, 11u, 36u, 64u}) {
      const Event event = event_of(static_cast<char>(type), length);
      EXPECT_EQ(event.kind, EventKind::unknown) << type;
      expect_nothing_but_header(event, static_cast<char>(type), length);
    }
  }
}

// A MoldUDP64 block may be empty (MoldUDP64 1.00): it takes a sequence number and has no type.
TEST(EventDecoder, MakesAnEmptyFrameUnknownWhateverFollowsIt) {
  for (unsigned type = 0; type < 256; ++type) {
    const Event event = event_of(static_cast<char>(type), 0);
    EXPECT_EQ(event.kind, EventKind::unknown) << type;
    expect_nothing_but_header(event, static_cast<char>(type), 0);
  }
}

std::vector<std::byte> frames_of(std::span<const char> types) {
  std::vector<std::byte> frames;
  for (const char type : types) {
    const auto wire = numbered_bytes(type);
    frames.push_back(std::byte{0});
    frames.push_back(static_cast<std::byte>(length_of(type)));
    frames.insert(frames.end(), wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(length_of(type)));
  }
  return frames;
}

TEST(EventCursor, WalksFramesInBatchesOfAnySize) {
  std::vector<std::byte> frames = frames_of(all_types);
  const std::size_t size = frames.size();
  frames.resize(size + decode_padding);
  for (const std::size_t batch : {1u, 2u, 7u, 23u, 100u}) {
    EventCursor cursor({frames.data(), size}, Sequence{500}, CaptureTime{9});
    std::vector<Event> out(batch);
    std::size_t seen = 0;
    while (const std::size_t count = cursor.decode(out)) {
      for (std::size_t i = 0; i < count; ++i, ++seen) {
        EXPECT_EQ(out[i].sequence, Sequence{500 + seen});
        EXPECT_EQ(out[i].kind, event_of(all_types[seen]).kind);
      }
    }
    EXPECT_EQ(seen, all_types.size());
    EXPECT_EQ(cursor.remaining(), 0u);
  }
}

TEST(EventCursor, StopsBeforeAFrameThatIsCutOff) {
  const std::array<char, 3> types{'A', 'D', 'P'};
  std::vector<std::byte> frames = frames_of(types);
  const std::size_t whole = frames.size();
  frames.resize(whole + decode_padding);
  const std::size_t first_two = 2 + 36 + 2 + 19;
  for (std::size_t size = first_two; size < whole; ++size) {
    EventCursor cursor({frames.data(), size}, Sequence{1}, CaptureTime{0});
    std::array<Event, 8> out;
    EXPECT_EQ(cursor.decode(out), 2u) << size;
    EXPECT_EQ(cursor.decode(out), 0u);
    EXPECT_EQ(cursor.remaining(), size - first_two);
  }
}

}  // namespace
}  // namespace tapeline::itch50
