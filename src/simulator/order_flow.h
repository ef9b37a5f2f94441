#pragma once

#include <cstdint>

#include "simulator/arrival_process.h"
#include "simulator/market.h"

namespace tapeline::simulator {

// What the traders of a symbol do when their moment comes: they add, delete, replace, cancel in part, trade
// against the book or against hidden orders. The choice keeps each book near its wanted number of orders.
class OrderFlow {
 public:
  explicit OrderFlow(Market& market) : market_(market) {}

  // Sends the messages of one arrival: mostly one, none if the symbol is closed for it.
  void act(const Arrival& arrival);

  // What is known of an arrival ahead of its time is brought into the cache. Has no effect on the outcome.
  void prefetch_symbol(const Arrival& arrival) const {
    __builtin_prefetch(&market_[arrival.symbol], 1);
    __builtin_prefetch(reinterpret_cast<const std::byte*>(&market_[arrival.symbol]) + 64, 1);
  }
  void prefetch_book(const Arrival& arrival) const { market_[arrival.symbol].book.prefetch_ladders(); }
  // These three come one after the other, and keep in the hint what the next one needs.
  void prefetch_listing(Arrival& arrival) const;
  void prefetch_order(Arrival& arrival) const;
  void prefetch_neighbours(const Arrival& arrival) const;

  // How far the books are filled by now, in 65536ths of their targets.
  void set_fill(std::uint32_t fill) { fill_ = fill; }

 private:
  void add(SymbolState& symbol, std::uint64_t bits);
  void remove(SymbolState& symbol, std::uint64_t bits);
  void replace(SymbolState& symbol, std::uint64_t bits);
  void cancel_part(SymbolState& symbol, std::uint64_t bits);
  void take_liquidity(SymbolState& symbol);
  void trade_hidden(SymbolState& symbol);
  void show_retail_interest(SymbolState& symbol);

  void move_mid(SymbolState& symbol);
  [[nodiscard]] bool wants_add(const SymbolState& symbol, std::uint32_t roll) const;
  static std::uint32_t choose_price(const SymbolState& symbol, Side side, std::uint64_t bits);
  static Shares choose_size(std::uint64_t bits);

  Market& market_;
  std::uint32_t fill_ = 0;
};

}  // namespace tapeline::simulator
