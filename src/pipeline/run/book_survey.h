#pragma once

#include <cstdint>

#include "book/order_books.h"
#include "market/quality.h"
#include "market/types.h"

namespace tapeline::pipeline {

// How many of a worker's books are in which state.
struct BookCensus {
  std::uint64_t symbols = 0;  // With a name.
  std::uint64_t not_trading = 0;
  std::uint64_t crossed = 0;
  std::uint64_t gapped = 0;
  std::uint64_t recovering = 0;
  std::uint64_t suspect = 0;
};

// Counts books by state, a slice at a time: all at once would be seen in the latency of the messages behind
// it. Used by the worker's thread.
class BookSurvey {
 public:
  static constexpr std::size_t slices = 32;

  // Looks at the next slice of all locates.
  void look(const book::OrderBooks& books) {
    constexpr std::size_t length = 65'536 / slices;
    for (std::size_t i = 0; i < length; ++i) {
      const Locate locate{static_cast<std::uint16_t>(next_slice_ * length + i)};
      if (books.symbol(locate).view().empty()) continue;
      ++draft_.symbols;
      const book::TradingState state = books.state(locate).trading;
      draft_.not_trading += state != book::TradingState::trading && state != book::TradingState::unknown;
      const Quality quality = books.quality(locate);
      draft_.crossed += has(quality, Quality::crossed);
      draft_.gapped += has(quality, Quality::gapped);
      draft_.recovering += has(quality, Quality::recovering);
      draft_.suspect += has(quality, Quality::suspect);
    }
    if (++next_slice_ != slices) return;
    census_ = draft_;
    draft_ = {};
    next_slice_ = 0;
  }

  // As of the last whole round.
  [[nodiscard]] const BookCensus& census() const { return census_; }

 private:
  BookCensus census_;
  BookCensus draft_;
  std::size_t next_slice_ = 0;
};

}  // namespace tapeline::pipeline
