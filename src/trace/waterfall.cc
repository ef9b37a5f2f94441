#include "trace/waterfall.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "feed/itch50/messages.h"
#include "market/event_time_text.h"
#include "metrics/quantity_text.h"
#include "terminal/drawing.h"

namespace tapeline::trace {

namespace {

constexpr std::size_t words_width = 40;  // Of a line, before its bar.

// An eighth of a column is the finest that a terminal shows, so where a bar begins is rounded to a whole one.
std::string bar_of(const Span& span, std::uint64_t begin_ns, std::uint64_t total_ns, std::size_t width) {
  const auto share = [&](std::uint64_t ns) {
    return total_ns == 0 ? 0.0 : static_cast<double>(ns) / static_cast<double>(total_ns);
  };
  const auto before = static_cast<std::size_t>(share(span.began_ns - begin_ns) * static_cast<double>(width));
  const std::size_t indent = std::min(before, width - 1);
  return std::string(indent, ' ') + terminal::bar(share(span.ended_ns - span.began_ns), width);
}

std::string number_text(const Span& span) {
  switch (span.stage) {
    case Stage::worker: return fmt::format("worker {}", span.number);
    case Stage::file_sink: return fmt::format("lane {}", span.number);
    case Stage::client: return fmt::format("client {}", span.number);
    case Stage::ingest:
    case Stage::serve: break;
  }
  return "";
}

std::string heading(const Trace& trace, std::string_view symbol, const WaterfallOptions& options) {
  const LoggedMessage& message = trace.message;
  const std::string name = fmt::format("message {} of session {}", terminal::grouped(message.sequence),
                                       terminal::printable(message.session.view()));
  return fmt::format("{}  {} {}{}{}\ntrace {}, offset {} of the log\n",
                     terminal::paint(name, terminal::Ink::strong, options.colour),
                     terminal::printable(message.type), itch50::message_name(message.type),
                     symbol.empty() ? "" : "  ", terminal::printable(symbol), hex(trace.id),
                     terminal::grouped(message.offset));
}

}  // namespace

std::string draw_waterfall(const Trace& trace, std::string_view symbol, const WaterfallOptions& options) {
  std::string text = heading(trace, symbol, options);
  if (trace.spans.empty()) return text + "no stage remembers it\n";
  const std::uint64_t begin_ns = std::min(
      trace.spans.front().began_ns, trace.message.captured_ns == 0 ? UINT64_MAX : trace.message.captured_ns);
  std::uint64_t end_ns = begin_ns;
  for (const Span& span : trace.spans) end_ns = std::max(end_ns, span.ended_ns);
  const std::size_t width = std::max(options.width, words_width + 20) - words_width;
  text += terminal::rule(metrics::time_text(end_ns - begin_ns) + " from its packet", options.width);
  for (const Span& span : trace.spans)
    text += fmt::format("{:<12} {:>9} {:>9}  {}\n", span.name,
                        fmt::format("+{}", metrics::time_text(span.began_ns - begin_ns)),
                        metrics::time_text(span.ended_ns - span.began_ns),
                        fmt::format("{:<10} {}", number_text(span),
                                    terminal::paint(bar_of(span, begin_ns, end_ns - begin_ns, width - 6),
                                                    terminal::Ink::bid, options.colour)));
  return text;
}

std::string waterfall_json(const Trace& trace, std::string_view symbol) {
  nlohmann::ordered_json json;
  const LoggedMessage& message = trace.message;
  json["trace_id"] = hex(trace.id);
  json["session"] = terminal::printable(message.session.view());
  json["sequence"] = message.sequence;
  json["offset"] = message.offset;
  json["type"] = terminal::printable(message.type);
  json["symbol"] = terminal::printable(symbol);
  json["captured_ns"] = message.captured_ns;
  json["spans"] = nlohmann::ordered_json::array();
  for (const Span& span : trace.spans)
    json["spans"].push_back({{"name", span.name},
                             {"span_id", hex(span_id_of(trace.id, span.name))},
                             {"began_ns", span.began_ns},
                             {"ended_ns", span.ended_ns},
                             {"number", span.number},
                             {"batch_records", span.batch_records}});
  return json.dump() + '\n';
}

}  // namespace tapeline::trace
