#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "market/types.h"

// The compact form of the stream's messages: docs/formats/websocket.md lays it out byte by byte. All integers
// are little-endian, floating-point numbers those of IEEE 754. Prices are in ten-thousandths of a dollar; 0
// is none.
namespace tapeline::serve {

// In front of each message; several may follow one another in a WebSocket message.
struct BinaryHeader {
  static constexpr std::uint16_t current_version = 1;
  static constexpr std::uint8_t snapshot = 0;
  static constexpr std::uint8_t delta = 1;

  std::uint32_t size;  // Of the message with this header, a multiple of 8.
  std::uint8_t table;  // StreamTable: 0 book, 1 bbo, 2 trades, 3 bars.
  std::uint8_t kind;
  std::uint16_t version;
  std::uint32_t id;
  std::uint32_t reserved;  // 0.
  std::uint64_t n;
  std::uint64_t sequence;
  std::uint64_t time_ns;
  FixedText<10> session;
  std::uint8_t quality;     // Of book and bbo: the flags of market/quality.h.
  char state;               // Of book and bbo: the letter of ITCH, 0 where it is unknown.
  std::uint32_t reserved2;  // 0.
  Symbol symbol;
};
static_assert(sizeof(BinaryHeader) == 64);

struct BinaryBook {
  std::uint64_t changes;
  std::uint32_t bid_count;  // Levels of the bid, best first, then those of the ask.
  std::uint32_t ask_count;
};
static_assert(sizeof(BinaryBook) == 16);

struct BinaryLevel {
  std::uint32_t price;
  std::uint32_t orders;
  std::uint64_t size;  // 0: the level is gone.
};
static_assert(sizeof(BinaryLevel) == 16);

struct BinaryBbo {
  std::uint64_t changes;
  std::uint32_t bid;
  std::uint32_t ask;
  std::uint64_t bid_size;
  std::uint64_t ask_size;
};
static_assert(sizeof(BinaryBbo) == 32);

struct BinaryTrades {
  std::uint64_t missed;
  std::uint64_t volume;
  double vwap;  // In dollars; not a number where nothing traded.
  std::uint32_t open;
  std::uint32_t high;
  std::uint32_t low;
  std::uint32_t count;
};
static_assert(sizeof(BinaryTrades) == 40);

struct BinaryTrade {
  static constexpr std::uint8_t broken = 3;

  std::uint64_t number;
  std::uint64_t time_ns;
  std::uint64_t size;
  std::uint64_t match;
  std::uint64_t sequence;
  std::uint32_t price;
  char aggressor;     // 'B', 'S', or 0 where nobody knows.
  std::uint8_t kind;  // 0 displayed, 1 hidden, 2 cross, 3 broken.
  std::uint8_t quality;
  std::uint8_t reserved;  // 0.
};
static_assert(sizeof(BinaryTrade) == 48);

struct BinaryBars {
  std::uint64_t missed;
  std::uint32_t width_s;
  std::uint32_t count;
};
static_assert(sizeof(BinaryBars) == 16);

struct BinaryBar {
  std::uint32_t start_s;
  std::uint32_t open;
  std::uint32_t high;
  std::uint32_t low;
  std::uint32_t close;
  std::uint32_t trades;
  std::uint64_t volume;
  std::uint64_t buy_volume;
  std::uint64_t sell_volume;
  std::int64_t order_flow;
  double vwap;    // In dollars; not a number where nothing traded.
  double spread;  // In dollars; not a number where no side was quoted.
  std::uint8_t quality;
  std::array<std::uint8_t, 7> reserved;  // 0.
};
static_assert(sizeof(BinaryBar) == 80);

// Appends one message to a text of bytes.
class BinaryMessage {
 public:
  BinaryMessage(std::string& to, const BinaryHeader& header) : to_(to), at_(to.size()) { append(header); }
  template <class Part>
  void append(const Part& part) {
    static_assert(sizeof(Part) % 8 == 0 && std::is_trivially_copyable_v<Part>);
    to_.append(reinterpret_cast<const char*>(&part), sizeof(Part));
  }
  // Fills the size in.
  void finish() {
    const auto size = static_cast<std::uint32_t>(to_.size() - at_);
    to_.replace(at_, sizeof(size), reinterpret_cast<const char*>(&size), sizeof(size));
  }

 private:
  std::string& to_;
  std::size_t at_;
};

}  // namespace tapeline::serve
