#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "event_log/event_log.h"
#include "stream/checkpoint_store.h"
#include "stream/key_groups.h"
#include "stream/position.h"

namespace tapeline::pipeline {

// What a start finds of the rows that earlier runs have put into the log.
struct RecoveredOutput {
  std::vector<stream::Position>
      ends;  // Of each group: up to where in the input its rows are there, all of them.
  std::vector<std::unique_ptr<event_log::Writer>>
      lanes;                      // Of every partition; all that they hold is on the disk.
  std::uint64_t cut_records = 0;  // Removed: a loss of power had left them without what they were made from.
};

// Finds out how far the rows in the log reach, and makes it so that they reach no further than the input. A
// loss of power can take the end of the input and leave rows of it, or the end of one lane and leave later
// rows of the same group in another. Such rows are cut off; they are made again. `feed_end` is where the
// input ends now.
[[nodiscard]] Result<RecoveredOutput> recover_output(event_log::EventLog& log,
                                                     const stream::CheckpointStore& store,
                                                     const stream::KeyGroups& groups,
                                                     stream::Position feed_end, std::uint64_t clock_slack_ns);

}  // namespace tapeline::pipeline
