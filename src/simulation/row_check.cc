#include "simulation/row_check.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/check.h"
#include "event_log/journal/journal.h"
#include "os/simulated/simulated_file_system.h"
#include "pipeline/live/ingest.h"
#include "pipeline/live/log_worker.h"
#include "pipeline/row_tables.h"
#include "stream/checkpoint_writer.h"
#include "stream/memory/memory_checkpoint_store.h"

namespace tapeline::simulation {

namespace {

// Where each table's rows have their locate, by RowTable.
constexpr std::array<std::size_t, 6> locate_at = {
    offsetof(analytics::BboRow, locate),   offsetof(analytics::TradeRow, locate),
    offsetof(analytics::BarRow, locate),   offsetof(analytics::SpreadRow, locate),
    offsetof(analytics::DepthRow, locate), offsetof(analytics::SnapshotRow, locate)};

std::uint64_t name_of(const FixedText<10>& session, const stream::RowView& row) {
  struct Name {
    std::uint64_t sequence;
    std::uint32_t ordinal;
    std::uint16_t table;
    Locate locate;
  };
  static_assert(sizeof(Name) == 16);
  Name name{row.header.sequence, row.header.ordinal, row.header.table, Locate{0}};
  CHECK(row.header.table < locate_at.size());
  std::memcpy(&name.locate, row.bytes.data() + locate_at[row.header.table], sizeof name.locate);
  const std::uint64_t seed = XXH3_64bits(session.bytes.data(), session.bytes.size());
  return XXH3_64bits_withSeed(&name, sizeof name, seed);
}

std::string describe(std::size_t count, std::string_view what) {
  return count == 0 ? std::string() : fmt::format("{}{} {}", count, count == 1 ? " row" : " rows", what);
}

std::size_t count_missing(const std::vector<std::uint64_t>& from, const std::vector<std::uint64_t>& in) {
  std::vector<std::uint64_t> missing;
  std::ranges::set_difference(from, in, std::back_inserter(missing));
  return missing.size();
}

// Appends the whole feed of one log to that of another.
Result<void> copy_feed(event_log::EventLog& from, event_log::EventLog& to) {
  Result<std::unique_ptr<event_log::Reader>> reader = from.open_reader(pipeline::feed_topic, 0);
  if (!reader) return std::unexpected(reader.error());
  Result<std::unique_ptr<event_log::Writer>> writer = to.open_writer(pipeline::feed_topic, 0);
  if (!writer) return std::unexpected(writer.error());
  for (;;) {
    const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) return {};
    event_log::NewBatch copy;
    copy.record_count = (*batch)->record_count;
    copy.first_time_ns = (*batch)->first_time_ns;
    copy.last_time_ns = (*batch)->last_time_ns;
    const Result<event_log::Offset> offset = (*writer)->append(copy, (*batch)->payload);
    if (!offset) return std::unexpected(offset.error());
    if (*offset != (*batch)->first) return fail(ErrorCode::corrupt, "the feed's log has a hole");
  }
}

}  // namespace

void Rows::add_batch(std::span<const std::byte> payload) {
  Result<stream::RowBatchCursor> cursor = stream::RowBatchCursor::open(payload);
  CHECK(cursor.has_value());
  for (;;) {
    const Result<std::optional<stream::RowView>> row = cursor->next();
    CHECK(row.has_value());
    if (!*row) return;
    digest.add(cursor->header().session, **row);
    const std::uint64_t name = name_of(cursor->header().session, **row);
    names.push_back(name);
    rows.push_back(XXH3_64bits_withSeed((*row)->bytes.data(), (*row)->bytes.size(), name));
  }
}

void Rows::sort() {
  std::ranges::sort(names);
  std::ranges::sort(rows);
}

Result<Rows> read_rows(event_log::EventLog& log) {
  Rows rows;
  for (std::uint32_t lane = 0; lane < row_lanes; ++lane) {
    const Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(pipeline::rows_topic, lane);
    if (!reader) return std::unexpected(reader.error());
    for (;;) {
      const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
      if (!batch) return std::unexpected(batch.error());
      if (!*batch) break;
      rows.add_batch((*batch)->payload);
    }
  }
  rows.sort();
  return rows;
}

Result<Rows> rows_of_uncrashed_run(event_log::EventLog& log, const pipeline::MarketWorkerConfig& config) {
  os::SimulatedFileSystem disk(1);
  event_log::journal::Journal journal(disk, "data");
  if (Result<void> made = journal.create_topic(pipeline::feed_topic, {}); !made)
    return std::unexpected(made.error());
  if (Result<void> made = journal.create_topic(pipeline::rows_topic, {.partitions = row_lanes}); !made)
    return std::unexpected(made.error());
  if (Result<void> copied = copy_feed(log, journal); !copied) return std::unexpected(copied.error());
  stream::MemoryCheckpointStore store;
  const stream::KeyGroups groups;
  stream::InlineCheckpointWriter writer(store);
  stream::CheckpointWriter* const writers[] = {&writer};
  pipeline::MarketWorkerConfig without_checkpoints = config;
  without_checkpoints.checkpoint_interval_ns = UINT64_MAX;
  auto workers = pipeline::WorkerSet::open(without_checkpoints, journal, store, groups, writers);
  if (!workers) return std::unexpected(workers.error());
  for (;;) {
    const Result<bool> worked = workers->front()->turn(0);
    if (!worked) return std::unexpected(worked.error());
    if (!*worked) return read_rows(journal);
  }
}

std::string compare_rows(const Rows& crashed, const Rows& uncrashed) {
  if (crashed.digest == uncrashed.digest) return "";
  std::size_t doubled = 0;
  for (std::size_t i = 1; i < crashed.names.size(); ++i) doubled += crashed.names[i] == crashed.names[i - 1];
  const std::size_t missing = count_missing(uncrashed.names, crashed.names);
  const std::size_t different = count_missing(crashed.rows, uncrashed.rows);
  std::string wrong = fmt::format("the rows are not those of the uncrashed run: {} rows and {} there",
                                  crashed.digest.rows(), uncrashed.digest.rows());
  for (const std::string& part : {describe(doubled, "written twice"), describe(missing, "missing"),
                                  describe(different, "that the uncrashed run does not have")})
    if (!part.empty()) wrong += "; " + part;
  return wrong;
}

}  // namespace tapeline::simulation
