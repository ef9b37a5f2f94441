#include "serve/watch_list.h"

#include <algorithm>

namespace tapeline::serve {

std::vector<Locate> WatchList::chosen(const MarketView& view) const {
  std::vector<Locate> locates;
  if (config_.symbols.empty()) {
    locates.assign(view.symbols().begin(), view.symbols().end());
    const auto is_busier = [&view](Locate a, Locate b) {
      const std::uint64_t x = view.record(a)->messages;
      const std::uint64_t y = view.record(b)->messages;
      return x != y ? x > y : a < b;
    };
    const std::size_t count = std::min(config_.most_symbols, locates.size());
    std::ranges::partial_sort(locates, locates.begin() + static_cast<std::ptrdiff_t>(count), is_busier);
  } else {
    for (const std::string& symbol : config_.symbols)
      if (const std::optional<Locate> locate = view.find_symbol(symbol)) locates.push_back(*locate);
  }
  locates.resize(std::min(config_.most_symbols, locates.size()));
  return locates;
}

std::vector<WatchedBook> WatchList::books(const MarketView& view) const {
  std::vector<WatchedBook> books;
  for (const Locate locate : chosen(view)) {
    const SymbolRecord& record = *view.record(locate);
    WatchedBook& book = books.emplace_back();
    book.symbol = view.books().symbol(locate).view();
    book.quality = view.books().quality(locate);
    book.messages = record.messages;
    book.trades = record.trades;
    book.volume = record.volume;
    for (const auto& [side, levels] : {std::pair{Side::bid, &book.bids}, std::pair{Side::ask, &book.asks}}) {
      levels->resize(config_.levels);
      levels->resize(view.books().levels(locate, side, *levels));
    }
  }
  return books;
}

}  // namespace tapeline::serve
