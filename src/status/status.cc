#include "status/status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace tapeline::status {

namespace {

constexpr std::size_t most_json = 4 << 20;
constexpr std::uint64_t format_version = 1;

// The library converts a fraction to a whole number without a look at its range.
bool convertible(const nlohmann::json& value) {
  return !value.is_number_float() || (value.get<double>() >= 0 && value.get<double>() < 0x1p63);
}

}  // namespace

// The names in the JSON are those of the members.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Stage, name, unit, total, per_second, history)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FeedLine, name, up, packets, first_arrivals, duplicates,
                                                malformed, kernel_drops, silent_ms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Feed, venue, session, state, next_sequence, lines, open_gaps,
                                                closed_gaps, requests, retransmitted_messages, snapshots,
                                                lost_messages, messages)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Tally, name, total)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Alert, name, severity, partition, summary, remedy, since_ms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(AlertTarget, name, sent, retries, failed, dropped, waiting,
                                                last_error)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Topic, name, partitions, records, bytes, segments)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Worker, index, key_groups, position, lag_messages,
                                                back_pressure, rows, busy, live_orders)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Latency, name, count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns,
                                                note, sum_ns, buckets)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Checkpoints, taken, failed, age_ms, keys, bytes, duration_us,
                                                longest_stall_us, last_error)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Traces, sampled, slow, slow_untraced, sent, dropped,
                                                missed_records)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Memory, resident_bytes, peak_resident_bytes)

// By hand for the bound, which is null where it is not known.
void to_json(nlohmann::json& json, const Clock& clock) {
  json = {{"source", clock.source},
          {"synchronised", clock.synchronised},
          {"error_bound_ns", nullptr},
          {"detail", clock.detail}};
  if (clock.error_bound_ns) json["error_bound_ns"] = *clock.error_bound_ns;
}

void from_json(const nlohmann::json& json, Clock& clock) {
  clock.source = json.value("source", clock.source);
  clock.synchronised = json.value("synchronised", clock.synchronised);
  clock.detail = json.value("detail", clock.detail);
  const auto bound = json.find("error_bound_ns");
  if (bound != json.end() && !bound->is_null()) clock.error_bound_ns = bound->get<std::uint64_t>();
}

// By hand for the same reason.
void to_json(nlohmann::json& json, const Market& market) {
  json = {{"newest_ns", market.newest_ns}, {"behind_ns", nullptr},      {"minute", market.minute},
          {"hours", market.hours},         {"symbols", market.symbols}, {"not_trading", market.not_trading},
          {"crossed", market.crossed},     {"gapped", market.gapped},   {"recovering", market.recovering},
          {"suspect", market.suspect}};
  if (market.behind_ns) json["behind_ns"] = *market.behind_ns;
}

void from_json(const nlohmann::json& json, Market& market) {
  market.newest_ns = json.value("newest_ns", market.newest_ns);
  market.minute = json.value("minute", market.minute);
  market.hours = json.value("hours", market.hours);
  market.symbols = json.value("symbols", market.symbols);
  market.not_trading = json.value("not_trading", market.not_trading);
  market.crossed = json.value("crossed", market.crossed);
  market.gapped = json.value("gapped", market.gapped);
  market.recovering = json.value("recovering", market.recovering);
  market.suspect = json.value("suspect", market.suspect);
  const auto behind = json.find("behind_ns");
  if (behind != json.end() && !behind->is_null()) market.behind_ns = behind->get<std::uint64_t>();
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Status, version, process, uptime_ms, started_at_ns,
                                                caught_up_at_ns, stages, feed, market, book_events, topics,
                                                workers, latencies, checkpoints, traces, clock, memory,
                                                warnings, alerts, alert_targets)

std::string encode(const Status& status) {
  nlohmann::json json = status;
  json["format"] = format_version;
  for (nlohmann::json& worker : json["workers"]) {
    for (const char* name : {"back_pressure", "busy"}) {
      const double share = worker[name].get<double>();
      worker[name] = share > 0 ? std::min(share, 1.0) : 0;  // 0 of a NaN, too: JSON has none.
    }
  }
  // A session's name is the exchange's and may hold any bytes.
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Result<Status> decode(std::string_view json) {
  if (json.size() > most_json)
    return fail(ErrorCode::corrupt, fmt::format("a status of {} bytes is none", json.size()));
  try {
    bool fine = true;
    const auto check = [&fine](int, nlohmann::json::parse_event_t, nlohmann::json& value) {
      fine = fine && convertible(value);
      return true;
    };
    const nlohmann::json parsed = nlohmann::json::parse(json, check);
    if (!fine)
      return fail(ErrorCode::corrupt, "what the pipeline answered holds a number that is out of range");
    if (parsed.contains("error"))
      return fail(ErrorCode::unsupported,
                  "the pipeline refused to tell: " + parsed.at("error").get<std::string>());
    if (!parsed.is_object() || parsed.value("format", std::uint64_t{0}) != format_version)
      return fail(ErrorCode::unsupported,
                  "the pipeline's status has another format; use the program that runs it");
    return parsed.get<Status>();
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorCode::corrupt, fmt::format("what the pipeline answered is no status: {}", error.what()));
  }
}

void RateHistory::note(std::uint64_t total, std::uint64_t now_ns) {
  constexpr std::uint64_t least_interval_ns = 500'000'000;
  total_ = total;
  if (started_ && now_ns - noted_ns_ < least_interval_ns) return;
  if (started_) {
    const double rate =
        static_cast<double>(total - noted_total_) * 1e9 / static_cast<double>(now_ns - noted_ns_);
    if (history_.size() == most_seconds) history_.erase(history_.begin());
    history_.push_back(static_cast<std::uint64_t>(rate + 0.5));
  }
  started_ = true;
  noted_total_ = total;
  noted_ns_ = now_ns;
}

}  // namespace tapeline::status
