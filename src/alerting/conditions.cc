#include "alerting/conditions.h"

#include <algorithm>

#include <fmt/format.h>

#include "metrics/quantity_text.h"

namespace tapeline::alerting {

namespace {

using metrics::time_text;
using status::Alert;
using status::Status;
using status::Worker;

constexpr const char* critical = "critical";
constexpr const char* error = "error";
constexpr const char* warning = "warning";

// Where silence means something: while the market is open, and not all of it is halted.
bool should_trade(const Limits& limits, const Status& status) {
  const status::Market& market = status.market;
  const bool in_session = status.feed.state == "live" || status.feed.state == "recovering";
  const bool is_open = market.hours == "unknown"
                           ? market.minute >= limits.open_minute && market.minute < limits.close_minute
                           : market.hours == "open";
  return in_session && is_open && market.not_trading < market.symbols;
}

std::uint64_t greatest_lag(const Status& status) {
  std::uint64_t lag = 0;
  for (const Worker& worker : status.workers) lag = std::max(lag, worker.lag_messages);
  return lag;
}

void find_stale(const Limits& limits, const Status& status, std::vector<Alert>& out) {
  Alert alert{.name = "StaleData", .severity = critical};
  if (status.feed.state == "stale") {
    std::uint64_t silent_ms = UINT64_MAX;
    for (const status::FeedLine& line : status.feed.lines) silent_ms = std::min(silent_ms, line.silent_ms);
    alert.summary = fmt::format("the feed of {} has been silent for {}", status.feed.venue,
                                time_text(std::min(silent_ms, UINT64_MAX / 1'000'000) * 1'000'000));
    alert.remedy = "see whether the exchange and the network to it work; heartbeats come every second";
    return out.push_back(std::move(alert));
  }
  const std::optional<std::uint64_t> behind_ns = status.market.behind_ns;
  if (!behind_ns || *behind_ns <= limits.stale_ns || !should_trade(limits, status)) return;
  alert.summary = fmt::format("the newest market data of {} are {} behind, more than {}", status.feed.venue,
                              time_text(*behind_ns), time_text(limits.stale_ns));
  const std::uint64_t lag = greatest_lag(status);
  if (lag >= limits.skew_messages)
    alert.remedy = fmt::format(
        "workers are up to {} messages behind the log: give them more cores, then "
        "`tapeline scale {}`",
        lag, status.workers.size() + 1);
  else if (status.feed.open_gaps != 0)
    alert.remedy = "what is missing holds up what is there: see `tapeline status` on requests and snapshots";
  else
    alert.remedy = "the workers keep up with what comes: look at the feed's lines, the network, both clocks";
  out.push_back(std::move(alert));
}

void find_skew(const Limits& limits, const Status& status, std::vector<Alert>& out) {
  if (status.workers.size() < 2) return;
  for (const Worker& worker : status.workers) {
    if (worker.lag_messages < limits.skew_messages) continue;
    std::vector<std::uint64_t> others;
    for (const Worker& other : status.workers)
      if (&other != &worker) others.push_back(other.lag_messages);
    const auto middle = others.begin() + static_cast<std::ptrdiff_t>(others.size() / 2);
    std::ranges::nth_element(others, middle);
    if (static_cast<double>(worker.lag_messages) <= limits.skew_ratio * static_cast<double>(*middle))
      continue;
    out.push_back(
        {.name = "PartitionSkew",
         .severity = warning,
         .partition = std::to_string(worker.index),
         .summary = fmt::format("partition {} is {} messages behind the log, the median of the others {}",
                                worker.index, worker.lag_messages, *middle),
         .remedy =
             fmt::format("`tapeline scale {}` deals its {} key groups out anew; a worker that shares its "
                         "core is helped by stream.pin_cpus",
                         status.workers.size() + 1, worker.key_groups)});
  }
}

void find_gap(const Status& status, std::vector<Alert>& out) {
  if (status.market.gapped != 0)
    out.push_back({.name = "Gap",
                   .severity = error,
                   .summary = fmt::format("{} books of {} lack messages for good, {} were given up",
                                          status.market.gapped, status.feed.venue, status.feed.lost_messages),
                   .remedy = "a snapshot mends them: set feed.snapshot_server; else the next session does"});
  else if (status.feed.open_gaps != 0)
    out.push_back({.name = "Gap",
                   .severity = error,
                   .summary = fmt::format("messages of {} are missing behind sequence {} and being fetched",
                                          status.feed.venue, status.feed.next_sequence),
                   .remedy = "see whether feed.retransmission_servers and feed.snapshot_server answer"});
}

void find_crossed(const Status& status, std::vector<Alert>& out) {
  if (status.market.crossed == 0) return;
  out.push_back(
      {.name = "CrossedBook",
       .severity = error,
       .summary = fmt::format("{} books have a bid above their ask outside an auction or halt",
                              status.market.crossed),
       .remedy = "the page's overview names them, in the column of quality; do not trade on these"});
}

void find_back_pressure(const Limits& limits, const Status& status, std::vector<Alert>& out) {
  for (const Worker& worker : status.workers)
    if (worker.back_pressure > limits.back_pressure)
      out.push_back(
          {.name = "BackPressure",
           .severity = warning,
           .partition = std::to_string(worker.index),
           .summary = fmt::format("the log had to wait for worker {} {:.0f} % of the time, {:.0f} % "
                                  "are allowed",
                                  worker.index, worker.back_pressure * 100, limits.back_pressure * 100),
           .remedy = fmt::format("`tapeline scale {}` where there are cores for it, or fewer tables",
                                 status.workers.size() + 1)});
}

void find_clock_error(const Limits& limits, const Status& status, std::vector<Alert>& out) {
  const status::Clock& clock = status.clock;
  if (!limits.clock_matters) return;
  if (clock.synchronised && (!clock.error_bound_ns || *clock.error_bound_ns <= limits.clock_error_ns)) return;
  const std::string summary =
      clock.synchronised ? fmt::format("the clock may be off by {}, more than {}",
                                       time_text(*clock.error_bound_ns), time_text(limits.clock_error_ns))
                         : "the clock is not synchronised: times of capture mean little";
  out.push_back({.name = "ClockError",
                 .severity = warning,
                 .summary = summary,
                 .remedy = "`tapeline doctor` says what steers the clock and how to mend it"});
}

void find_line_down(const Status& status, std::vector<Alert>& out) {
  // Where nothing comes at all, StaleData says so.
  if (status.feed.lines.size() < 2) return;
  if (status.feed.state != "live" && status.feed.state != "recovering") return;
  std::string down;
  for (const status::FeedLine& line : status.feed.lines)
    if (!line.up) down += (down.empty() ? "" : " and ") + line.name;
  if (down.empty()) return;
  out.push_back(
      {.name = "FeedLineDown",
       .severity = warning,
       .summary = fmt::format("nothing comes on line {} of {}: a loss on the other one is a gap now", down,
                              status.feed.venue),
       .remedy = "see whether the switch forwards the group and feed.interface is the right one"});
}

}  // namespace

std::vector<Alert> find_conditions(const Limits& limits, const Status& status) {
  std::vector<Alert> found;
  find_stale(limits, status, found);
  find_skew(limits, status, found);
  find_gap(status, found);
  find_crossed(status, found);
  find_back_pressure(limits, status, found);
  find_clock_error(limits, status, found);
  find_line_down(status, found);
  return found;
}

std::string key_of(const Alert& alert) {
  return alert.partition.empty() ? alert.name : alert.name + '/' + alert.partition;
}

}  // namespace tapeline::alerting
