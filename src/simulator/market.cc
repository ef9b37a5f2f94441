#include "simulator/market.h"

namespace tapeline::simulator {

namespace {

// As many price levels per side as the orders of a symbol can be expected to fill.
std::uint32_t ladder_capacity(const Listing& listing) {
  return std::clamp(listing.live_target / 4, 24u, 192u);
}

}  // namespace

Market::Market(const Config& wanted)
    : config(wanted),
      universe(wanted),
      rng(mix(wanted.seed) ^ 0x6d61726b6574),
      symbols_(universe.listings.size()),
      pool_(wanted.live_orders_wanted() * 11 / 10 + 4 * wanted.symbols + 10'000) {
  std::size_t count = 0;
  for (const Listing& listing : universe.listings) count += 2 * ladder_capacity(listing);
  levels_ = std::make_unique_for_overwrite<Level[]>(count);
  Level* levels = levels_.get();
  for (std::uint32_t i = 0; i < symbols_.size(); ++i) {
    const std::uint32_t capacity = ladder_capacity(universe.listings[i]);
    set_up_symbol(i, levels, capacity);
    levels += 2 * capacity;
  }
}

void Market::set_up_symbol(std::uint32_t index, Level* levels, std::uint32_t capacity) {
  const Listing& listing = universe.listings[index];
  SymbolState& symbol = symbols_[index];
  symbol.book.reset(levels, levels + capacity, capacity);
  symbol.mid = symbol.anchor = listing.price;
  symbol.half_spread = std::max(1u, listing.spread / 2);
  symbol.depth_unit = std::max(1u, listing.spread / 3);
  symbol.news_unit = std::max(symbol.half_spread, listing.price / 4'000);
  symbol.live_target = listing.live_target;
  symbol.tick = listing.tick;
  symbol.lowest = std::max(listing.price / 2, 20u);
  // A security below one dollar stays there today: its tick does not change.
  symbol.highest = listing.tick == 1 ? std::min(listing.price * 2, 9'800u) : listing.price * 2;
  symbol.stock = listing.stock;
  symbol.locate = Locate{static_cast<std::uint16_t>(index + 1)};
}

}  // namespace tapeline::simulator
