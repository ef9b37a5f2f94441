#pragma once

#include <string>

#include "app/standard_output.h"
#include "book/order_books.h"
#include "terminal/book_snapshot.h"

// What `tapeline book` writes; the formats are documented in docs/commands.md.
namespace tapeline::app {

// side,level,price,size,orders,cumulative_size: bids first, each side best level first.
[[nodiscard]] std::string levels_csv(const terminal::BookSnapshot& snapshot);
[[nodiscard]] std::string snapshot_json(const terminal::BookSnapshot& snapshot, bool with_queue);

// locate,symbol,bid_price,bid_size,ask_price,ask_size,quality: a line per symbol, by locate.
[[nodiscard]] std::string all_books_csv(const book::OrderBooks& books);
[[nodiscard]] std::string all_books_json(const book::OrderBooks& books);
[[nodiscard]] std::string all_books_table(const book::OrderBooks& books, EventTime time,
                                          const StandardOutput& output);

}  // namespace tapeline::app
