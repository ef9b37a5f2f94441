#include <algorithm>

#include <fmt/format.h>

#include "doctor/checks.h"
#include "metrics/quantity_text.h"

namespace tapeline::doctor {

namespace {

using metrics::bytes_text;
using metrics::time_text;

constexpr std::uint64_t gibibyte = 1'073'741'824;
constexpr std::uint64_t least_free = gibibyte;
constexpr std::uint64_t enough_free = 20 * gibibyte;  // About a day of messages and rows.
constexpr std::size_t syncs = 16;
constexpr std::uint64_t slow_sync_ns = 20'000'000;

// A quoted argument for a shell, where it needs quotes.
std::string quoted(const std::string& text) {
  const bool plain = std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '.' || c == '-' || c == '_';
  });
  if (plain && !text.starts_with('-')) return text;
  std::string quotes = "'";
  for (const char c : text) quotes += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quotes + '\'';
}

void check_free_space(Examination& e) {
  const std::string& folder = e.config.data.folder;
  const Result<std::uint64_t> free = e.machine.free_bytes(folder);
  if (!free) return e.add({Grade::bad, "disk", "free space", free.error().message});
  const std::string has = fmt::format("{} for {}", bytes_text(*free), folder);
  if (*free >= enough_free) return e.add({Grade::ok, "disk", "free space", has});
  e.add({*free < least_free ? Grade::bad : Grade::warn, "disk", "free space",
         fmt::format("only {}, and a day takes about {}; free some, or choose another data.folder:", has,
                     bytes_text(enough_free)),
         "df -h " + quoted(folder)});
}

bool waits_for_each_sync(const config::Config& config) {
  return config.log_feed.fsync == config::Fsync::batch || config.log_rows.fsync == config::Fsync::batch;
}

void check_sync(Examination& e) {
  Result<std::vector<std::uint64_t>> times = e.machine.sync_times_ns(e.config.data.folder, syncs);
  if (!times) return e.add({Grade::bad, "disk", "write delay", times.error().message});
  if (times->empty()) return;
  std::ranges::sort(*times);
  const std::uint64_t median = (*times)[times->size() / 2];
  const std::string took =
      fmt::format("the disk confirms 4 KiB in {}, at worst {}", time_text(median), time_text(times->back()));
  if (waits_for_each_sync(e.config) && median > slow_sync_ns / 20)
    return e.add({Grade::warn, "disk", "write delay",
                  took + ": with fsync = \"batch\" each batch waits so long",
                  "tapeline run --set log.feed.fsync=interval --set log.rows.fsync=interval"});
  if (median > slow_sync_ns)
    return e.add({Grade::warn, "disk", "write delay",
                  took + ": a power failure would take that much and the interval",
                  "findmnt --target " + quoted(e.config.data.folder)});
  e.add({Grade::ok, "disk", "write delay", took});
}

}  // namespace

void check_disk(Examination& e) {
  check_free_space(e);
  check_sync(e);
}

}  // namespace tapeline::doctor
