#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "serve/market_view.h"
#include "serve/metrics_text.h"

namespace tapeline::serve {

struct WatchListConfig {
  std::vector<std::string> symbols{};  // None: the busiest.
  std::size_t most_symbols = 4;
  std::size_t levels = 10;  // Of each side.
};

// The books that metrics tell of, level by level: few, however many symbols a feed makes up.
class WatchList {
 public:
  explicit WatchList(WatchListConfig config) : config_(std::move(config)) {}

  // As they are now. Busiest means most messages in the session, so that the list seldom changes: each change
  // begins new series and ends others.
  [[nodiscard]] std::vector<WatchedBook> books(const MarketView& view) const;

 private:
  [[nodiscard]] std::vector<Locate> chosen(const MarketView& view) const;

  WatchListConfig config_;
};

}  // namespace tapeline::serve
