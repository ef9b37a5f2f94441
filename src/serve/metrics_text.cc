#include "serve/metrics_text.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace tapeline::serve {

namespace {

constexpr std::size_t most_labels = 64;  // Of one family: a status is another program's word.

double as_double(std::uint64_t value) {
  return static_cast<double>(value);
}

template <class Item, class Each>
void for_each(const std::vector<Item>& items, Each&& each) {
  for (std::size_t i = 0; i < std::min(items.size(), most_labels); ++i) each(items[i]);
}

void append_feed(MetricsText& out, const status::Feed& feed) {
  const auto lines = [&](std::string_view name, std::string_view help, auto value) {
    out.counter(name, help);
    for_each(feed.lines,
             [&](const status::FeedLine& line) { out.sample("line", line.name, as_double(value(line))); });
  };
  lines("tapeline_feed_packets_total", "Packets received on a line of the feed.",
        [](const auto& line) { return line.packets; });
  lines("tapeline_feed_first_arrivals_total", "Packets that came on this line before the other.",
        [](const auto& line) { return line.first_arrivals; });
  lines("tapeline_feed_malformed_packets_total", "Packets that were not what they should be.",
        [](const auto& line) { return line.malformed; });
  lines("tapeline_feed_kernel_drops_total", "Packets that the kernel dropped for lack of room.",
        [](const auto& line) { return line.kernel_drops; });
  out.gauge("tapeline_feed_line_up", "Whether packets come on a line of the feed.");
  for_each(feed.lines, [&](const status::FeedLine& line) { out.sample("line", line.name, line.up ? 1 : 0); });
  out.gauge("tapeline_feed_state", "1 for the state that the feed is in.");
  for (const std::string_view state : {"waiting", "live", "recovering", "stale", "ended"})
    out.sample("state", state, state == feed.state ? 1 : 0);
  out.gauge("tapeline_feed_next_sequence", "The session's next message.");
  out.sample(as_double(feed.next_sequence));
  out.gauge("tapeline_feed_open_gaps", "Gaps that are being filled.");
  out.sample(as_double(feed.open_gaps));
  out.counter("tapeline_feed_lost_messages_total", "Messages of gaps that were given up.");
  out.sample(as_double(feed.lost_messages));
  out.counter("tapeline_feed_retransmitted_messages_total", "Messages that came by retransmission.");
  out.sample(as_double(feed.retransmitted_messages));
  out.counter("tapeline_feed_snapshots_total", "Recoveries by a snapshot.");
  out.sample(as_double(feed.snapshots));
}

void append_workers(MetricsText& out, const std::vector<status::Worker>& workers) {
  const auto name = [](const status::Worker& worker) { return std::to_string(worker.index); };
  out.gauge("tapeline_worker_lag_messages", "Messages in the log that a worker has yet to take in.");
  for_each(workers, [&](const auto& one) { out.sample("worker", name(one), as_double(one.lag_messages)); });
  out.gauge("tapeline_worker_back_pressure_ratio", "Share of the last second that a worker was busy.");
  for_each(workers, [&](const auto& one) { out.sample("worker", name(one), one.back_pressure); });
  out.counter("tapeline_worker_rows_total", "Rows that a worker has written.");
  for_each(workers, [&](const auto& one) { out.sample("worker", name(one), as_double(one.rows)); });
}

void append_latencies(MetricsText& out, const std::vector<status::Latency>& latencies) {
  out.gauge("tapeline_latency_quantile_seconds",
            "Latency between two places, since the start; 1 is the longest.");
  for_each(latencies, [&](const status::Latency& one) {
    const std::pair<std::string_view, std::uint64_t> quantiles[] = {{"0.5", one.p50_ns},
                                                                    {"0.9", one.p90_ns},
                                                                    {"0.99", one.p99_ns},
                                                                    {"0.999", one.p999_ns},
                                                                    {"1", one.max_ns}};
    for (const auto& [quantile, ns] : quantiles)
      out.sample("path", one.name, "quantile", quantile, as_double(ns) / 1e9);
  });
  out.counter("tapeline_latency_samples_total", "How many times that latency was measured.");
  for_each(latencies, [&](const auto& one) { out.sample("path", one.name, as_double(one.count)); });
}

void append_pipeline(MetricsText& out, const status::Status& status) {
  out.gauge("tapeline_uptime_seconds", "How long the pipeline has been running.");
  out.sample(as_double(status.uptime_ms) / 1e3);
  out.counter("tapeline_stage_items_total", "What has passed a stage of the pipeline.");
  for_each(status.stages, [&](const status::Stage& stage) {
    out.sample("stage", stage.name, "unit", stage.unit, as_double(stage.total));
  });
  append_feed(out, status.feed);
  out.gauge("tapeline_topic_bytes", "Size of a topic of the log on disk.");
  for_each(status.topics,
           [&](const auto& topic) { out.sample("topic", topic.name, as_double(topic.bytes)); });
  out.counter("tapeline_topic_records_total", "Records of a topic, ever.");
  for_each(status.topics,
           [&](const auto& topic) { out.sample("topic", topic.name, as_double(topic.records)); });
  append_workers(out, status.workers);
  append_latencies(out, status.latencies);
  out.counter("tapeline_checkpoints_total", "Checkpoints by their outcome.");
  out.sample("outcome", "taken", as_double(status.checkpoints.taken));
  out.sample("outcome", "failed", as_double(status.checkpoints.failed));
  out.counter("tapeline_traces_total", "Traces of messages by what became of them.");
  out.sample("outcome", "sent", as_double(status.traces.sent));
  out.sample("outcome", "dropped", as_double(status.traces.dropped));
  out.sample("outcome", "slow_untraced", as_double(status.traces.slow_untraced));
  out.gauge("tapeline_checkpoint_age_seconds", "Time since the last checkpoint.");
  out.sample(as_double(status.checkpoints.age_ms) / 1e3);
  out.gauge("tapeline_resident_memory_bytes", "Memory of the pipeline's process.");
  out.sample(as_double(status.memory.resident_bytes));
  out.gauge("tapeline_warnings", "What is wrong now: how many warnings the status has.");
  out.sample(as_double(status.warnings.size()));
}

}  // namespace

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void MetricsText::label(std::string_view name, std::string_view text) {
  text_.append(name).append("=\"");
  for (const char c : text) {
    if (c == '\\' || c == '"')
      text_.append(1, '\\').append(1, c);
    else if (c == '\n')
      text_ += "\\n";
    else
      text_ += c >= ' ' && c <= '~' ? c : '?';
  }
  text_ += '"';
}

void MetricsText::value(double value) {
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

MetricsText& MetricsText::sample(double number) {
  text_ += name_;
  value(number);
  return *this;
}

MetricsText& MetricsText::sample(std::string_view name, std::string_view text, double number) {
  text_.append(name_).append(1, '{');
  label(name, text);
  text_ += '}';
  value(number);
  return *this;
}

MetricsText& MetricsText::sample(std::string_view name, std::string_view text, std::string_view second,
                                 std::string_view second_text, double number) {
  text_.append(name_).append(1, '{');
  label(name, text);
  text_ += ',';
  label(second, second_text);
  text_ += '}';
  value(number);
  return *this;
}

std::string metrics_text(const ServeMetrics& serve, const status::Status* pipeline) {
  MetricsText out;
  const auto counter = [&out](std::string_view name, std::string_view help, std::uint64_t value) {
    out.counter(name, help);
    out.sample(as_double(value));
  };
  const auto gauge = [&out](std::string_view name, std::string_view help, std::uint64_t value) {
    out.gauge(name, help);
    out.sample(as_double(value));
  };
  out.gauge("tapeline_serve_view_state", "1 for the state that the served books are in.");
  for (const std::string_view state : {"starting", "catching_up", "live", "failed"})
    out.sample("state", state, state == serve.view.state ? 1 : 0);
  gauge("tapeline_serve_view_lag_records", "Records of the log that are not in the served books yet.",
        serve.view.lag_records);
  gauge("tapeline_serve_view_sequence", "The session's last message in the served books.", serve.sequence);
  counter("tapeline_serve_view_missed_records_total",
          "Records of the log that were removed before they were read.", serve.missed_records);
  gauge("tapeline_serve_symbols", "Symbols that the feed has named.", serve.symbols);
  gauge("tapeline_serve_live_orders", "Orders in the served books.", serve.live_orders);
  gauge("tapeline_serve_book_bytes", "Memory of the served books.", serve.book_bytes);
  gauge("tapeline_serve_keyframes", "Books that are kept as they were, for rewinds.", serve.keyframes);
  gauge("tapeline_serve_keyframe_bytes", "Memory of these.", serve.keyframe_bytes);
  gauge("tapeline_serve_connections", "Connections that are open.", serve.network.open);
  gauge("tapeline_serve_stream_clients", "Clients of the stream.", serve.clients);
  gauge("tapeline_serve_stream_channels", "What they follow: symbols times tables.", serve.channels);
  counter("tapeline_serve_connections_total", "Connections accepted.", serve.network.connections);
  counter("tapeline_serve_refused_connections_total", "Connections refused: too many, or a foreign origin.",
          serve.network.refused);
  counter("tapeline_serve_requests_total", "HTTP requests.", serve.network.requests);
  counter("tapeline_serve_sent_bytes_total", "Bytes sent to clients.", serve.network.bytes_sent);
  counter("tapeline_serve_protocol_errors_total", "Clients cut off for what they sent or failed to send.",
          serve.network.protocol_errors);
  counter("tapeline_serve_stream_messages_total", "Snapshots and deltas sent.", serve.hub.messages);
  counter("tapeline_serve_stream_skipped_total", "Updates that slow clients were not sent.",
          serve.hub.skipped);
  counter("tapeline_serve_stream_bad_requests_total", "Requests of stream clients that were refused.",
          serve.hub.bad_requests);
  out.counter("tapeline_serve_rewinds_total", "Rewinds by their outcome.");
  out.sample("outcome", "done", as_double(serve.rewinds.done));
  out.sample("outcome", "failed", as_double(serve.rewinds.failed));
  out.sample("outcome", "refused", as_double(serve.rewinds.refused));
  gauge("tapeline_pipeline_running", "Whether a pipeline answers on this data folder.", pipeline != nullptr);
  if (pipeline != nullptr) append_pipeline(out, *pipeline);
  return out.take();
}

}  // namespace tapeline::serve
