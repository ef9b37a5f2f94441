#pragma once

#include <cstdint>
#include <vector>

#include "market/types.h"
#include "simulator/config.h"

namespace tapeline::simulator {

// What is listed today. The index of a listing is its locate minus one; tickers are in alphabetical order.
struct Listing {
  Symbol stock;
  double activity;            // Its share of the market's messages; all add up to one.
  std::uint32_t tick;         // In units of Price: 100 from a dollar on, 1 below.
  std::uint32_t price;        // Yesterday's close, in ticks.
  std::uint32_t spread;       // Typical, in ticks.
  std::uint32_t live_target;  // Resting orders at the end of the day.
  char market_category;
  char luld_tier;
  char etp_flag;
  bool is_test;
};

enum class Role : std::uint8_t { ordinary, ipo, direct_listing, news_halt, luld_pause, operational_halt };

struct SymbolUniverse {
  std::vector<Listing> listings;
  std::vector<std::uint32_t> by_activity;  // Indices, the busiest first.
  std::vector<Role> roles;                 // What happens to a symbol today, by index.

  explicit SymbolUniverse(const Config& config);
};

}  // namespace tapeline::simulator
