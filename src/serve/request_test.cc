#include <gtest/gtest.h>

#include "serve/rest_request.h"
#include "serve/stream_request.h"

namespace tapeline::serve {
namespace {

using Kind = RestRequest::Kind;

TEST(RestRequest, TakesApartWhatAUrlAsksFor) {
  const auto book = parse_rest_request("/v1/books/BRK%2EA?levels=5&at=10%3A30%3A00.5");
  ASSERT_TRUE(book) << book.error().message;
  EXPECT_EQ(book->kind, Kind::book);
  EXPECT_EQ(book->symbol, "BRK.A");
  EXPECT_EQ(book->levels, 5u);
  EXPECT_EQ(raw(*book->at), 37'800'500'000'000u);
  EXPECT_EQ(parse_rest_request("/v1/books/A?sequence=7")->sequence, 7u);
  EXPECT_EQ(raw(*parse_rest_request("/v1/books/A?at=123456789")->at), 123'456'789u);
  const auto replay = parse_rest_request("/v1/replay/IWM?from=10:30&to=10:31&step_ms=500");
  ASSERT_TRUE(replay) << replay.error().message;
  EXPECT_EQ(replay->step_ns, 500'000'000u);
  EXPECT_EQ(parse_rest_request("/")->kind, Kind::asset);
  EXPECT_EQ(parse_rest_request("/assets/a.js?whatever=%zz")->path, "/assets/a.js");
  EXPECT_EQ(parse_rest_request("/metrics")->kind, Kind::metrics);
  EXPECT_EQ(parse_rest_request("/v1/alerts?limit=5&filter=IW")->kind, Kind::alerts);
  const auto evidence = parse_rest_request("/v1/alerts/0123456789abcdef/evidence");
  ASSERT_TRUE(evidence) << evidence.error().message;
  EXPECT_EQ(evidence->kind, Kind::evidence);
  EXPECT_EQ(evidence->alert, 0x0123456789abcdefu);
}

TEST(RestRequest, RefusesWhatCannotBeMeant) {
  const auto code = [](std::string_view target) {
    const auto request = parse_rest_request(target);
    return request ? ErrorCode{} : request.error().code;
  };
  EXPECT_EQ(code("/v1/nothing"), ErrorCode::not_found);
  EXPECT_EQ(code("/v1/books/"), ErrorCode::not_found);
  EXPECT_EQ(code("/v1/alerts/0123456789abcdeg/evidence"), ErrorCode::not_found);
  EXPECT_EQ(code("/v1/alerts/123/evidence"), ErrorCode::not_found);
  EXPECT_EQ(code("/v1/books/TOOLONGNAME"), ErrorCode::not_found);
  EXPECT_EQ(code("/v1/books/A%2"), ErrorCode::not_found);
  EXPECT_EQ(code("/v1/books/A/B"), ErrorCode::not_found);
  for (const char* target :
       {"/v1/books/A?levels=0", "/v1/books/A?levels=101", "/v1/books/A?levels=x", "/v1/books/A?at=noon",
        "/v1/books/A?at=10:00&sequence=5", "/v1/books/A?sequence=-1", "/v1/books/A?colour=red",
        "/v1/books/A?levels=%zz", "/v1/bars/A?width=5", "/v1/replay/A",
        "/v1/replay/A?from=10:00&to=09:00&step_ms=1", "/v1/replay/A?from=09:00&to=10:00&step_ms=1",
        "/v1/symbols?limit=99999999999999999999"})
    EXPECT_EQ(code(target), ErrorCode::usage) << target;
}

TEST(StreamRequest, ReadsASubscription) {
  const auto request = parse_stream_request(
      R"({"op":"subscribe","id":4,"tables":["book","bars","book"],"symbols":["IWM","AAPL","IWM"],"depth":20,)"
      R"("interval_ms":50,"bar_seconds":1,"format":"binary"})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->kind, StreamRequest::Kind::subscribe);
  EXPECT_EQ(request->id, 4u);
  EXPECT_EQ(request->tables, (std::vector{StreamTable::book, StreamTable::bars}));
  EXPECT_EQ(request->symbols.size(), 2u);
  EXPECT_EQ(request->depth, 20u);
  EXPECT_EQ(request->interval_ms, 50u);
  EXPECT_EQ(request->format, StreamFormat::binary);
  EXPECT_EQ(request->bar_seconds, 1u);
  const auto overview =
      parse_stream_request(R"({"op":"subscribe","id":1,"tables":"overview","filter":"AA"})");
  ASSERT_TRUE(overview) << overview.error().message;
  EXPECT_EQ(overview->filter, "AA");
}

TEST(StreamRequest, TellsWhatIsNoJsonFromWhatCannotBeMeant) {
  const auto code = [](std::string_view text) {
    const auto request = parse_stream_request(text);
    return request ? ErrorCode{} : request.error().code;
  };
  for (const char* text : {"", "{", "nonsense", "{\"op\":\"ping\"", "\xff\xfe"})
    EXPECT_EQ(code(text), ErrorCode::corrupt) << text;
  for (const char* text :
       {"[]", "7", "{}", R"({"op":"dance","id":1})",
        R"({"op":"subscribe","tables":["book"],"symbols":["A"]})", R"({"op":"subscribe","id":1})",
        R"({"op":"subscribe","id":1,"tables":["book"]})", R"({"op":"subscribe","id":1,"tables":["none"]})",
        R"({"op":"subscribe","id":-1,"tables":["status"]})",
        R"({"op":"subscribe","id":1.5,"tables":["status"]})",
        R"({"op":"subscribe","id":1,"tables":["book"],"symbols":["TOOLONGNAME"]})",
        R"({"op":"subscribe","id":1,"tables":["book"],"symbols":["A B"]})",
        R"({"op":"subscribe","id":1,"tables":["book"],"symbols":["A"],"depth":0})",
        R"({"op":"subscribe","id":1,"tables":["book"],"symbols":["A"],"interval_ms":0})",
        R"({"op":"subscribe","id":1,"tables":["book"],"symbols":["A"],"format":"xml"})",
        R"({"op":"subscribe","id":1,"tables":["book"],"symbols":["A"],"format":1})",
        R"({"op":"subscribe","id":1,"tables":["bars"],"symbols":["A"],"bar_seconds":5})",
        R"({"op":"subscribe","id":1,"tables":["overview"],"filter":7})", "[[[[[[[[[[]]]]]]]]]]"})
    EXPECT_EQ(code(text), ErrorCode::usage) << text;
}

}  // namespace
}  // namespace tapeline::serve
