#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "simulator/config.h"
#include "simulator/feed_writer.h"
#include "simulator/rng.h"
#include "simulator/symbol_book.h"
#include "simulator/symbol_universe.h"

namespace tapeline::simulator {

// What may happen in a symbol; the codes are those of the trading action message.
enum class TradingState : char { trading = 'T', halted = 'H', paused = 'P', quoting = 'Q' };

// One symbol: its book in the first cache line, what its traders believe in the second.
struct alignas(64) SymbolState {
  SymbolBook book;
  std::uint32_t mid = 0;     // What the security is worth, in ticks. Nobody sees it, every order follows it.
  std::uint32_t anchor = 0;  // Where the mid returns to.
  std::uint32_t half_spread = 1;
  std::uint32_t depth_unit = 1;  // How far apart the levels behind the best lie, typically.
  std::uint32_t news_unit = 1;   // The smallest move of the anchor.
  std::uint32_t live_target = 0;
  std::uint32_t tick = 100;
  std::uint32_t lowest = 1;  // The mid stays between these.
  std::uint32_t highest = 1;
  Symbol stock;
  Locate locate{};
  TradingState state = TradingState::trading;
};
static_assert(sizeof(SymbolState) == 128);

inline constexpr std::array<Mpid, 12> participants = {Mpid("    "), Mpid("TAPA"), Mpid("TAPB"), Mpid("MKRA"),
                                                      Mpid("MKRB"), Mpid("MKRC"), Mpid("BRKA"), Mpid("BRKB"),
                                                      Mpid("DLRX"), Mpid("DLRY"), Mpid("AGCY"), Mpid("RETL")};

// The state of the exchange. Each function that changes a book also writes the message that says so: the feed
// cannot differ from the truth.
class Market {
 public:
  explicit Market(const Config& config);

  const Config config;
  const SymbolUniverse universe;
  FeedWriter feed;
  Rng rng;
  std::uint64_t now_ns = 0;

  [[nodiscard]] std::size_t size() const { return symbols_.size(); }
  SymbolState& operator[](std::uint32_t index) { return symbols_[index]; }
  const SymbolState& operator[](std::uint32_t index) const { return symbols_[index]; }
  OrderPool& pool() { return pool_; }
  const OrderPool& pool() const { return pool_; }

  // The day is planned so that some messages are sure to come, however many the traders would like to send.
  void reserve_messages(std::uint64_t count) { reserved_ += count; }
  void use_reserved_message() { --reserved_; }
  // How many messages may be sent without taking from those that are reserved.
  [[nodiscard]] std::uint64_t available() const {
    const std::uint64_t spoken_for = feed.count() + reserved_;
    return config.messages > spoken_for ? config.messages - spoken_for : 0;
  }

  // Sends a message of a symbol that changes no book.
  template <class M>
  void send(const SymbolState& symbol, M message) {
    message.stock = symbol.stock;
    feed.put(message, symbol.locate, now_ns);
  }

  // A or F. `price` in ticks, acceptable to the book. See SymbolBook::add on listed.
  Slot add(SymbolState& symbol, Side side, std::uint32_t price, Shares shares, std::uint8_t participant,
           bool listed);
  // E; the order goes at zero.
  void execute(SymbolState& symbol, Slot slot, Shares shares);
  // C; `price` as on the wire.
  void execute_at(SymbolState& symbol, Slot slot, Shares shares, Price price, char printable);
  // X, for fewer shares than the order has.
  void cancel(SymbolState& symbol, Slot slot, Shares shares);
  // D.
  void remove(SymbolState& symbol, Slot slot);
  // U.
  void replace(SymbolState& symbol, Slot slot, std::uint32_t price, Shares shares);

  [[nodiscard]] MatchNumber next_match() { return MatchNumber{++match_number_}; }
  [[nodiscard]] MatchNumber last_match() const { return MatchNumber{match_number_}; }
  [[nodiscard]] static Price price(const SymbolState& symbol, std::uint32_t ticks) {
    return Price{ticks * symbol.tick};
  }

 private:
  // References have gaps: undisplayed orders use them up as well.
  std::uint32_t next_ref() {
    return last_ref_ += 1 + static_cast<std::uint32_t>((++ref_steps_ * 0x9e3779b1u) >> 31);
  }
  void set_up_symbol(std::uint32_t index, Level* levels, std::uint32_t capacity);

  std::vector<SymbolState> symbols_;
  std::unique_ptr<Level[]> levels_;
  OrderPool pool_;
  std::uint64_t reserved_ = 0;
  std::uint32_t last_ref_ = 0;
  std::uint32_t ref_steps_ = 0;
  std::uint64_t match_number_ = 0;
};

inline Slot Market::add(SymbolState& symbol, Side side, std::uint32_t ticks, Shares shares,
                        std::uint8_t participant, bool listed) {
  const Slot slot = symbol.book.add(pool_, side, ticks, shares, next_ref(), listed);
  Order& order = pool_[slot];
  order.participant = participant;
  const char code = side == Side::bid ? 'B' : 'S';
  if (participant == 0) {
    itch50::AddOrder m{{}, OrderRef{order.ref}, code, shares, symbol.stock, price(symbol, order.price)};
    feed.put(m, symbol.locate, now_ns);
  } else {
    itch50::AddOrderAttributed m{{},
                                 OrderRef{order.ref},
                                 code,
                                 shares,
                                 symbol.stock,
                                 price(symbol, order.price),
                                 participants[participant]};
    feed.put(m, symbol.locate, now_ns);
  }
  return slot;
}

inline void Market::execute(SymbolState& symbol, Slot slot, Shares shares) {
  itch50::OrderExecuted m{{}, OrderRef{pool_[slot].ref}, shares, next_match()};
  feed.put(m, symbol.locate, now_ns);
  symbol.book.reduce(pool_, slot, shares);
}

inline void Market::execute_at(SymbolState& symbol, Slot slot, Shares shares, Price at, char printable) {
  itch50::OrderExecutedWithPrice m{{}, OrderRef{pool_[slot].ref}, shares, next_match(), printable, at};
  feed.put(m, symbol.locate, now_ns);
  symbol.book.reduce(pool_, slot, shares);
}

inline void Market::cancel(SymbolState& symbol, Slot slot, Shares shares) {
  itch50::OrderCancel m{{}, OrderRef{pool_[slot].ref}, shares};
  feed.put(m, symbol.locate, now_ns);
  symbol.book.reduce(pool_, slot, shares);
}

inline void Market::remove(SymbolState& symbol, Slot slot) {
  itch50::OrderDelete m{{}, OrderRef{pool_[slot].ref}};
  feed.put(m, symbol.locate, now_ns);
  symbol.book.remove(pool_, slot);
}

inline void Market::replace(SymbolState& symbol, Slot slot, std::uint32_t ticks, Shares shares) {
  const std::uint32_t old_ref = pool_[slot].ref;
  symbol.book.replace(pool_, slot, ticks, shares, next_ref());
  const Order& order = pool_[slot];
  itch50::OrderReplace m{{}, OrderRef{old_ref}, OrderRef{order.ref}, shares, price(symbol, order.price)};
  feed.put(m, symbol.locate, now_ns);
}

}  // namespace tapeline::simulator
