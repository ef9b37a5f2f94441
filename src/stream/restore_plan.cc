#include "stream/restore_plan.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/check.h"
#include "stream/state.h"

namespace tapeline::stream {

namespace {

constexpr std::string_view ahead = "it is ahead of the log, or of the rows that were written";

Result<RestorePlan> try_to_plan(const CheckpointStore& store, GroupRange groups,
                                std::span<const Position> output_ends, Position log_end) {
  RestorePlan plan;
  for (std::uint16_t i = 0; i < groups.count; ++i) {
    const KeyGroup group{static_cast<std::uint16_t>(groups.first + i)};
    CHECK(raw(group) < output_ends.size());
    const Position usable_end = std::min(output_ends[raw(group)], log_end);
    Result<std::optional<StoredManifest>> manifest = store.manifest(group);
    if (!manifest) return std::unexpected(manifest.error());
    // A group that has no manifest yet is replayed from the start, up to where each of its keys was saved.
    const Position replay_from = *manifest ? (*manifest)->replay_from : log_start;
    if (replay_from > usable_end) return fail(ErrorCode::corrupt, std::string(ahead));
    if (i == 0 || replay_from < plan.replay_from) {
      plan.replay_from = replay_from;
      plan.shared.clear();
      if (*manifest) {
        std::optional<ManifestContent> content = parse_manifest((*manifest)->content);
        if (!content) return fail(ErrorCode::corrupt, "its manifest cannot be read");
        plan.shared = std::move(content->shared);
      }
    }
    Result<std::vector<StoredKey>> keys = store.keys(group);
    if (!keys) return std::unexpected(keys.error());
    for (const StoredKey& key : *keys)
      if (key.saved_at > usable_end) return fail(ErrorCode::corrupt, std::string(ahead));
    std::move(keys->begin(), keys->end(), std::back_inserter(plan.keys));
  }
  std::stable_sort(plan.keys.begin(), plan.keys.end(),
                   [](const StoredKey& a, const StoredKey& b) { return a.saved_at < b.saved_at; });
  return plan;
}

}  // namespace

std::optional<ManifestContent> parse_manifest(std::span<const std::byte> content) {
  StateReader reader(content);
  const auto mark_size = reader.get<std::uint32_t>();
  const std::span<const std::byte> mark = reader.get_bytes(mark_size);
  if (!reader.ok()) return std::nullopt;
  const std::span<const std::byte> shared = content.subspan(sizeof mark_size + mark_size);
  return ManifestContent{{mark.begin(), mark.end()}, {shared.begin(), shared.end()}};
}

Result<RestorePlan> plan_restore(CheckpointStore& store, GroupRange groups,
                                 std::span<const Position> output_ends, Position log_end) {
  Result<RestorePlan> plan = try_to_plan(store, groups, output_ends, log_end);
  if (plan || plan.error().code != ErrorCode::corrupt) return plan;
  CheckpointBatch erasure;
  for (std::uint16_t i = 0; i < groups.count; ++i)
    erasure.erase_group(KeyGroup{static_cast<std::uint16_t>(groups.first + i)});
  Result<void> erased = store.commit(erasure);
  if (erased) erased = store.sync();
  if (!erased) return std::unexpected(erased.error());
  RestorePlan everything;
  everything.warning = fmt::format(
      "a checkpoint cannot be used: {}; the state is built anew from the whole log", plan.error().message);
  return everything;
}

}  // namespace tapeline::stream
