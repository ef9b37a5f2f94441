#include "simulator/symbol_book.h"

namespace tapeline::simulator {

std::uint64_t SymbolBook::best_shares(const OrderPool& pool, Side side) const {
  std::uint64_t sum = 0;
  for (Slot slot = ladder(side).best().head; slot != no_slot; slot = pool[slot].next)
    sum += pool[slot].shares;
  return sum;
}

}  // namespace tapeline::simulator
