#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// What a running pipeline tells of itself: docs/formats/status.md. Numbers count from the start of the
// process unless they say otherwise.
namespace tapeline::status {

// A place that messages pass on their way, in their order: "captured", "sequenced", "logged", "computed".
struct Stage {
  std::string name;
  std::string unit;  // "packets"
  std::uint64_t total = 0;
  std::uint64_t per_second = 0;          // Over the last second.
  std::vector<std::uint64_t> history{};  // Per second, newest last; at most RateHistory::most_seconds.
};

// One of the redundant feeds.
struct FeedLine {
  std::string name;
  bool up = false;
  std::uint64_t packets = 0;
  std::uint64_t first_arrivals = 0;  // Packets that came here before they came anywhere else.
  std::uint64_t duplicates = 0;
  std::uint64_t malformed = 0;
  std::uint64_t kernel_drops = 0;
  std::uint64_t silent_ms = 0;  // Since its last packet.
};

struct Feed {
  std::string venue{};  // The exchange's market identifier code.
  std::string session;
  std::string state;  // "waiting", "live", "recovering", "stale", "ended"
  std::uint64_t next_sequence = 0;
  std::vector<FeedLine> lines{};
  std::uint64_t open_gaps = 0;
  std::uint64_t closed_gaps = 0;
  std::uint64_t requests = 0;
  std::uint64_t retransmitted_messages = 0;
  std::uint64_t snapshots = 0;      // Recoveries by snapshot.
  std::uint64_t lost_messages = 0;  // Of gaps that were given up.
  std::uint64_t messages = 0;       // Delivered in order, each once.
};

// What the books of all workers say, as of a second ago or less.
struct Market {
  // Of the exchange's clock, in nanoseconds since its midnight: the newest message that every worker has
  // taken in, and how far behind the present that is. The latter is unknown where the feed's times are not of
  // today.
  std::uint64_t newest_ns = 0;
  std::optional<std::uint64_t> behind_ns{};
  std::uint64_t minute = 0;       // Of the exchange's day, now.
  std::string hours = "unknown";  // What the feed last told of them: "before", "open", "after".
  std::uint64_t symbols = 0;
  std::uint64_t not_trading = 0;  // Of these: halted, paused, or only quoted.
  std::uint64_t crossed = 0;      // Books by quality; one may count in several.
  std::uint64_t gapped = 0;
  std::uint64_t recovering = 0;
  std::uint64_t suspect = 0;
};

// How often something happened.
struct Tally {
  std::string name{};  // "unknown_order"
  std::uint64_t total = 0;
};

struct Topic {
  std::string name;
  std::uint64_t partitions = 0;
  std::uint64_t records = 0;  // Its end.
  std::uint64_t bytes = 0;
  std::uint64_t segments = 0;
};

struct Worker {
  std::uint64_t index = 0;
  std::uint64_t key_groups = 0;
  std::uint64_t position = 0;      // In the feed topic.
  std::uint64_t lag_messages = 0;  // From there to its end.
  double back_pressure = 0;        // Share of the time in which the log had to wait for it, 0 to 1.
  std::uint64_t rows = 0;
  double busy = 0;  // Share of the time in which it worked.
  std::uint64_t live_orders = 0;
};

struct Latency {
  std::string name;  // "exchange to capture"
  std::uint64_t count = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p90_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t p999_ns = 0;
  std::uint64_t max_ns = 0;
  std::string note{};  // What has to be known to read it, as of negative delays.
  std::uint64_t sum_ns = 0;
  std::vector<std::uint64_t> buckets{};  // How many were at most latency_bounds_ns, each.
};

// Of Latency::buckets. A count may be short of values up to 1/64 below its bound.
inline constexpr std::array<std::uint64_t, 22> latency_bounds_ns{
    1'000,         2'500,         5'000,         10'000,        25'000,      50'000,
    100'000,       250'000,       500'000,       1'000'000,     2'500'000,   5'000'000,
    10'000'000,    25'000'000,    50'000'000,    100'000'000,   250'000'000, 500'000'000,
    1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

struct Checkpoints {
  std::uint64_t taken = 0;
  std::uint64_t failed = 0;
  std::uint64_t age_ms = 0;  // Of the last one.
  std::uint64_t keys = 0;    // In the last one.
  std::uint64_t bytes = 0;
  std::uint64_t duration_us = 0;
  std::uint64_t longest_stall_us = 0;  // That a worker waited for one, ever.
  std::string last_error{};
};

// Traces of messages; all 0 where none are sent.
struct Traces {
  std::uint64_t sampled = 0;
  std::uint64_t slow = 0;
  std::uint64_t slow_untraced = 0;  // Beyond trace.slow_per_second.
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;         // The collector was behind, or out of reach.
  std::uint64_t missed_records = 0;  // Of stages, overwritten before they were looked at.
};

struct Clock {
  std::string source = "none";
  bool synchronised = false;
  std::optional<std::uint64_t> error_bound_ns{};
  std::string detail{};
};

struct Memory {
  std::uint64_t resident_bytes = 0;
  std::uint64_t peak_resident_bytes = 0;
};

// Something that is wrong now and has been for a while.
struct Alert {
  std::string name{};          // "StaleData"
  std::string severity{};      // "critical", "error", "warning"
  std::string partition{};     // Of the topic of rows; empty where it is of no single one.
  std::string summary{};       // A sentence with figures.
  std::string remedy{};        // What to do.
  std::uint64_t since_ms = 0;  // How long it has been so.
};

// What became of the alerts sent to one target.
struct AlertTarget {
  std::string name{};  // "alertmanager"
  std::uint64_t sent = 0;
  std::uint64_t retries = 0;
  std::uint64_t failed = 0;   // Refused, or given up after many tries.
  std::uint64_t dropped = 0;  // For lack of room.
  std::uint64_t waiting = 0;
  std::string last_error{};  // Empty once one was delivered.
};

struct Status {
  std::string version;  // Of the program.
  std::uint64_t process = 0;
  std::uint64_t uptime_ms = 0;
  // When the process had been started and when it had first caught up with the feed, nothing missing and
  // nothing waiting; of the machine's monotonic clock, 0: not yet.
  std::uint64_t started_at_ns = 0;
  std::uint64_t caught_up_at_ns = 0;
  std::vector<Stage> stages{};
  Feed feed{};
  Market market{};
  std::vector<Tally> book_events{};  // What was wrong with messages about orders.
  std::vector<Topic> topics{};
  std::vector<Worker> workers{};
  std::vector<Latency> latencies{};
  Checkpoints checkpoints{};
  Traces traces{};
  Clock clock{};
  Memory memory{};
  std::vector<std::string> warnings{};  // What is wrong now, a sentence each.
  std::vector<Alert> alerts{};
  std::vector<AlertTarget> alert_targets{};
};

// One line of JSON.
[[nodiscard]] std::string encode(const Status& status);
// Names that are missing have their defaults and unknown ones are ignored, so that programs of different
// versions understand each other.
Result<Status> decode(std::string_view json);

// Turns a counter that is read now and then into a rate and its history.
class RateHistory {
 public:
  static constexpr std::size_t most_seconds = 60;

  // The counter's value at a monotonic time. Calls closer than half a second change nothing.
  void note(std::uint64_t total, std::uint64_t now_ns);

  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t per_second() const { return history_.empty() ? 0 : history_.back(); }
  [[nodiscard]] const std::vector<std::uint64_t>& history() const { return history_; }
  [[nodiscard]] Stage stage(std::string name, std::string unit) const {
    return {std::move(name), std::move(unit), total_, per_second(), history_};
  }

 private:
  bool started_ = false;
  std::uint64_t total_ = 0;
  std::uint64_t noted_total_ = 0;
  std::uint64_t noted_ns_ = 0;
  std::vector<std::uint64_t> history_;
};

}  // namespace tapeline::status
