#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "market/event.h"
#include "market/types.h"

namespace tapeline::pipeline {

// Keeps the events of some symbols, and those of the market as a whole. A locate is known once a message
// names its symbol, which the directory at the start of the day does for all.
class SymbolFilter {
 public:
  // Keeps all if `symbols` is empty.
  explicit SymbolFilter(std::vector<std::string> symbols) : symbols_(std::move(symbols)) {
    choices_.fill(Choice::unknown);
    choices_[0] = Choice::keep;
  }

  std::size_t operator()(std::span<Event> events) {
    if (symbols_.empty()) return events.size();
    std::size_t kept = 0;
    for (Event& event : events)
      if (keeps(event)) events[kept++] = event;
    return kept;
  }

  // The symbols asked for that no message has named.
  [[nodiscard]] std::vector<std::string> missing() const {
    std::vector<std::string> names;
    for (const std::string& symbol : symbols_)
      if (std::find(found_.begin(), found_.end(), symbol) == found_.end()) names.push_back(symbol);
    return names;
  }

 private:
  enum class Choice : char { unknown, keep, drop };

  bool keeps(const Event& event) {
    Choice& choice = choices_[raw(event.locate)];
    if (choice == Choice::unknown) choice = choose(event);
    return choice == Choice::keep;
  }

  Choice choose(const Event& event) {
    std::string_view symbol;
    if (event.kind == EventKind::add || event.kind == EventKind::trade) symbol = event.order.symbol.view();
    if (event.kind == EventKind::cross) symbol = event.cross.symbol.view();
    if (event.kind == EventKind::directory || event.kind == EventKind::trading_action)
      symbol = event.status.symbol.view();
    if (symbol.empty()) return Choice::unknown;
    if (std::find(symbols_.begin(), symbols_.end(), symbol) == symbols_.end()) return Choice::drop;
    found_.emplace_back(symbol);
    return Choice::keep;
  }

  std::vector<std::string> symbols_;
  std::vector<std::string> found_;
  std::array<Choice, 65'536> choices_;
};

}  // namespace tapeline::pipeline
