#include "pipeline/run/book_survey.h"

#include <vector>

#include <gtest/gtest.h>

#include "book/event_makers.h"

namespace tapeline::pipeline {
namespace {

using namespace book;

TEST(BookSurvey, CountsBooksByState) {
  const Locate first{1};
  const Locate last{65'535};
  std::vector<Event> events = {make_directory(first, "AAA"), make_directory(Locate{2}, "BBB"),
                               make_directory(last, "CCC")};
  for (const std::uint16_t locate : {std::uint16_t{1}, std::uint16_t{2}})
    events.push_back(make_trading_action(Locate{locate}, 'T'));
  events.push_back(make_trading_action(last, 'H'));
  events.push_back(make_add(first, 1, 'B', 100, 10'000));
  events.push_back(make_add(first, 2, 'S', 100, 9'900));                   // Crossed.
  events.push_back(make_reduction(EventKind::execute, Locate{2}, 99, 1));  // Of no order: suspect.
  events.push_back(make_reduction(EventKind::execute, Locate{3}, 99, 1));  // Of a book without a name.
  OrderBooks books;
  NullBookHandler nobody;
  books.apply(events, nobody);
  BookSurvey survey;
  const auto round = [&] {
    for (std::size_t i = 0; i < BookSurvey::slices; ++i) survey.look(books);
    return survey.census();
  };
  const BookCensus census = round();
  EXPECT_EQ(census.symbols, 3u);
  EXPECT_EQ(census.not_trading, 1u);
  EXPECT_EQ(census.crossed, 1u);
  EXPECT_EQ(census.suspect, 1u);
  EXPECT_EQ(census.gapped, 0u);
  books.mark_all(Quality::gapped);
  // What is told is of a whole round, and of that alone.
  survey.look(books);
  EXPECT_EQ(survey.census().gapped, 0u);
  for (std::size_t i = 1; i < BookSurvey::slices; ++i) survey.look(books);
  EXPECT_EQ(survey.census().gapped, 3u);
  books.reset();
  EXPECT_EQ(round().symbols, 0u);
}

}  // namespace
}  // namespace tapeline::pipeline
