#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "status/status.h"

namespace tapeline::alerting {

// What is told: that an alert has begun to fire, or that it is over.
struct Notification {
  status::Alert alert{};
  bool resolved = false;
  std::uint64_t started_ns = 0;  // Since the Unix epoch, as all times here.
  std::uint64_t ended_ns = 0;    // 0 while it fires.
  std::uint64_t told_ns = 0;     // When this was found to be so.
};

struct AlertTiming {
  std::uint64_t hold_ns = 2'000'000'000;     // From when something is wrong until its alert fires.
  std::uint64_t resolve_ns = 5'000'000'000;  // From when it is right again until that is told.
};

// Which alerts fire. Each is told once when it begins and once when it ends, however often its condition
// comes and goes in between. No clock: the times come along.
class AlertStates {
 public:
  explicit AlertStates(const AlertTiming& timing) : timing_(timing) {}

  // Takes in what is wrong now. `now_ns` never goes back; `realtime_ns` is for what is told.
  [[nodiscard]] std::vector<Notification> update(const std::vector<status::Alert>& conditions,
                                                 std::uint64_t now_ns, std::uint64_t realtime_ns);

  // Those that fire, with how long they have, by key.
  [[nodiscard]] std::vector<Notification> firing() const;

  // Those that fire, as a text: what a restart needs to resolve what was told before it. Only as trustworthy
  // as the file it was kept in.
  [[nodiscard]] std::string save() const;
  // Called first. From then on each fires until it is seen to be over.
  Result<void> restore(std::string_view saved, std::uint64_t now_ns);

 private:
  static constexpr std::size_t most_restored = 1'024;

  struct State {
    Notification told{};
    std::uint64_t first_seen_ns = 0;
    std::uint64_t last_seen_ns = 0;
    bool fires = false;
  };

  AlertTiming timing_;
  std::map<std::string, State> states_;  // By key.
};

}  // namespace tapeline::alerting
