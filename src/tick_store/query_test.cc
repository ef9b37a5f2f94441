#include "tick_store/query.h"

#include <filesystem>
#include <fstream>

#include "base/precompiled_test.h"
#include "market/types.h"
#include "sinks/row_writer.h"
#include "tick_store/box_table.h"

namespace tapeline::tick_store {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct TradeRow {
  EventTime time;
  Symbol symbol;
  Price price;
  Shares shares;
};
using table::ColumnType;
constexpr std::array trade_columns{
    table::Column{"event_time", ColumnType::event_time, offsetof(TradeRow, time), "ns", ""},
    table::Column{"symbol", ColumnType::text8, offsetof(TradeRow, symbol), "", ""},
    table::Column{"price", ColumnType::price, offsetof(TradeRow, price), "dollars", ""},
    table::Column{"shares", ColumnType::u32, offsetof(TradeRow, shares), "shares", ""},
};
constexpr table::Schema trade_schema{"trades", "", sizeof(TradeRow), trade_columns};

// A data folder with one table in each format; its name holds all that SQL and patterns could take amiss.
class QueryTest : public testing::Test {
 protected:
  QueryTest() {
    std::string name = fs::temp_directory_path() / "tapeline_query_XXXXXX";
    CHECK(::mkdtemp(name.data()) != nullptr);
    root_ = name;
    query_.folder = root_ / "it's [a] \"folder\"*";
    query_.output = root_ / "out.txt";
    query_.warn = [this](const std::string& problem) { warnings_.push_back(problem); };
    write(sinks::TableFormat::parquet, "trades.parquet", 100);
    write(sinks::TableFormat::csv, "from csv.csv", 3);
    write(sinks::TableFormat::json_lines, "lines.jsonl", 3);
  }
  ~QueryTest() override { fs::remove_all(root_); }

  void write(sinks::TableFormat format, const std::string& name, std::uint32_t rows) {
    auto writer = sinks::RowWriter<TradeRow>::open(format, fs::path(query_.folder) / name, trade_schema);
    ASSERT_TRUE(writer.has_value());
    for (std::uint32_t i = 0; i < rows; ++i) {
      writer->push(
          {EventTime{34'200'000'000'001U + i}, Symbol(i % 2 == 0 ? "AAPL" : "MSFT"), Price{i * 100}, i});
    }
    ASSERT_TRUE(writer->finish().has_value());
  }

  // The written result, or the error's message.
  std::string ask(const std::string& text, QueryFormat format = QueryFormat::csv) {
    query_.sql = text;
    query_.format = format;
    const Result<void> result = run_query(query_);
    return result ? output() : result.error().message;
  }
  std::string output() {
    std::ifstream file(query_.output, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path root_;
  Query query_;
  std::vector<std::string> warnings_;
};

TEST_F(QueryTest, EveryFileIsATableWithNanoseconds) {
  for (const std::string table : {"trades", "\"from csv\"", "lines"}) {
    EXPECT_EQ(ask("SELECT * FROM " + table + " ORDER BY shares LIMIT 2"),
              "event_time,symbol,price,shares\n1970-01-01T09:30:00.000000001,AAPL,,0\n"
              "1970-01-01T09:30:00.000000002,MSFT,0.01,1\n")
        << table;
  }
  EXPECT_THAT(warnings_, testing::IsEmpty());
}

TEST_F(QueryTest, CsvQuotesWhatNeedsIt) {
  EXPECT_EQ(ask("SELECT 'a,\"b\"' AS \"x,y\", NULL AS n, 'c' || chr(10) AS l"),
            "\"x,y\",n,l\n\"a,\"\"b\"\"\",,\"c\n\"\n");
}

TEST_F(QueryTest, JsonIsAnArrayOfObjects) {
  EXPECT_EQ(ask("SELECT shares, price, symbol FROM trades ORDER BY shares LIMIT 2", QueryFormat::json),
            "[\n{\"shares\":0,\"price\":null,\"symbol\":\"AAPL\"},\n{\"shares\":1,\"price\":0.01,\"symbol\":"
            "\"MSFT\"}\n]\n");
  EXPECT_EQ(ask("SELECT 1 AS a WHERE false", QueryFormat::json), "[\n]\n");
}

TEST_F(QueryTest, EveryTypeHasAJsonSpelling) {
  EXPECT_EQ(
      ask("SELECT -0.05::DECIMAL(9,2) a, [1, NULL] b, {'k': 'x\"'} c, MAP {'k': 2} d, DATE '2020-02-29' e, "
          "TIMESTAMP '1969-12-31 23:59:59.5' f, INTERVAL '-90 minutes' g, "
          "uuid '00112233-4455-6677-8899-aabbccddeeff' h, 170141183460469231731687303715884105727 i, "
          "'inf'::DOUBLE j, 'b'::ENUM('a', 'b') k, [1, 2]::INT[2] l, true m, TIME '01:02:03.5' n, "
          "'\\xAA'::BLOB o",
          QueryFormat::json),
      "[\n{\"a\":-0.05,\"b\":[1,null],\"c\":{\"k\":\"x\\\"\"},\"d\":[[\"k\",2]],\"e\":\"2020-02-29\","
      "\"f\":\"1969-12-31T23:59:59.500000\",\"g\":\"-01:30:00\",\"h\":\"00112233-4455-6677-8899-"
      "aabbccddeeff\","
      "\"i\":170141183460469231731687303715884105727,\"j\":null,\"k\":\"b\",\"l\":[1,2],\"m\":true,"
      "\"n\":\"01:02:03.500000\",\"o\":\"aa\"}\n]\n");
  EXPECT_THAT(ask("SELECT '1'::BIT AS bits"), HasSubstr("cast it: bits::VARCHAR"));
}

TEST_F(QueryTest, ATableIsDrawn) {
  query_.most_rows = 2;
  EXPECT_EQ(ask("SELECT symbol, shares AS n FROM trades ORDER BY n", QueryFormat::table),
            "┌─────────┬────────┐\n"
            "│ symbol  │      n │\n"
            "│ varchar │ uint32 │\n"
            "├─────────┼────────┤\n"
            "│ AAPL    │      0 │\n"
            "│ MSFT    │      1 │\n"
            "└─────────┴────────┘\n"
            "100 rows, … 98 more rows (all of them: --rows 0)\n");
  query_.most_rows = 0;
  EXPECT_THAT(ask("FROM range(12345)", QueryFormat::table), HasSubstr("│ 12344 │\n└───────┘\n12,345 rows\n"));
}

TEST_F(QueryTest, ParquetGoesToAFile) {
  query_.output = fs::path(query_.folder) / "o'clock.parquet";
  EXPECT_THAT(ask("SELECT symbol, sum(shares) s FROM trades GROUP BY 1 -- by symbol", QueryFormat::parquet),
              testing::StartsWith("PAR1"));
  query_.output = root_ / "out.txt";
  EXPECT_EQ(ask("SELECT * FROM \"o'clock\" ORDER BY 1"), "symbol,s\nAAPL,2450\nMSFT,2500\n");
  EXPECT_THAT(ask("SELECT 1;\n", QueryFormat::parquet), testing::StartsWith("PAR1"));
  query_.output = "-";
  EXPECT_THAT(ask("SELECT 1", QueryFormat::parquet), HasSubstr("--output"));
}

TEST_F(QueryTest, StatementsMayFollowEachOther) {
  EXPECT_EQ(ask("CREATE TABLE t AS SELECT 7 AS x; SELECT x FROM t;"), "x\n7\n");
}

TEST_F(QueryTest, AMistakeIsAnsweredWithTheTablesThatAreThere) {
  for (const char* wrong :
       {"SELEC", "SELECT pric FROM trades", "SELECT * FROM trade", "SELECT error('x') FROM lines"}) {
    EXPECT_THAT(ask(wrong), HasSubstr("trades: event_time, symbol, price, shares")) << wrong;
    EXPECT_EQ(run_query(query_).error().code, ErrorCode::usage);
  }
  EXPECT_FALSE(fs::exists(query_.output + ".partial"));
}

TEST_F(QueryTest, ABrokenFileIsLeftOut) {
  std::ofstream(fs::path(query_.folder) / "bad.parquet") << "junk";
  EXPECT_EQ(ask("SELECT count(*) AS n FROM trades"), "n\n100\n");
  ASSERT_EQ(warnings_.size(), 1);
  EXPECT_THAT(warnings_[0], HasSubstr("bad.parquet is left out"));
}

TEST_F(QueryTest, TablesAreListed) {
  write(sinks::TableFormat::csv, "trades.csv", 5);
  query_.format = QueryFormat::csv;
  ASSERT_TRUE(list_tables(query_).has_value());
  EXPECT_EQ(output(),
            "table,rows,columns\n"
            "from csv,3,\"event_time, symbol, price, shares\"\n"
            "lines,3,\"event_time, symbol, price, shares\"\n"
            "trades,100,\"event_time, symbol, price, shares\"\n"
            "trades_csv,5,\"event_time, symbol, price, shares\"\n");
}

TEST_F(QueryTest, NoFolderIsNotFound) {
  query_.folder = root_ / "nowhere";
  const Result<void> result = run_query(query_);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::not_found);
  EXPECT_THAT(result.error().message, HasSubstr("`tapeline replay FILE`"));
}

TEST(BoxTable, FitsTheTerminal) {
  const std::vector<BoxColumn> columns{
      {"a", "int32", true}, {"long", "varchar", false}, {"c", "int32", true}};
  const std::vector<std::vector<std::string>> rows{{"1", "é\n" + std::string(80, 'x'), "3"}};
  EXPECT_EQ(draw_box_table(columns, rows, 75),
            "┌───────┬──────────────────────────────────────────────────────────────┐\n"
            "│     a │ long                                                         │\n"
            "│ int32 │ varchar                                                      │\n"
            "├───────┼──────────────────────────────────────────────────────────────┤\n"
            "│     1 │ é " +
                std::string(57, 'x') +
                "… │\n"
                "└───────┴──────────────────────────────────────────────────────────────┘\n"
                "… 1 more columns: c\n");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1'234'567), "1,234,567");
}

}  // namespace
}  // namespace tapeline::tick_store
