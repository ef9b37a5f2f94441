#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "book/order_books.h"
#include "book/plain_book.h"
#include "simulation/log_memory.h"
#include "simulation/published.h"

namespace tapeline::simulation {

// The exchange's books at any place of what it published, in the plainest form.
class TrueBooks {
 public:
  explicit TrueBooks(const Published& published) : published_(published) {}

  // The books before message `next_sequence` of a session. Going on is cheap, going back begins anew.
  const book::PlainBook& at(std::size_t session, std::uint64_t next_sequence);

 private:
  const Published& published_;
  std::size_t session_ = SIZE_MAX;
  std::uint64_t next_ = 1;
  book::PlainBook books_;
  book::BookRecorder recorder_;
  std::vector<std::byte> message_;
};

// Holds the books of a worker against the exchange's, where the log stands in this state: what is good must
// be right to the last order in its queue, and what a gap or a recovery has touched must say so. What is
// wrong, or empty.
[[nodiscard]] std::string check_books(const book::OrderBooks& books, const std::vector<Locate>& locates,
                                      const FeedState& state, const Published& published, TrueBooks& truth);

}  // namespace tapeline::simulation
