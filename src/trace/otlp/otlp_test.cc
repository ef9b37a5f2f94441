#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "trace/otlp/otlp_exporter.h"

namespace tapeline::trace {
namespace {

Trace example() {
  Trace trace;
  trace.message.session = feed::SessionName("DAY\x01");
  trace.message.sequence = 4'294'967'296;
  trace.message.offset = 5;
  trace.message.type = 'A';
  trace.message.locate = Locate{9};
  trace.id = trace_id_of(trace.message.session, trace.message.sequence);
  trace.spans.push_back(
      {"capture", Stage::ingest, 1'700'000'000'000'000'001, 1'700'000'000'000'000'002, 7, 0});
  trace.spans.push_back(
      {"operators", Stage::worker, 1'700'000'000'000'000'003, 1'700'000'000'000'000'004, 8, 2});
  return trace;
}

TEST(OtlpJson, IsWhatTheSpecificationSays) {
  const Trace trace = example();
  const auto json = nlohmann::json::parse(otlp_json({"tapeline", "1.2", "42"}, std::span(&trace, 1)));
  const auto& resource = json["resourceSpans"][0];
  EXPECT_EQ(resource["resource"]["attributes"][0]["key"], "service.name");
  EXPECT_EQ(resource["resource"]["attributes"][0]["value"]["stringValue"], "tapeline");
  const auto& spans = resource["scopeSpans"][0]["spans"];
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0]["traceId"], hex(trace.id));
  EXPECT_EQ(spans[0]["traceId"].get<std::string>().size(), 32u);
  EXPECT_EQ(spans[0]["spanId"].get<std::string>().size(), 16u);
  EXPECT_FALSE(spans[0].contains("parentSpanId"));
  EXPECT_EQ(spans[1]["parentSpanId"], spans[0]["spanId"]);
  EXPECT_EQ(spans[0]["startTimeUnixNano"], "1700000000000000001")
      << "64 bits do not fit into a number of JSON";
  EXPECT_EQ(spans[0]["kind"], 1);
  EXPECT_EQ(spans[0]["attributes"][0]["value"]["stringValue"], "DAY?");
  EXPECT_EQ(spans[0]["attributes"][1]["key"], "moldudp64.sequence");
  EXPECT_EQ(spans[0]["attributes"][1]["value"]["intValue"], "4294967296");
}

TEST(OtlpExporter, SaysWhereNobodyListens) {
  const auto exporter = make_otlp_exporter({.at = {os::loopback_address, 1}});
  const Trace trace = example();
  const Result<void> sent = exporter->send(std::span(&trace, 1));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::io);
  EXPECT_NE(sent.error().message.find("127.0.0.1:1"), std::string::npos);
}

}  // namespace
}  // namespace tapeline::trace
