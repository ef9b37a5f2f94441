#include "event_log/journal/damage.h"

#include <algorithm>

#include <fmt/format.h>

namespace tapeline::event_log::journal {

namespace {

// What the whole batches behind the damage say of how far the disk had come when they were written.
struct Witnesses {
  bool any = false;
  bool untracked = false;
  std::uint64_t synced = 0;

  void hear(const BatchHeader& header) {
    any = true;
    if (header.synced_offset == sync_untracked)
      untracked = true;
    else
      synced = std::max(synced, header.synced_offset);
  }
};

// Every whole batch from `position` on, whatever lies between.
Result<void> hear_all(BatchScanner& scanner, Witnesses& witnesses) {
  for (;;) {
    const Result<ScannedBatch> scanned = scanner.next();
    if (!scanned) return std::unexpected(scanned.error());
    if (scanned->state == ScanState::batch) {
      witnesses.hear(scanned->header);
      continue;
    }
    if (scanned->state == ScanState::end) return {};
    const Result<std::optional<ScannedBatch>> behind = scanner.find_behind();
    if (!behind) return std::unexpected(behind.error());
    if (!*behind) return {};
    witnesses.hear((*behind)->header);
  }
}

}  // namespace

Result<Damage> judge_damage(os::FileSystem& files, const std::string& folder,
                            std::span<const std::uint64_t> bases, std::size_t at, std::uint64_t position,
                            std::uint64_t expected) {
  Witnesses witnesses;
  for (std::size_t i = at; i < bases.size(); ++i) {
    const Result<OpenSegment> segment = open_segment(files, folder, bases[i], os::OpenMode::read);
    if (!segment) {
      if (segment.error().code == ErrorCode::not_found) continue;  // Retention was faster.
      return std::unexpected(segment.error());
    }
    BatchScanner scanner;
    scanner.open(segment->file, i == at ? position : sizeof(SegmentHeader), expected);
    if (const Result<void> heard = hear_all(scanner, witnesses); !heard)
      return std::unexpected(heard.error());
  }
  const bool was_on_disk = witnesses.any && (witnesses.untracked || witnesses.synced > expected);
  return was_on_disk ? Damage::in_the_middle : Damage::torn_tail;
}

Error damage_error(const std::string& path, std::uint64_t position, std::uint64_t expected) {
  return {
      ErrorCode::corrupt,
      fmt::format(
          "{} is damaged at byte {}, where the record with offset {} should be, and whole batches follow; "
          "`tapeline log verify --repair` keeps these and puts a copy of the damaged file aside",
          path, position, expected)};
}

}  // namespace tapeline::event_log::journal
