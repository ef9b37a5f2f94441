#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "config/config.h"
#include "event_log/event_log.h"
#include "pipeline/row_digests.h"

namespace tapeline::app {

// What came of computing everything in a log's topic `feed` once more.
struct Recomputation {
  pipeline::RowDigests digests;
  std::uint64_t messages = 0;
  double seconds = 0;  // Until the last worker had come to the end, rows in the log and state saved.
  double checkpoint_stall_us = 0;  // The longest.
};

// Runs `workers` workers over the log as fast as they go, with checkpoints, as after a start without any
// state. Their rows and state go to `scratch`, a folder that is removed again.
[[nodiscard]] Result<Recomputation> recompute(event_log::EventLog& log, const config::Config& config,
                                              unsigned workers, const std::string& scratch);

// Every message of the topic `feed`, looked at one by one.
struct FeedAccount {
  std::uint64_t messages = 0;
  std::uint64_t doubled = 0;   // Numbers that had come before.
  std::uint64_t missing = 0;   // Numbers that were left out without being declared missing.
  std::uint64_t declared = 0;  // Numbers that were declared missing.
  std::uint64_t sessions = 0;
  std::uint64_t snapshots = 0;
  // Of the oldest session that is left, the messages that retention has removed: they were logged, no more is
  // known.
  std::uint64_t removed = 0;
};
[[nodiscard]] Result<FeedAccount> account_for_feed(event_log::EventLog& log);

}  // namespace tapeline::app
