#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "event_log/event_log.h"
#include "simulation/published.h"

namespace tapeline::simulation {

// What the log of a run says about the feed.
struct FeedFindings {
  std::string wrong;  // What contradicts the exchange; empty if nothing does.
  std::uint64_t records = 0;
  std::uint64_t messages = 0;
  std::uint64_t sessions = 0;
  std::uint64_t gaps = 0;       // Declared, with messages or without.
  std::uint64_t lost = 0;       // In those gaps.
  std::uint64_t snapshots = 0;  // That completed.
  std::uint64_t replaced = 0;   // Messages that are not in the log because a snapshot holds what they did.
  std::uint64_t unknown = 0;  // Messages at the end of a session of which nobody heard before the next began.
  std::uint64_t missed_sessions = 0;  // Of which nobody heard at all.
};

// Holds every record of the topic `feed` against what the exchange has sent: each message once, in order and
// to the byte, or declared missing, or replaced by a snapshot.
[[nodiscard]] FeedFindings check_feed(event_log::EventLog& log, const Published& published);

}  // namespace tapeline::simulation
