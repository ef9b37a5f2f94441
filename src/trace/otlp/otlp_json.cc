#include "trace/otlp/otlp_json.h"

#include <nlohmann/json.hpp>

namespace tapeline::trace {

namespace {

using Json = nlohmann::json;

constexpr int span_kind_internal = 1;

Json text_attribute(std::string_view key, std::string_view value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}

Json number_attribute(std::string_view key, std::uint64_t value) {
  return {{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
}

// Bytes of the feed are ASCII, or no text that JSON could carry.
std::string printable(std::string_view bytes) {
  std::string text(bytes);
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

Json attributes_of(const Trace& trace, const Span& span) {
  const LoggedMessage& message = trace.message;
  Json attributes = Json::array();
  attributes.push_back(text_attribute("moldudp64.session", printable(message.session.view())));
  attributes.push_back(number_attribute("moldudp64.sequence", message.sequence));
  attributes.push_back(text_attribute("itch.type", printable({&message.type, 1})));
  attributes.push_back(number_attribute("itch.locate", raw(message.locate)));
  attributes.push_back(number_attribute("tapeline.log.offset", message.offset));
  attributes.push_back(number_attribute("tapeline.batch.records", span.batch_records));
  if (trace.slow) attributes.push_back({{"key", "tapeline.slow"}, {"value", {{"boolValue", true}}}});
  if (span.stage == Stage::worker) attributes.push_back(number_attribute("tapeline.worker", span.number));
  if (span.stage == Stage::file_sink) attributes.push_back(number_attribute("tapeline.lane", span.number));
  if (span.stage == Stage::client) attributes.push_back(number_attribute("tapeline.client", span.number));
  return attributes;
}

Json json_of(const Trace& trace, const Span& span) {
  Json json{{"traceId", hex(trace.id)},
            {"spanId", hex(span_id_of(trace.id, span.name))},
            {"name", span.name},
            {"kind", span_kind_internal},
            {"startTimeUnixNano", std::to_string(span.began_ns)},
            {"endTimeUnixNano", std::to_string(span.ended_ns)},
            {"attributes", attributes_of(trace, span)}};
  if (span.name != root_span) json["parentSpanId"] = hex(span_id_of(trace.id, root_span));
  return json;
}

}  // namespace

std::string otlp_json(const OtlpResource& resource, std::span<const Trace> traces) {
  Json spans = Json::array();
  for (const Trace& trace : traces)
    for (const Span& span : trace.spans) spans.push_back(json_of(trace, span));
  const Json attributes = Json::array({text_attribute("service.name", resource.service_name),
                                       text_attribute("service.version", resource.version),
                                       text_attribute("service.instance.id", resource.instance_id)});
  const Json scope{{"name", "tapeline"}, {"version", resource.version}};
  const Json scope_spans = Json::array({{{"scope", scope}, {"spans", spans}}});
  const Json resource_spans =
      Json::array({{{"resource", {{"attributes", attributes}}}, {"scopeSpans", scope_spans}}});
  return Json{{"resourceSpans", resource_spans}}.dump();
}

}  // namespace tapeline::trace
