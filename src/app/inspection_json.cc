#include <fmt/format.h>

#include "app/inspection_output.h"
#include "app/json_writer.h"

namespace tapeline::app {

namespace {

void write_times(JsonWriter& json, const Inspection& seen) {
  const auto event_time = [&](std::string_view name, EventTime time) {
    json.key(name);
    if (seen.has_times())
      json.time(time);
    else
      json.null();
  };
  const auto capture_time = [&](std::string_view name, CaptureTime time) {
    json.key(name);
    if (raw(time) != 0)
      json.text(capture_time_text(time));
    else
      json.null();
  };
  event_time("first_time", seen.first());
  event_time("last_time", seen.last());
  capture_time("first_capture_time", seen.first_captured());
  capture_time("last_capture_time", seen.last_captured());
}

void write_types(JsonWriter& json, const InspectionReport& report) {
  json.key("types");
  json.begin_object(true);
  for (const auto& [type, count] : report.types) {
    if (type < 0)
      json.member("empty", count);
    else if (type > 0x20 && type < 0x7f)
      json.member(std::string(1, static_cast<char>(type)), count);
    else
      json.member(fmt::format("0x{:02x}", type), count);
  }
  json.end();
}

void write_busiest(JsonWriter& json, const InspectionReport& report) {
  json.key("busiest_symbols");
  json.begin_array();
  for (const SymbolActivity& symbol : report.busiest) {
    json.begin_object(true);
    json.member("symbol", symbol.symbol.view());
    json.member("messages", symbol.messages);
    json.member("adds", symbol.adds);
    json.member("executions", symbol.executions);
    json.member("volume", symbol.volume);
    json.end();
  }
  json.end();
}

void write_events(JsonWriter& json, std::string_view name, const std::vector<MarketEvent>& events) {
  json.key(name);
  json.begin_array();
  for (const MarketEvent& event : events) {
    json.begin_object(true);
    json.member("time", event.time);
    json.member("code", std::string_view(&event.code, 1));
    json.end();
  }
  json.end();
}

void write_halts(JsonWriter& json, const Inspection& seen) {
  json.member("halt_count", seen.halt_count());
  json.key("halts");
  json.begin_array();
  for (const Halt& halt : seen.halts()) {
    json.begin_object(true);
    json.member("time", halt.time);
    json.member("symbol", halt.symbol.view());
    json.member("state", std::string_view(&halt.state, 1));
    json.member("reason", halt.reason.view());
    json.key("resumed");
    if (halt.resumed)
      json.time(*halt.resumed);
    else
      json.null();
    json.end();
  }
  json.end();
}

void write_anomalies(JsonWriter& json, const Anomalies& anomalies) {
  json.key("anomalies");
  json.begin_object();
  for (std::size_t i = 0; i < anomaly_count; ++i) {
    const Finding& finding = anomalies.findings()[i];
    json.key(anomaly_names[i].key);
    json.begin_object(true);
    json.member("count", finding.count);
    json.key("first_message");
    if (finding.first_message)
      json.number(*finding.first_message);
    else
      json.null();
    json.end();
  }
  json.end();
}

}  // namespace

std::string inspection_json(const InspectionReport& report, const Inspection& seen,
                            const Anomalies& anomalies) {
  JsonWriter json;
  json.begin_object();
  json.member("file", std::string_view(report.name));
  json.member("format", std::string_view(report.format));
  json.key("compression");
  if (report.compression.empty())
    json.null();
  else
    json.text(report.compression);
  json.member("messages", report.messages);
  json.member("bytes", report.bytes);
  json.member("message_bytes", report.message_bytes);
  json.member("packets", report.packets);
  json.member("foreign_packets", report.foreign_packets);
  write_times(json, seen);
  json.member("messages_per_second", report.messages_per_second, 3);
  json.member("peak_messages_per_second", report.peak_messages);
  json.key("peak_second");
  if (report.peak_messages != 0)
    json.time(report.peak_second);
  else
    json.null();
  json.member("live_orders", std::uint64_t{report.live_orders});
  json.member("live_levels", std::uint64_t{report.live_levels});
  json.member("peak_live_orders", std::uint64_t{seen.peak_orders()});
  json.member("symbols", report.symbols);
  write_types(json, report);
  write_busiest(json, report);
  write_events(json, "system_events", seen.system_events());
  write_events(json, "circuit_breakers", seen.circuit_breakers());
  write_halts(json, seen);
  write_anomalies(json, anomalies);
  json.key("error");
  if (report.error)
    json.text(*report.error);
  else
    json.null();
  json.end();
  return json.take();
}

}  // namespace tapeline::app
