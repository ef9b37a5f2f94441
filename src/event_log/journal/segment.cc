#include "event_log/journal/segment.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/crc32c.h"

namespace tapeline::event_log::journal {

namespace {

constexpr std::size_t name_digits = 20;
constexpr std::string_view segment_ending = ".log";
constexpr std::string_view index_ending = ".index";

struct IndexHeader {
  std::array<char, 8> magic;
  std::uint32_t crc;  // Of the bytes behind it, and the entries.
  std::uint32_t version;
  std::uint64_t entry_count;
  SegmentSummary summary;
};
static_assert(sizeof(IndexHeader) == 80);

constexpr std::array<char, 8> index_magic = {'T', 'A', 'P', 'E', 'I', 'D', 'X', '\n'};
constexpr std::size_t crc_covers_from = offsetof(IndexHeader, version);

}  // namespace

std::string segment_path(const std::string& folder, std::uint64_t base_offset) {
  return fmt::format("{}/{:020}{}", folder, base_offset, segment_ending);
}

std::string index_path(const std::string& folder, std::uint64_t base_offset) {
  return fmt::format("{}/{:020}{}", folder, base_offset, index_ending);
}

std::optional<std::uint64_t> segment_base(std::string_view file_name) {
  if (file_name.size() != name_digits + segment_ending.size() || !file_name.ends_with(segment_ending))
    return std::nullopt;
  std::uint64_t base = 0;
  for (const char c : file_name.substr(0, name_digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    base = base * 10 + static_cast<std::uint64_t>(c - '0');
    if (base > max_offset + max_record_count) return std::nullopt;
  }
  return base;
}

Result<std::vector<std::uint64_t>> list_segments(os::FileSystem& files, const std::string& folder) {
  const Result<std::vector<std::string>> names = files.list(folder);
  std::vector<std::uint64_t> bases;
  if (!names) {
    if (names.error().code == ErrorCode::not_found) return bases;
    return std::unexpected(names.error());
  }
  for (const std::string& name : *names)
    if (const auto base = segment_base(name)) bases.push_back(*base);
  return bases;
}

SegmentIndex::SegmentIndex(const SegmentHeader& header) {
  summary_.base_offset = header.base_offset;
  summary_.end_offset = std::max(header.base_offset, header.end_offset);
  summary_.log_bytes = sizeof(SegmentHeader);
  summary_.rewritten = header.end_offset != 0 ? 1 : 0;
  indexed_to_ = summary_.log_bytes;
}

void SegmentIndex::add(const BatchHeader& header, std::uint64_t position, std::uint64_t size) {
  if (position >= indexed_to_ + index_interval) {
    entries_.push_back({header.first_offset, summary_.last_time_ns, position});
    indexed_to_ = position;
  }
  if (summary_.batches == 0) summary_.first_time_ns = header.first_time_ns;
  ++summary_.batches;
  summary_.last_time_ns = std::max(summary_.last_time_ns, header.last_time_ns);
  summary_.end_offset = std::max(summary_.end_offset, header.end_offset());
  summary_.log_bytes = position + size;
}

IndexEntry SegmentIndex::entry_before(std::size_t next) const {
  if (next == 0) return {summary_.base_offset, 0, sizeof(SegmentHeader)};
  return entries_[next - 1];
}

IndexEntry SegmentIndex::find_offset(std::uint64_t offset) const {
  const auto behind = std::ranges::upper_bound(entries_, offset, {}, &IndexEntry::offset);
  return entry_before(static_cast<std::size_t>(behind - entries_.begin()));
}

IndexEntry SegmentIndex::find_time(std::uint64_t time_ns) const {
  const auto behind = std::ranges::lower_bound(entries_, time_ns, {}, &IndexEntry::last_time_before);
  return entry_before(static_cast<std::size_t>(behind - entries_.begin()));
}

std::vector<std::byte> SegmentIndex::encode() const {
  const std::size_t entry_bytes = entries_.size() * sizeof(IndexEntry);
  std::vector<std::byte> bytes(sizeof(IndexHeader) + entry_bytes);
  IndexHeader header{index_magic, 0, format_version, entries_.size(), summary_};
  std::memcpy(bytes.data(), &header, sizeof header);
  if (entry_bytes > 0) std::memcpy(bytes.data() + sizeof header, entries_.data(), entry_bytes);
  header.crc = crc32c(Bytes(bytes).subspan(crc_covers_from));
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

std::optional<SegmentIndex> SegmentIndex::decode(Bytes bytes) {
  IndexHeader header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != index_magic || header.version != format_version ||
      header.crc != crc32c(bytes.subspan(crc_covers_from)) ||
      header.entry_count != (bytes.size() - sizeof header) / sizeof(IndexEntry) ||
      (bytes.size() - sizeof header) % sizeof(IndexEntry) != 0)
    return std::nullopt;
  SegmentIndex index;
  index.summary_ = header.summary;
  index.entries_.resize(header.entry_count);
  if (!index.entries_.empty())
    std::memcpy(index.entries_.data(), bytes.data() + sizeof header, bytes.size() - sizeof header);
  index.indexed_to_ = index.entries_.empty() ? sizeof(SegmentHeader) : index.entries_.back().position;
  for (const IndexEntry& entry : index.entries_)
    if (entry.position % batch_alignment != 0 || entry.position >= header.summary.log_bytes)
      return std::nullopt;
  return index;
}

Result<OpenSegment> open_segment(os::FileSystem& files, const std::string& folder, std::uint64_t base_offset,
                                 os::OpenMode mode) {
  Result<std::unique_ptr<os::File>> file = files.open(segment_path(folder, base_offset), mode);
  if (!file) return std::unexpected(file.error());
  std::array<std::byte, sizeof(SegmentHeader)> bytes;
  const Result<std::size_t> got = (*file)->read_at(0, bytes);
  if (!got) return std::unexpected(got.error());
  ParsedSegmentHeader parsed = parse_segment_header(Bytes(bytes).first(*got));
  // A file under another's name is no less wrong than one with bad bytes.
  if (parsed.state == SegmentState::whole && parsed.header.base_offset != base_offset)
    parsed.state = SegmentState::damaged;
  if (parsed.state == SegmentState::damaged) parsed.header = make_segment_header(base_offset, 0);
  return OpenSegment{std::move(*file), parsed.state, parsed.header};
}

Result<std::shared_ptr<os::File>> create_segment(os::FileSystem& files, const std::string& folder,
                                                 std::uint64_t base_offset, std::uint64_t preallocate_bytes) {
  const std::string path = segment_path(folder, base_offset);
  Result<std::unique_ptr<os::File>> file = files.open(path, os::OpenMode::create);
  if (!file) return std::unexpected(file.error());
  const SegmentHeader header = make_segment_header(base_offset, 0);
  Result<void> made = (*file)->preallocate(preallocate_bytes);
  if (made) made = (*file)->write_at(0, std::as_bytes(std::span(&header, 1)));
  if (made) return std::shared_ptr<os::File>(std::move(*file));
  (void)files.remove(path);  // The first failure is what the caller has to hear of.
  return std::unexpected(made.error());
}

Result<void> remove_segment(os::FileSystem& files, const std::string& folder, std::uint64_t base_offset) {
  Result<void> removed = files.remove(segment_path(folder, base_offset));
  if (removed) removed = files.remove(index_path(folder, base_offset));
  return removed;
}

Error newer_format(const std::string& path, std::uint32_t version) {
  return {ErrorCode::unsupported,
          fmt::format(
              "{} is of format version {}, this program knows up to {}: read it with the newer version of "
              "tapeline that wrote it, or choose another data folder",
              path, version, format_version)};
}

Result<SegmentScan> scan_segment(os::FileSystem& files, const std::string& folder, std::uint64_t base_offset,
                                 os::OpenMode mode) {
  Result<OpenSegment> segment = open_segment(files, folder, base_offset, mode);
  if (!segment) return std::unexpected(segment.error());
  if (segment->state == SegmentState::newer)
    return std::unexpected(newer_format(segment_path(folder, base_offset), segment->header.version));
  const Result<os::FileStatus> status = segment->file->status();
  if (!status) return std::unexpected(status.error());
  SegmentScan scan{std::move(*segment), {}, ScanState::damaged, 0, status->size};
  scan.index = SegmentIndex(scan.segment.header);
  if (scan.segment.state == SegmentState::damaged) return scan;
  BatchScanner scanner;
  scanner.open(scan.segment.file, sizeof(SegmentHeader), base_offset);
  for (;;) {
    const Result<ScannedBatch> scanned = scanner.next();
    if (!scanned) return std::unexpected(scanned.error());
    scan.stopped_by = scanned->state;
    scan.stopped_at = scanned->position;
    if (scanned->state != ScanState::batch) return scan;
    scan.index.add(scanned->header, scanned->position, scanned->size);
  }
}

std::optional<SegmentIndex> load_index(os::FileSystem& files, const std::string& folder,
                                       const OpenSegment& segment) {
  const Result<std::vector<std::byte>> bytes =
      os::read_whole_file(files, index_path(folder, segment.header.base_offset));
  if (!bytes) return std::nullopt;
  std::optional<SegmentIndex> index = SegmentIndex::decode(*bytes);
  const Result<os::FileStatus> status = segment.file->status();
  if (!index || !status || segment.state != SegmentState::whole) return std::nullopt;
  const SegmentSummary& summary = index->summary();
  if (summary.base_offset != segment.header.base_offset || summary.log_bytes != status->size ||
      summary.rewritten != (segment.header.end_offset != 0 ? 1 : 0))
    return std::nullopt;
  return index;
}

Result<void> store_index(os::FileSystem& files, const std::string& folder, const SegmentIndex& index) {
  const std::string path = index_path(folder, index.summary().base_offset);
  const std::string temporary = path + std::string(os::temporary_ending);
  const Result<std::unique_ptr<os::File>> file = files.open(temporary, os::OpenMode::create);
  if (!file) return std::unexpected(file.error());
  // It is not synced: an index that a power loss spoils fails its checksum and is made again.
  Result<void> written = (*file)->write_at(0, index.encode());
  if (written) written = files.rename(temporary, path);
  return written;
}

Result<SegmentIndex> load_or_scan(os::FileSystem& files, const std::string& folder,
                                  std::uint64_t base_offset) {
  const Result<OpenSegment> segment = open_segment(files, folder, base_offset, os::OpenMode::read);
  if (!segment) return std::unexpected(segment.error());
  if (std::optional<SegmentIndex> index = load_index(files, folder, *segment)) return std::move(*index);
  Result<SegmentScan> scan = scan_segment(files, folder, base_offset);
  if (!scan) return std::unexpected(scan.error());
  return std::move(scan->index);
}

}  // namespace tapeline::event_log::journal
