#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "event_log/journal/segment.h"

namespace tapeline::event_log::journal {

// What bytes that are no batch mean.
enum class Damage : std::uint8_t {
  // What a crash leaves of writes that never reached the disk whole. Nothing that was promised is lost.
  torn_tail,
  // Bytes that were written once have changed: whole batches lie behind them, and nothing says that these
  // were
  // still on their way to the disk.
  in_the_middle,
};

// Judges the bytes at `position` of the segment `bases[at]`, where a batch of the `expected` offset should
// be.
Result<Damage> judge_damage(os::FileSystem& files, const std::string& folder,
                            std::span<const std::uint64_t> bases, std::size_t at, std::uint64_t position,
                            std::uint64_t expected);

// "PATH is damaged at byte N…", with the remedy.
[[nodiscard]] Error damage_error(const std::string& path, std::uint64_t position, std::uint64_t expected);

}  // namespace tapeline::event_log::journal
