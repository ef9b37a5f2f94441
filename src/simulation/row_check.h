#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "event_log/event_log.h"
#include "pipeline/market_worker.h"
#include "stream/row_log.h"

namespace tapeline::simulation {

inline constexpr std::uint32_t row_lanes = 8;

// All rows of a log, in no order.
struct Rows {
  stream::RowDigest digest;
  std::vector<std::uint64_t> names;  // Hashes of (session, sequence, table, key, ordinal), sorted.
  std::vector<std::uint64_t> rows;   // Hashes of the same and of the row's bytes, sorted.

  void add_batch(std::span<const std::byte> payload);
  void sort();
};

// Of every lane.
[[nodiscard]] Result<Rows> read_rows(event_log::EventLog& log);

// The rows of one worker that reads the feed of `log` from its start, on a machine that has nothing but that,
// where nothing fails.
[[nodiscard]] Result<Rows> rows_of_uncrashed_run(event_log::EventLog& log,
                                                 const pipeline::MarketWorkerConfig& config);

// What is wrong with the rows of a run that crashed; empty if nothing is.
[[nodiscard]] std::string compare_rows(const Rows& crashed, const Rows& uncrashed);

}  // namespace tapeline::simulation
