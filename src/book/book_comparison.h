#pragma once

#include <span>
#include <string>

#include "book/book_record.h"
#include "book/order_books.h"
#include "book/plain_book.h"

namespace tapeline::book {

// Holds the fast books against the plain ones: what each says in its first difference, empty if they agree.

// The calls of the handlers.
[[nodiscard]] std::string find_difference(std::span<const BookRecord> fast,
                                          std::span<const BookRecord> plain);

// BBO, quality, trading state, counters, totals and the best 16 levels of both sides of one book, and the
// whole queues of the levels that `records`, the calls of the last event, say it changed.
[[nodiscard]] std::string find_difference(const OrderBooks& fast, const PlainBook& plain, Locate locate,
                                          std::span<const BookRecord> records);

// Every order of every book, its place in its queue included.
[[nodiscard]] std::string find_any_difference(const OrderBooks& fast, const PlainBook& plain);

}  // namespace tapeline::book
