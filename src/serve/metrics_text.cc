#include "serve/metrics_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>

#include <fmt/format.h>

namespace tapeline::serve {

namespace {

constexpr std::size_t most_labels = 64;  // Of one family: a status is another program's word.

double as_double(std::uint64_t value) {
  return static_cast<double>(value);
}

// Not a number where it is not known: such a series is there, and no comparison with it holds.
double seconds_or_unknown(std::optional<std::uint64_t> ns) {
  return ns ? as_double(*ns) / 1e9 : std::numeric_limits<double>::quiet_NaN();
}

template <class Item, class Each>
void for_each(const std::vector<Item>& items, Each&& each) {
  for (std::size_t i = 0; i < std::min(items.size(), most_labels); ++i) each(items[i]);
}

// "  rows to log" is told by where it stands on the page; a label has no place for that.
std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text;
}

void append_lines(MetricsText& out, const status::Feed& feed) {
  const auto lines = [&](std::string_view name, std::string_view help, auto value) {
    out.counter(name, help);
    for_each(feed.lines, [&](const status::FeedLine& line) {
      out.sample({{"venue", feed.venue}, {"line", line.name}}, as_double(value(line)));
    });
  };
  lines("tapeline_feed_packets_total", "Packets received on a line of the feed.",
        [](const auto& line) { return line.packets; });
  lines("tapeline_feed_first_arrivals_total", "Packets that came on this line before the other.",
        [](const auto& line) { return line.first_arrivals; });
  lines("tapeline_feed_duplicate_packets_total", "Packets that brought nothing that the other line had not.",
        [](const auto& line) { return line.duplicates; });
  lines("tapeline_feed_malformed_packets_total", "Packets that were not what they should be.",
        [](const auto& line) { return line.malformed; });
  lines("tapeline_feed_kernel_drops_total", "Packets that the kernel dropped for lack of room.",
        [](const auto& line) { return line.kernel_drops; });
  out.gauge("tapeline_feed_line_up", "Whether packets come on a line of the feed.");
  for_each(feed.lines, [&](const status::FeedLine& line) {
    out.sample({{"venue", feed.venue}, {"line", line.name}}, line.up ? 1 : 0);
  });
  out.gauge("tapeline_feed_line_silent_seconds", "Time since the last packet on a line of the feed.");
  for_each(feed.lines, [&](const status::FeedLine& line) {
    out.sample({{"venue", feed.venue}, {"line", line.name}}, as_double(line.silent_ms) / 1e3);
  });
}

void append_feed(MetricsText& out, const status::Feed& feed) {
  append_lines(out, feed);
  out.gauge("tapeline_feed_state", "1 for the state that the feed is in.");
  for (const std::string_view state : {"waiting", "live", "recovering", "stale", "ended"})
    out.sample({{"venue", feed.venue}, {"state", state}}, state == feed.state ? 1 : 0);
  const auto gauge = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    out.gauge(name, help);
    out.sample({{"venue", feed.venue}}, as_double(value));
  };
  const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    out.counter(name, help);
    out.sample({{"venue", feed.venue}}, as_double(value));
  };
  counter("tapeline_feed_messages_total", "Messages of an exchange, each once and in order.", feed.messages);
  gauge("tapeline_feed_next_sequence", "The session's next message.", feed.next_sequence);
  gauge("tapeline_feed_open_gaps", "Gaps that are being filled.", feed.open_gaps);
  counter("tapeline_feed_gaps_total", "Gaps on both lines taken together.",
          feed.open_gaps + feed.closed_gaps);
  counter("tapeline_feed_lost_messages_total", "Messages of gaps that were given up.", feed.lost_messages);
  counter("tapeline_feed_retransmission_requests_total", "Requests for a retransmission.", feed.requests);
  counter("tapeline_feed_retransmitted_messages_total", "Messages that came by retransmission.",
          feed.retransmitted_messages);
  counter("tapeline_feed_snapshots_total", "Recoveries by a snapshot.", feed.snapshots);
}

void append_market(MetricsText& out, const status::Status& status) {
  const status::Market& market = status.market;
  const std::string& venue = status.feed.venue;
  const auto gauge = [&](std::string_view name, std::string_view help, double value) {
    out.gauge(name, help);
    out.sample({{"venue", venue}}, value);
  };
  out.gauge("tapeline_market_behind_seconds",
            "How far the newest market data are behind the present; NaN where the feed is of another day.");
  out.sample({{"venue", venue}}, seconds_or_unknown(market.behind_ns));
  gauge("tapeline_market_minute", "Minute of the exchange's day.", as_double(market.minute));
  out.gauge("tapeline_market_hours", "1 for what the feed last told of the session's hours.");
  for (const std::string_view hours : {"unknown", "before", "open", "after"})
    out.sample({{"venue", venue}, {"hours", hours}}, hours == market.hours ? 1 : 0);
  gauge("tapeline_market_symbols", "Symbols that the workers have books of.", as_double(market.symbols));
  gauge("tapeline_market_symbols_not_trading", "Those that are halted, paused or only quoted.",
        as_double(market.not_trading));
  out.gauge("tapeline_books_flagged", "Books with a flag of quality; one may have several.");
  const std::pair<std::string_view, std::uint64_t> flags[] = {{"crossed", market.crossed},
                                                              {"gapped", market.gapped},
                                                              {"recovering", market.recovering},
                                                              {"suspect", market.suspect}};
  for (const auto& [flag, books] : flags) out.sample({{"venue", venue}, {"flag", flag}}, as_double(books));
  out.counter("tapeline_book_events_total", "What was wrong with messages about orders.");
  for_each(status.book_events, [&](const status::Tally& tally) {
    out.sample({{"venue", venue}, {"event", tally.name}}, as_double(tally.total));
  });
}

void append_workers(MetricsText& out, const std::vector<status::Worker>& workers) {
  const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    out.gauge(name, help);
    for_each(workers, [&](const status::Worker& worker) {
      out.sample({{"worker", std::to_string(worker.index)}}, value(worker));
    });
  };
  gauge("tapeline_worker_lag_messages", "Messages in the log that a worker has yet to take in.",
        [](const auto& worker) { return as_double(worker.lag_messages); });
  out.gauge("tapeline_partition_lag_messages",
            "The same by the partition of the topic that the worker's rows go to.");
  for_each(workers, [&](const status::Worker& worker) {
    out.sample({{"topic", "rows"}, {"partition", std::to_string(worker.index)}},
               as_double(worker.lag_messages));
  });
  gauge("tapeline_worker_back_pressure_ratio",
        "Share of the time in which more waited in the log than a worker takes at once.",
        [](const auto& worker) { return worker.back_pressure; });
  gauge("tapeline_worker_busy_ratio", "Share of the time in which a worker worked.",
        [](const auto& worker) { return worker.busy; });
  gauge("tapeline_worker_live_orders", "Orders in the books of a worker.",
        [](const auto& worker) { return as_double(worker.live_orders); });
  out.counter("tapeline_worker_rows_total", "Rows that a worker has written.");
  for_each(workers, [&](const auto& worker) {
    out.sample({{"worker", std::to_string(worker.index)}}, as_double(worker.rows));
  });
}

void append_latencies(MetricsText& out, const std::vector<status::Latency>& latencies) {
  std::array<double, status::latency_bounds_ns.size()> bounds{};
  std::ranges::transform(status::latency_bounds_ns, bounds.begin(),
                         [](std::uint64_t ns) { return as_double(ns) / 1e9; });
  out.histogram("tapeline_latency_seconds",
                "Latency between two places; `packet to rows` is from end to end of this process.");
  for_each(latencies, [&](const status::Latency& one) {
    if (one.buckets.size() == bounds.size())
      out.distribution({{"path", trimmed(one.name)}}, bounds, one.buckets, one.count,
                       as_double(one.sum_ns) / 1e9);
  });
  out.gauge("tapeline_latency_quantile_seconds",
            "Latency between two places, since the start; 1 is the longest.");
  for_each(latencies, [&](const status::Latency& one) {
    const std::pair<std::string_view, std::uint64_t> quantiles[] = {{"0.5", one.p50_ns},
                                                                    {"0.9", one.p90_ns},
                                                                    {"0.99", one.p99_ns},
                                                                    {"0.999", one.p999_ns},
                                                                    {"1", one.max_ns}};
    for (const auto& [quantile, ns] : quantiles)
      out.sample({{"path", trimmed(one.name)}, {"quantile", quantile}}, as_double(ns) / 1e9);
  });
}

void append_checkpoints(MetricsText& out, const status::Checkpoints& checkpoints) {
  out.counter("tapeline_checkpoints_total", "Checkpoints by their outcome.");
  out.sample({{"outcome", "taken"}}, as_double(checkpoints.taken));
  out.sample({{"outcome", "failed"}}, as_double(checkpoints.failed));
  const auto gauge = [&](std::string_view name, std::string_view help, double value) {
    out.gauge(name, help);
    out.sample(value);
  };
  gauge("tapeline_checkpoint_age_seconds", "Time since the last checkpoint.",
        as_double(checkpoints.age_ms) / 1e3);
  gauge("tapeline_checkpoint_duration_seconds", "How long the last checkpoint took.",
        as_double(checkpoints.duration_us) / 1e6);
  gauge("tapeline_checkpoint_bytes", "Size of the last checkpoint.", as_double(checkpoints.bytes));
  gauge("tapeline_checkpoint_keys", "Books that it saved.", as_double(checkpoints.keys));
  gauge("tapeline_checkpoint_longest_stall_seconds", "The longest that a worker ever waited for one.",
        as_double(checkpoints.longest_stall_us) / 1e6);
}

void append_alerts(MetricsText& out, const status::Status& status) {
  out.gauge("tapeline_alerts_firing", "Alerts of the pipeline's own that fire.");
  out.sample(as_double(status.alerts.size()));
  out.gauge("tapeline_alert_firing", "1 for each of them.");
  for_each(status.alerts, [&](const status::Alert& alert) {
    out.sample({{"name", alert.name}, {"severity", alert.severity}, {"partition", alert.partition}}, 1);
  });
  out.counter("tapeline_alert_notifications_total", "What became of what a target was to be told.");
  for_each(status.alert_targets, [&](const status::AlertTarget& target) {
    const std::pair<std::string_view, std::uint64_t> outcomes[] = {
        {"sent", target.sent}, {"failed", target.failed}, {"dropped", target.dropped}};
    for (const auto& [outcome, count] : outcomes)
      out.sample({{"target", target.name}, {"outcome", outcome}}, as_double(count));
  });
  out.counter("tapeline_alert_retries_total", "Tries that failed and were followed by another.");
  for_each(status.alert_targets, [&](const status::AlertTarget& target) {
    out.sample({{"target", target.name}}, as_double(target.retries));
  });
  out.gauge("tapeline_alert_notifications_waiting", "What a target has yet to be told.");
  for_each(status.alert_targets, [&](const status::AlertTarget& target) {
    out.sample({{"target", target.name}}, as_double(target.waiting));
  });
}

void append_machine(MetricsText& out, const status::Status& status) {
  out.gauge("tapeline_build_info", "1, with the program's version.");
  out.sample({{"version", status.version}}, 1);
  const auto gauge = [&](std::string_view name, std::string_view help, double value) {
    out.gauge(name, help);
    out.sample(value);
  };
  gauge("tapeline_uptime_seconds", "How long the pipeline has been running.",
        as_double(status.uptime_ms) / 1e3);
  gauge("tapeline_resident_memory_bytes", "Memory of the pipeline's process.",
        as_double(status.memory.resident_bytes));
  gauge("tapeline_resident_memory_peak_bytes", "The most that it ever was.",
        as_double(status.memory.peak_resident_bytes));
  gauge("tapeline_clock_synchronised", "Whether something keeps this machine's clock right.",
        status.clock.synchronised ? 1 : 0);
  out.gauge("tapeline_clock_error_bound_seconds", "How far the clock may be off; NaN where nobody says.");
  out.sample(seconds_or_unknown(status.clock.error_bound_ns));
  gauge("tapeline_warnings", "What is wrong now: how many warnings the status has.",
        as_double(status.warnings.size()));
}

void append_traces(MetricsText& out, const status::Traces& traces) {
  out.counter("tapeline_traces_total", "Traces of messages by what became of them.");
  out.sample({{"outcome", "sent"}}, as_double(traces.sent));
  out.sample({{"outcome", "dropped"}}, as_double(traces.dropped));
  out.sample({{"outcome", "slow_untraced"}}, as_double(traces.slow_untraced));
}

void append_pipeline(MetricsText& out, const status::Status& status) {
  append_machine(out, status);
  out.counter("tapeline_stage_items_total", "What has passed a stage of the pipeline.");
  for_each(status.stages, [&](const status::Stage& stage) {
    out.sample({{"stage", stage.name}, {"unit", stage.unit}}, as_double(stage.total));
  });
  append_feed(out, status.feed);
  append_market(out, status);
  out.gauge("tapeline_topic_bytes", "Size of a topic of the log on disk.");
  for_each(status.topics,
           [&](const auto& topic) { out.sample({{"topic", topic.name}}, as_double(topic.bytes)); });
  out.counter("tapeline_topic_records_total", "Records of a topic, ever.");
  for_each(status.topics,
           [&](const auto& topic) { out.sample({{"topic", topic.name}}, as_double(topic.records)); });
  append_workers(out, status.workers);
  append_latencies(out, status.latencies);
  append_checkpoints(out, status.checkpoints);
  append_traces(out, status.traces);
  append_alerts(out, status);
}

// Two digits, so that levels sort as they stand in the book.
std::string level_text(std::size_t level) {
  return fmt::format("{:02}", level + 1);
}

void append_levels(MetricsText& out, const std::vector<WatchedBook>& watched, auto value) {
  for (const WatchedBook& book : watched)
    for (const auto& [side, levels] : {std::pair{"bid", &book.bids}, std::pair{"ask", &book.asks}})
      for (std::size_t i = 0; i < levels->size(); ++i)
        out.sample({{"symbol", book.symbol}, {"side", side}, {"level", level_text(i)}}, value((*levels)[i]));
}

void append_watched(MetricsText& out, const std::vector<WatchedBook>& watched) {
  out.gauge("tapeline_book_depth_shares", "Shares of a price level of a watched book; level 01 is the best.");
  append_levels(out, watched, [](const book::LevelView& level) { return as_double(level.shares); });
  out.gauge("tapeline_book_price_dollars", "Price of such a level.");
  append_levels(out, watched, [](const book::LevelView& level) { return level.price.dollars(); });
  out.gauge("tapeline_book_spread_dollars", "Best ask less best bid of a watched book that has both.");
  for (const WatchedBook& book : watched)
    if (!book.bids.empty() && !book.asks.empty())
      out.sample({{"symbol", book.symbol}},
                 book.asks.front().price.dollars() - book.bids.front().price.dollars());
  out.gauge("tapeline_book_imbalance_ratio", "(bid - ask) / (bid + ask) of the shares at its best prices.");
  for (const WatchedBook& book : watched) {
    if (book.bids.empty() || book.asks.empty()) continue;
    const double bid = as_double(book.bids.front().shares);
    const double ask = as_double(book.asks.front().shares);
    out.sample({{"symbol", book.symbol}}, (bid - ask) / (bid + ask));
  }
  out.gauge("tapeline_book_good", "Whether a watched book has no flag of quality.");
  for (const WatchedBook& book : watched)
    out.sample({{"symbol", book.symbol}}, book.quality == Quality::good ? 1 : 0);
  out.counter("tapeline_symbol_messages_total", "Messages about a watched symbol in this session.");
  for (const WatchedBook& book : watched) out.sample({{"symbol", book.symbol}}, as_double(book.messages));
  out.counter("tapeline_symbol_trades_total", "Its trades that count as volume.");
  for (const WatchedBook& book : watched) out.sample({{"symbol", book.symbol}}, as_double(book.trades));
  out.counter("tapeline_symbol_volume_shares_total", "Shares of these.");
  for (const WatchedBook& book : watched) out.sample({{"symbol", book.symbol}}, as_double(book.volume));
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

void MetricsText::line(std::string_view suffix, Labels labels, std::string_view le, double value) {
  text_.append(name_).append(suffix);
  if (labels.size() != 0 || !le.empty()) {
    char separator = '{';
    for (const auto& [name, text] : labels) {
      text_ += separator;
      label(name, text);
      separator = ',';
    }
    if (!le.empty()) {
      text_ += separator;
      label("le", le);
    }
    text_ += '}';
  }
  if (std::isnan(value))
    text_ += " NaN\n";
  else
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

void MetricsText::distribution(Labels labels, std::span<const double> bounds,
                               std::span<const std::uint64_t> counts, std::uint64_t count, double sum) {
  for (std::size_t i = 0; i < bounds.size(); ++i)
    line("_bucket", labels, fmt::format("{}", bounds[i]), as_double(counts[i]));
  line("_bucket", labels, "+Inf", as_double(count));
  line("_sum", labels, "", sum);
  line("_count", labels, "", as_double(count));
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
    out.sample({{"state", state}}, state == serve.view.state ? 1 : 0);
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
  out.sample({{"outcome", "done"}}, as_double(serve.rewinds.done));
  out.sample({{"outcome", "failed"}}, as_double(serve.rewinds.failed));
  out.sample({{"outcome", "refused"}}, as_double(serve.rewinds.refused));
  gauge("tapeline_pipeline_running", "Whether a pipeline answers on this data folder.", pipeline != nullptr);
  if (pipeline != nullptr) append_pipeline(out, *pipeline);
  append_watched(out, serve.watched);
  return out.take();
}

}  // namespace tapeline::serve
