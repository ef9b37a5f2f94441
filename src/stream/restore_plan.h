#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "stream/checkpoint_store.h"
#include "stream/key_groups.h"
#include "stream/position.h"

namespace tapeline::stream {

// A manifest as KeyCheckpointer writes it.
struct ManifestContent {
  std::vector<std::byte> output_mark;
  std::vector<std::byte> shared;
};
[[nodiscard]] std::optional<ManifestContent> parse_manifest(std::span<const std::byte> content);

// What a restarted worker does: replay the log from `replay_from`, where all keys share `shared`. A key of
// `keys` is loaded when the replay has come to where it was saved; its records before that are skipped. Every
// other key starts without state.
struct RestorePlan {
  Position replay_from = log_start;
  std::vector<std::byte> shared;  // Empty at the log's start.
  std::vector<StoredKey> keys;    // In the order in which they are to be loaded.
  std::string warning;            // Why stored state is not used although there is some; empty otherwise.
};

// Plans the restart of the worker that owns `groups`, whoever owned them before. `output_ends` says for every
// group up to which position of the input its rows are in the output, `log_end` where the input ends now.
//
// Stored state that is ahead of either, which a crash of the machine can leave, is not used: its rows would
// be missing, or it has seen what is not in the log. Nor is state that cannot be read. It is erased, before
// the log grows to where it would seem to fit; the plan is to replay the whole log, and says so.
//
// Called before anything is appended to the input.
[[nodiscard]] Result<RestorePlan> plan_restore(CheckpointStore& store, GroupRange groups,
                                               std::span<const Position> output_ends, Position log_end);

}  // namespace tapeline::stream
