#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "app/inspection_output.h"
#include "feed/itch50/messages.h"
#include "market/event_time_text.h"
#include "terminal/drawing.h"

namespace tapeline::app {

namespace {

using terminal::grouped;
using terminal::Ink;

constexpr std::size_t activity_columns = 60;
constexpr std::size_t most_halts_drawn = 8;

// "6 h 30 m", "12.5 s".
std::string duration_text(std::uint64_t nanoseconds) {
  const std::uint64_t seconds = nanoseconds / nanoseconds_per_second;
  if (seconds >= 3600) return fmt::format("{} h {} m", seconds / 3600, seconds / 60 % 60);
  if (seconds >= 60) return fmt::format("{} m {} s", seconds / 60, seconds % 60);
  return fmt::format("{:.3f} s", static_cast<double>(nanoseconds) / 1e9);
}

std::string rate_text(double per_second) {
  return per_second < 100 ? fmt::format("{:.1f}", per_second)
                          : grouped(static_cast<std::uint64_t>(per_second + 0.5));
}

class Page {
 public:
  Page(const InspectionReport& report, const Inspection& seen, const Anomalies& anomalies,
       const StandardOutput& output)
      : report_(report), seen_(seen), anomalies_(anomalies), colour_(output.colour), width_(output.width) {}

  std::string draw() {
    draw_summary();
    draw_activity();
    draw_types();
    draw_symbols();
    draw_day();
    draw_anomalies();
    return std::move(text_);
  }

 private:
  std::string paint(std::string_view text, Ink ink) const { return terminal::paint(text, ink, colour_); }

  void heading(std::string_view words) {
    std::string rule = fmt::format("── {} ", words);
    for (std::size_t columns = terminal::columns_of(rule); columns < width_; ++columns) rule += "─";
    text_ += paint(rule, Ink::dim) + '\n';
  }

  void fact(std::string_view name, std::string_view words) {
    text_ += fmt::format("{} {}\n", paint(fmt::format("{:<13}", name), Ink::dim), words);
  }

  void draw_summary() {
    const std::string compression = report_.compression.empty()     ? ""
                                    : report_.compression == "none" ? ", not compressed"
                                                                    : ", " + report_.compression;
    text_ += fmt::format("{}  {}{}\n", paint(terminal::printable(report_.name), Ink::strong), report_.format,
                         compression);
    heading("what is in it");
    fact("messages", fmt::format("{} in {} bytes", grouped(report_.messages), grouped(report_.bytes)));
    if (report_.packets != 0)
      fact("packets",
           fmt::format("{}, {} of them foreign", grouped(report_.packets), grouped(report_.foreign_packets)));
    if (seen_.has_times())
      fact("event time",
           fmt::format("{} to {} ({})", event_time_text(seen_.first()), event_time_text(seen_.last()),
                       duration_text(raw(seen_.last()) - raw(seen_.first()))));
    if (raw(seen_.first_captured()) != 0)
      fact("capture time", fmt::format("{} to {}", capture_time_text(seen_.first_captured()),
                                       capture_time_text(seen_.last_captured())));
    if (report_.peak_messages != 0)
      fact("rate", fmt::format("{} messages/s overall, {} in the busiest second, {}",
                               rate_text(report_.messages_per_second), grouped(report_.peak_messages),
                               event_time_text(report_.peak_second).substr(0, 8)));
    fact("symbols", grouped(report_.symbols));
    fact("orders", fmt::format("{} live at the end on {} price levels", grouped(report_.live_orders),
                               grouped(report_.live_levels)));
    if (seen_.peak_orders() != 0)
      fact("", fmt::format("{} at the peak, {}", grouped(seen_.peak_orders()),
                           event_time_text(seen_.peak_orders_time()).substr(0, 8)));
  }

  void draw_activity() {
    if (!seen_.has_times()) return;
    const std::size_t first = second_of(seen_.first());
    const std::size_t seconds = second_of(seen_.last()) - first + 1;
    const std::size_t columns = std::min(activity_columns, seconds);
    if (columns < 2) return;
    std::vector<std::uint64_t> counts(columns);
    for (std::size_t i = 0; i < seconds; ++i) counts[i * columns / seconds] += seen_.seconds()[first + i];
    fact("activity", paint(terminal::sparkline(counts), Ink::bid));
    const std::string from = event_time_text(seen_.first()).substr(0, 8);
    const std::string to = event_time_text(seen_.last()).substr(0, 8);
    const std::size_t space = columns > from.size() + to.size() ? columns - from.size() - to.size() : 1;
    fact("", paint(fmt::format("{}{}{}", from, std::string(space, ' '), to), Ink::dim));
    fact("", paint(fmt::format("{} a column, the highest {} messages",
                               duration_text(seconds * nanoseconds_per_second / columns),
                               grouped(*std::ranges::max_element(counts))),
                   Ink::dim));
  }

  static std::size_t second_of(EventTime time) {
    return std::min<std::uint64_t>(raw(time) / nanoseconds_per_second, Inspection::seconds_per_day);
  }

  void draw_types() {
    if (report_.types.empty()) return;
    heading("message types");
    const double most = static_cast<double>(report_.types.front().second);
    for (const auto& [type, count] : report_.types) {
      const char code = static_cast<char>(type);
      std::string_view name = type < 0 ? "without a type" : itch50::message_name(code);
      if (name.empty()) name = "unknown to ITCH 5.0";
      const double share = static_cast<double>(count) / static_cast<double>(report_.messages) * 100;
      text_ += fmt::format("  {:<4}  {:<22}  {:>13}  {:>5.1f} %  {}\n", type_text(type), name, grouped(count),
                           share,
                           paint(terminal::bar(static_cast<double>(count) / most, bar_width(57)), Ink::bid));
    }
  }

  static std::string type_text(int type) {
    if (type < 0) return "–";
    if (type > 0x20 && type < 0x7f) return std::string(1, static_cast<char>(type));
    return fmt::format("0x{:02x}", type);
  }

  std::size_t bar_width(std::size_t taken) const { return width_ > taken + 8 ? width_ - taken : 8; }

  void draw_symbols() {
    if (report_.busiest.empty()) return;
    heading(fmt::format("busiest {} of {} symbols", report_.busiest.size(), grouped(report_.symbols)));
    text_ += paint(fmt::format("  {:<8}  {:>12}  {:>12}  {:>10}  {:>13}", "symbol", "messages", "adds",
                               "executions", "volume"),
                   Ink::dim) +
             '\n';
    const double most = static_cast<double>(report_.busiest.front().messages);
    for (const SymbolActivity& symbol : report_.busiest)
      text_ += fmt::format(
          "  {:<8}  {:>12}  {:>12}  {:>10}  {:>13}  {}\n", terminal::printable(symbol.symbol.view()),
          grouped(symbol.messages), grouped(symbol.adds), grouped(symbol.executions), grouped(symbol.volume),
          paint(terminal::bar(static_cast<double>(symbol.messages) / most, bar_width(67)), Ink::bid));
  }

  void draw_day() {
    if (seen_.system_events().empty() && seen_.halt_count() == 0 && seen_.circuit_breakers().empty()) return;
    heading("the day");
    std::vector<std::pair<EventTime, std::string>> lines;
    for (const MarketEvent& event : seen_.system_events())
      lines.emplace_back(event.time, system_event_words(event.code));
    for (const MarketEvent& event : seen_.circuit_breakers())
      lines.emplace_back(event.time, "market-wide circuit breaker, level " + terminal::printable(event.code));
    std::ranges::stable_sort(lines, {}, &std::pair<EventTime, std::string>::first);
    for (const auto& [time, words] : lines) text_ += fmt::format("  {}  {}\n", event_time_text(time), words);
    if (seen_.halt_count() == 0) return;
    text_ += fmt::format("  {} halts and pauses\n", grouped(seen_.halt_count()));
    const std::vector<Halt>& halts = seen_.halts();
    for (std::size_t i = 0; i < std::min(halts.size(), most_halts_drawn); ++i) {
      const Halt& halt = halts[i];
      text_ += fmt::format(
          "  {}  {:<8}  {}{}, {}\n", event_time_text(halt.time), terminal::printable(halt.symbol.view()),
          halt.state == 'H' ? "halted" : "paused",
          halt.reason.view().empty() ? "" : fmt::format(" ({})", terminal::printable(halt.reason.view())),
          halt.resumed ? "trading again at " + event_time_text(*halt.resumed) : "not resumed");
    }
    if (seen_.halt_count() > most_halts_drawn)
      text_ +=
          paint(fmt::format("  … {} more", grouped(seen_.halt_count() - most_halts_drawn)), Ink::dim) + '\n';
  }

  void draw_anomalies() {
    heading("anomalies");
    bool any = false;
    for (std::size_t i = 0; i < anomaly_count; ++i) {
      const Finding& finding = anomalies_.findings()[i];
      if (finding.count == 0) continue;
      any = true;
      const std::string first =
          finding.first_message ? fmt::format(", first at message {}", grouped(*finding.first_message)) : "";
      text_ += fmt::format("  {}  {}{}\n", paint(fmt::format("{:>12}", grouped(finding.count)), Ink::ask),
                           anomaly_names[i].words, first);
    }
    if (report_.error)
      text_ += "  " + paint("the input ends in an error; all before it is counted above", Ink::alarm) + '\n';
    else if (!any)
      text_ += "  none\n";
  }

  const InspectionReport& report_;
  const Inspection& seen_;
  const Anomalies& anomalies_;
  bool colour_;
  std::size_t width_;
  std::string text_;
};

}  // namespace

std::string capture_time_text(CaptureTime time) {
  const auto seconds = static_cast<std::time_t>(raw(time) / nanoseconds_per_second);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     raw(time) % nanoseconds_per_second);
}

std::string inspection_page(const InspectionReport& report, const Inspection& seen,
                            const Anomalies& anomalies, const StandardOutput& output) {
  return Page(report, seen, anomalies, output).draw();
}

}  // namespace tapeline::app
