#include "status/status_page.h"

#include <algorithm>

#include <fmt/format.h>

#include "metrics/quantity_text.h"
#include "terminal/drawing.h"

namespace tapeline::status {

namespace {

using metrics::bytes_text;
using metrics::time_text;
using terminal::grouped;
using terminal::Ink;

constexpr std::size_t least_width = 80;
constexpr std::size_t most_drawn = 64;  // Of workers, stages and the like.

// "2 h 05 m", "4 m 10 s", "12.3 s".
std::string span_text(std::uint64_t milliseconds) {
  const std::uint64_t seconds = milliseconds / 1'000;
  if (seconds >= 36'000'000) return "over 10000 h";
  if (seconds >= 3'600) return fmt::format("{} h {:02} m", seconds / 3'600, seconds / 60 % 60);
  if (seconds >= 60) return fmt::format("{} m {:02} s", seconds / 60, seconds % 60);
  return fmt::format("{:.1f} s", static_cast<double>(milliseconds) / 1e3);
}

// The same in at most 9 columns.
std::string silence_text(std::uint64_t milliseconds) {
  constexpr std::uint64_t longest = 100 * 3'600'000;
  return milliseconds < longest ? span_text(milliseconds) : "over 99 h";
}

// "1,234,567" in at most `width` (at least 7) columns; what does not fit is rounded: "1.8e+19".
std::string counted(std::uint64_t value, std::size_t width = 15) {
  std::string text = grouped(value);
  return text.size() <= width ? text : fmt::format("{:.1e}", static_cast<double>(value));
}

std::string plural(std::uint64_t count, std::string_view one, std::string_view more) {
  return fmt::format("{} {}", counted(count), count == 1 ? one : more);
}

// A name from outside, cut to a column's width.
std::string cut(std::string_view text, std::size_t width) {
  return terminal::printable(text.substr(0, width));
}

class Page {
 public:
  Page(const Status& status, const PageOptions& options)
      : status_(status), width_(std::max(options.width, least_width)), colour_(options.colour) {}

  std::string draw() {
    draw_head();
    draw_stages();
    draw_feed();
    draw_workers();
    draw_latencies();
    draw_checkpoints();
    draw_topics();
    draw_machine();
    return std::move(text_);
  }

 private:
  std::string paint(std::string_view text, Ink ink) const { return terminal::paint(text, ink, colour_); }
  void heading(std::string_view words) { text_ += paint(terminal::rule(words, width_), Ink::dim); }
  void columns(const std::string& names) { text_ += paint(names, Ink::dim) + '\n'; }

  // Words that go on below themselves where they do not fit.
  void words(std::string_view text, Ink ink = Ink::plain) {
    for (const std::string& line : terminal::wrapped(text, width_ - 2))
      text_ += "  " + paint(std::string_view(line).substr(0, width_ - 2), ink) + '\n';
  }
  void fact(std::string_view name, std::string_view text, Ink ink = Ink::plain) {
    constexpr std::size_t indent = 15;
    std::string head = fmt::format("  {:<11}  ", name);
    for (const std::string& line : terminal::wrapped(text, width_ - indent)) {
      text_ += paint(head, Ink::dim) + paint(line, ink) + '\n';
      head = std::string(indent, ' ');
    }
  }

  void draw_head() {
    const Feed& feed = status_.feed;
    const bool good = feed.state == "live" || feed.state == "waiting" || feed.state == "ended";
    text_ += fmt::format(
        "{}  {}  {}\n", paint("tapeline " + cut(status_.version, 10), Ink::strong),
        paint(feed.state.empty() ? "starting" : cut(feed.state, 12), good ? Ink::bid : Ink::alarm),
        paint(fmt::format("process {}, up {}", status_.process, span_text(status_.uptime_ms)), Ink::dim));
    for (const std::string& warning : status_.warnings) words(terminal::printable(warning), Ink::alarm);
    draw_alerts();
  }

  void draw_alerts() {
    for (std::size_t i = 0; i < std::min(status_.alerts.size(), most_drawn); ++i) {
      const Alert& alert = status_.alerts[i];
      words(terminal::printable(
                fmt::format("{} for {}: {}", alert.name, span_text(alert.since_ms), alert.summary)),
            alert.severity == "warning" ? Ink::ask : Ink::alarm);
      words(terminal::printable("  " + alert.remedy), Ink::dim);
    }
  }

  void draw_stages() {
    if (status_.stages.empty()) return;
    heading("stages");
    constexpr std::size_t taken = 2 + 12 + 2 + 15 + 1 + 9 + 2 + 15 + 3;
    for (std::size_t i = 0; i < std::min(status_.stages.size(), most_drawn); ++i) {
      const Stage& stage = status_.stages[i];
      const std::size_t room = std::min(width_ - taken - 1, stage.history.size());
      const std::span<const std::uint64_t> newest(stage.history.end() - static_cast<std::ptrdiff_t>(room),
                                                  stage.history.end());
      text_ += fmt::format("  {:<12}  {:>15} {:<9}  {:>15}/s {}\n", cut(stage.name, 12), counted(stage.total),
                           cut(stage.unit, 9), counted(stage.per_second),
                           paint(terminal::sparkline(newest), Ink::bid));
    }
  }

  void draw_feed() {
    const Feed& feed = status_.feed;
    heading(feed.session.empty() ? "feed" : fmt::format("feed, session {}", cut(feed.session, 10)));
    if (!feed.lines.empty())
      columns(fmt::format("  {:<4} {:<4} {:>12} {:>12} {:>12} {:>9} {:>7}  {}", "", "", "packets",
                          "first here", "duplicates", "malformed", "dropped", "silent"));
    for (std::size_t i = 0; i < std::min(feed.lines.size(), most_drawn); ++i) {
      const FeedLine& line = feed.lines[i];
      text_ += fmt::format("  {:<4} {} {:>12} {:>12} {:>12} {:>9} {}  {}\n", cut(line.name, 4),
                           paint(line.up ? "up  " : "down", line.up ? Ink::bid : Ink::alarm),
                           counted(line.packets, 12), counted(line.first_arrivals, 12),
                           counted(line.duplicates, 12), counted(line.malformed, 9),
                           paint(fmt::format("{:>7}", counted(line.kernel_drops, 7)),
                                 line.kernel_drops == 0 ? Ink::plain : Ink::ask),
                           silence_text(line.silent_ms));
    }
    fact("next", fmt::format("message {}", counted(feed.next_sequence)));
    fact("gaps",
         fmt::format("{} open, {} closed: {} fetched by {}, {}", counted(feed.open_gaps),
                     counted(feed.closed_gaps), plural(feed.retransmitted_messages, "message", "messages"),
                     plural(feed.requests, "request", "requests"),
                     plural(feed.snapshots, "snapshot taken", "snapshots taken")),
         feed.open_gaps == 0 ? Ink::plain : Ink::ask);
    if (feed.lost_messages != 0)
      fact("lost", plural(feed.lost_messages, "message", "messages") + ": books are marked gapped",
           Ink::alarm);
  }

  void draw_workers() {
    if (status_.workers.empty()) return;
    heading("workers");
    columns(fmt::format("  {:>4}  {:>10}  {:>15}  {:>15}  {:>6}", "", "key groups", "lag", "rows", "busy"));
    const std::size_t bar_width = std::min<std::size_t>(width_ - 64, 30);
    for (std::size_t i = 0; i < std::min(status_.workers.size(), most_drawn); ++i) {
      const Worker& worker = status_.workers[i];
      const double busy = std::clamp(worker.back_pressure, 0.0, 1.0);
      text_ += fmt::format("  {:>4}  {:>10}  {:>15}  {:>15}  {:>4.0f} % {}\n",
                           cut(std::to_string(worker.index), 4), counted(worker.key_groups, 10),
                           counted(worker.lag_messages), counted(worker.rows), busy * 100,
                           paint(terminal::bar(busy, bar_width), busy < 0.9 ? Ink::bid : Ink::ask));
    }
    if (status_.workers.size() > most_drawn)
      columns(fmt::format("  … {} more", status_.workers.size() - most_drawn));
  }

  void draw_latencies() {
    if (status_.latencies.empty()) return;
    heading("delays");
    columns(fmt::format("  {:<20} {:>9} {:>9} {:>9} {:>9} {:>9}", "", "p50", "p90", "p99", "p99.9", "max"));
    for (std::size_t i = 0; i < std::min(status_.latencies.size(), most_drawn); ++i) {
      const Latency& one = status_.latencies[i];
      if (one.count == 0)
        text_ += fmt::format("  {:<20} {:>9}\n", cut(one.name, 20), "none yet");
      else
        text_ += fmt::format("  {:<20} {:>9} {:>9} {:>9} {:>9} {:>9}\n", cut(one.name, 20), delay(one.p50_ns),
                             delay(one.p90_ns), delay(one.p99_ns), delay(one.p999_ns), delay(one.max_ns));
      if (one.note.empty()) continue;
      for (const std::string& line : terminal::wrapped(printable_words(one.note), width_ - 4))
        text_ += "    " + paint(line, Ink::dim) + '\n';
    }
  }

  // In at most 9 columns.
  static std::string delay(std::uint64_t nanoseconds) {
    const std::uint64_t hours = nanoseconds / 3'600'000'000'000;
    return hours == 0 ? time_text(nanoseconds) : fmt::format("{} h", hours);
  }

  // A note may hold "±", which is ours.
  static std::string printable_words(std::string_view text) {
    std::string clean;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const bool sign = text.substr(at).starts_with("±");
      clean += sign ? "±" : terminal::printable(text[at]);
      at += sign ? 1 : 0;
    }
    return clean;
  }

  void draw_checkpoints() {
    const Checkpoints& c = status_.checkpoints;
    if (c.taken == 0 && c.failed == 0) return;
    heading("checkpoints");
    words(fmt::format("{} taken, the last {} ago: {}, {} in {}; the longest stall {}", counted(c.taken),
                      span_text(c.age_ms), plural(c.keys, "key", "keys"), bytes_text(c.bytes),
                      time_text(saturated_us(c.duration_us)), time_text(saturated_us(c.longest_stall_us))));
    if (c.failed != 0)
      words(fmt::format("{} failed, the last: {}", counted(c.failed), terminal::printable(c.last_error)),
            Ink::alarm);
  }

  static std::uint64_t saturated_us(std::uint64_t microseconds) {
    return microseconds > UINT64_MAX / 1'000 ? UINT64_MAX : microseconds * 1'000;
  }

  void draw_topics() {
    if (status_.topics.empty()) return;
    heading("log");
    for (std::size_t i = 0; i < std::min(status_.topics.size(), most_drawn); ++i) {
      const Topic& topic = status_.topics[i];
      fact(cut(topic.name, 11),
           fmt::format("{} in {}, {} in {}", plural(topic.records, "record", "records"),
                       plural(topic.partitions, "partition", "partitions"), bytes_text(topic.bytes),
                       plural(topic.segments, "segment", "segments")));
    }
  }

  void draw_machine() {
    heading("machine");
    const Clock& clock = status_.clock;
    if (clock.synchronised)
      fact("clock", fmt::format("by {}{}", cut(clock.source, 20),
                                clock.error_bound_ns ? ", within ±" + time_text(*clock.error_bound_ns) : ""));
    else
      fact("clock", "not synchronised: delays from the exchange are not to be relied on", Ink::ask);
    fact("memory", fmt::format("{}, {} at most", bytes_text(status_.memory.resident_bytes),
                               bytes_text(status_.memory.peak_resident_bytes)));
  }

  const Status& status_;
  std::size_t width_;
  bool colour_;
  std::string text_;
};

}  // namespace

std::string draw_status(const Status& status, const PageOptions& options) {
  return Page(status, options).draw();
}

}  // namespace tapeline::status
