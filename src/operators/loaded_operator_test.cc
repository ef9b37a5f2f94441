#include "operators/loaded_operator.h"

#include <array>
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapeline::operators {
namespace {

using table::Column;
using table::ColumnType;
using testing::HasSubstr;

std::string refusal(std::span<const Column> columns, std::size_t row_size, std::string_view name = "mine") {
  const Result<void> checked = check_schema({name, "A table.", row_size, columns});
  return checked ? "" : checked.error().message;
}

std::vector<Column> whole_row(std::size_t row_size) {
  std::vector<Column> columns{{"sequence", ColumnType::u64, 0, "", ""},
                              {"time", ColumnType::event_time, 8, "ns", ""},
                              {"captured", ColumnType::capture_time, 16, "ns", ""},
                              {"symbol", ColumnType::text8, 24, "", ""},
                              {"locate", ColumnType::u16, 32, "", ""},
                              {"quality", ColumnType::u8, 34, "", ""}};
  static const std::array<std::string, 8> names{"a", "b", "c", "d", "e", "f", "g", "h"};
  for (std::size_t at = sizeof(RowKey); at < row_size; at += 8)
    columns.push_back(
        {names[(at - sizeof(RowKey)) / 8], ColumnType::u64, static_cast<std::uint16_t>(at), "", ""});
  return columns;
}

TEST(CheckSchema, TakesRowsThatColumnsNameWhole) {
  EXPECT_EQ(refusal(whole_row(40), 40), "");
  EXPECT_EQ(refusal(whole_row(64), 64), "");
}

TEST(CheckSchema, RefusesWhatNoFileCouldTake) {
  EXPECT_THAT(refusal(whole_row(48), 48, "My table"), HasSubstr("begins with a letter"));
  EXPECT_THAT(refusal(whole_row(48), 48, ""), HasSubstr("begins with a letter"));
  std::vector<Column> columns = whole_row(48);
  columns.back().name = "time";
  EXPECT_THAT(refusal(columns, 48), HasSubstr("two columns are named time"));
  columns.back().name = "select a";
  EXPECT_THAT(refusal(columns, 48), HasSubstr("no name of a column"));
  columns = whole_row(48);
  columns.back().type = ColumnType::label;
  EXPECT_THAT(refusal(columns, 48), HasSubstr("has no labels"));
  columns.back().type = static_cast<ColumnType>(200);
  EXPECT_THAT(refusal(columns, 48), HasSubstr("does not exist"));
}

TEST(CheckSchema, RefusesBytesThatAreNobodysOrTwoColumns) {
  std::vector<Column> columns = whole_row(48);
  EXPECT_THAT(refusal(columns, 56), HasSubstr("no column names byte 48"));
  columns.back().offset = 44;
  EXPECT_THAT(refusal(columns, 48), HasSubstr("leaves the row"));
  columns.back().offset = 33;
  EXPECT_THAT(refusal(columns, 48), HasSubstr("overlaps"));
  columns.pop_back();
  EXPECT_THAT(refusal(columns, 10), HasSubstr("leaves the row"));
}

TEST(LoadedOperator, SaysWhatIsWrongWithAFile) {
  const auto refused = [](std::string_view text) {
    const auto loaded = LoadedOperator::load(text);
    return loaded ? std::string() : loaded.error().message;
  };
  EXPECT_THAT(refused("/nonexistent/libmine.so"),
              HasSubstr("cannot load the operator /nonexistent/libmine.so"));
  EXPECT_THAT(refused("libm.so.6:window"), HasSubstr("NAME=VALUE"));
  EXPECT_THAT(refused("libm.so.6:a=1,a=2"), HasSubstr("given twice"));
  // A library that is there and is none of an operator.
  EXPECT_THAT(refused("/lib/x86_64-linux-gnu/libm.so.6"), HasSubstr("lacks TAPELINE_OPERATOR"));
}

TEST(Options, AreNumbersWithinLimits) {
  const Options options({{"width", "2.5"}, {"word", "x"}, {"half", "2x"}});
  EXPECT_EQ(options.number("width", 1, 0, 10), 2.5);
  EXPECT_EQ(options.number("other", 7, 0, 10), 7);
  EXPECT_THROW((void)options.number("width", 1, 3, 10), std::invalid_argument);
  EXPECT_THROW((void)options.number("word", 1, 0, 10), std::invalid_argument);
  EXPECT_THROW((void)options.number("half", 1, 0, 10), std::invalid_argument);
  EXPECT_EQ(options.text("word", "y"), "x");
  EXPECT_THAT(options.asked(), testing::UnorderedElementsAre("width", "other", "word", "half"));
}

}  // namespace
}  // namespace tapeline::operators
