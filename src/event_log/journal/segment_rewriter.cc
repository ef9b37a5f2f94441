#include "event_log/journal/segment_rewriter.h"

#include <array>

namespace tapeline::event_log::journal {

namespace {

std::string temporary_path(const std::string& folder, std::uint64_t base_offset) {
  return segment_path(folder, base_offset) + std::string(os::temporary_ending);
}

}  // namespace

Result<SegmentRewriter> SegmentRewriter::begin(os::FileSystem& files, const std::string& folder,
                                               std::uint64_t base_offset) {
  Result<std::unique_ptr<os::File>> file =
      files.open(temporary_path(folder, base_offset), os::OpenMode::create);
  if (!file) return std::unexpected(file.error());
  return SegmentRewriter(files, folder, base_offset, std::move(*file));
}

Result<void> SegmentRewriter::append(BatchHeader header, Bytes payload) {
  static constexpr std::array<std::byte, batch_alignment> zeros{};
  header.payload_size = static_cast<std::uint32_t>(payload.size());
  seal(header, {&payload, 1});
  const std::size_t size = size_on_disk(payload.size());
  const std::array<Bytes, 3> pieces = {std::as_bytes(std::span(&header, 1)), payload,
                                       Bytes(zeros).first(size - sizeof header - payload.size())};
  Result<void> written = file_->write_at(position_, pieces);
  if (written) position_ += size;
  return written;
}

Result<SegmentSummary> SegmentRewriter::finish(std::uint64_t end_offset) {
  const SegmentHeader header = make_segment_header(base_offset_, end_offset);
  Result<void> done = file_->write_at(0, std::as_bytes(std::span(&header, 1)));
  if (done) done = file_->sync();
  // The old index would lead into the new file.
  if (done) done = files_->remove(index_path(folder_, base_offset_));
  if (done) done = files_->rename(temporary_path(folder_, base_offset_), segment_path(folder_, base_offset_));
  if (done) done = files_->sync_folder(folder_);
  if (!done) return std::unexpected(done.error());
  const Result<SegmentScan> scan = scan_segment(*files_, folder_, base_offset_);
  if (!scan) return std::unexpected(scan.error());
  if (const Result<void> stored = store_index(*files_, folder_, scan->index); !stored)
    return std::unexpected(stored.error());
  return scan->index.summary();
}

}  // namespace tapeline::event_log::journal
