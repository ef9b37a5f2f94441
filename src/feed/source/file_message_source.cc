#include "feed/source/file_message_source.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "feed/itch50/diagnosis.h"

namespace tapeline::feed {

std::vector<FileMessageSource::Slot> FileMessageSource::make_slots(const capture::ReadAheadOptions& options) {
  std::vector<Slot> slots(options.buffers);
  // Room for a tail of nearly a whole frame before each read.
  for (Slot& slot : slots)
    slot.bytes.resize(options.buffer_bytes + binary_file::max_frame_size + decode_padding);
  return slots;
}

FileMessageSource::FileMessageSource(std::unique_ptr<capture::ByteStream> stream, std::string name,
                                     FileSourceOptions options)
    : stream_(std::move(stream)),
      name_(std::move(name)),
      diagnosis_(std::move(options.diagnosis)),
      progress_{0, stream_->progress().total},
      ahead_(
          make_slots(options.read_ahead), [this](Slot& slot) { return fill(slot); },
          [this] { stream_->interrupt(); }) {}

Result<bool> FileMessageSource::read_more(Slot& slot) {
  const std::size_t room = slot.bytes.size() - decode_padding - slot.size;
  const Result<std::size_t> got = stream_->read(std::span(slot.bytes).subspan(slot.size, room));
  if (!got) return std::unexpected(got.error());
  slot.size += *got;
  return *got > 0;
}

Result<void> FileMessageSource::diagnose(Slot& slot) {
  diagnosed_ = true;
  if (!diagnosis_) return {};
  bool whole = false;
  // A failure to read on is left for later: what came before it may be good.
  while (!whole && slot.size < itch50::diagnosis_head_size &&
         slot.size < slot.bytes.size() - decode_padding) {
    const Result<bool> more = read_more(slot);
    whole = !more || !*more;
  }
  const std::span<const std::byte> head =
      std::span(slot.bytes).first(std::min(slot.size, itch50::diagnosis_head_size));
  std::optional<std::uint64_t> total = stream_->decompresses() ? std::nullopt : stream_->progress().total;
  if (whole) total = slot.size;
  if (const std::optional<std::string> wrong = diagnosis_(head, total))
    return fail(ErrorCode::corrupt, fmt::format("{}: not a file of ITCH 5.0 messages: {}", name_, *wrong));
  return {};
}

// Runs on the read-ahead thread.
Result<bool> FileMessageSource::fill(Slot& slot) {
  std::copy(tail_.begin(), tail_.end(), slot.bytes.begin());
  slot.size = tail_.size();
  tail_.clear();
  slot.trailing_bytes = 0;
  if (!diagnosed_) {
    if (const Result<void> right = diagnose(slot); !right) return std::unexpected(right.error());
    slot.cut = cutter_.cut(std::span(slot.bytes).first(slot.size));
  } else {
    slot.cut = {};
  }
  while (slot.cut.message_count == 0 && !cutter_.ended()) {
    const Result<bool> more = read_more(slot);
    if (!more) return std::unexpected(more.error());
    if (!*more) return finish(std::span(slot.bytes).first(slot.size));
    slot.cut = cutter_.cut(std::span(slot.bytes).first(slot.size));
  }
  if (cutter_.ended()) return drain(slot);
  const auto begin = slot.bytes.begin();
  tail_.assign(begin + static_cast<std::ptrdiff_t>(slot.cut.size),
               begin + static_cast<std::ptrdiff_t>(slot.size));
  slot.progress = stream_->progress();
  return true;
}

// All behind the end marker is read, so that the writer of a pipe is not cut off, and counted.
Result<bool> FileMessageSource::drain(Slot& slot) {
  if (after_drain_) return *after_drain_;
  for (;;) {
    slot.size = slot.cut.size;
    Result<bool> more = read_more(slot);
    if (!more || !*more) {
      after_drain_ = std::move(more);
      break;
    }
    cutter_.cut(std::span(slot.bytes).subspan(slot.cut.size, slot.size - slot.cut.size));
  }
  slot.trailing_bytes = cutter_.trailing_bytes();
  slot.progress = stream_->progress();
  if (slot.cut.message_count > 0 || slot.trailing_bytes > 0) return true;
  return *after_drain_;
}

Result<bool> FileMessageSource::finish(std::span<const std::byte> left_over) {
  const std::optional<std::string> wrong = cutter_.finish(left_over);
  if (!wrong) return false;
  return fail(ErrorCode::corrupt,
              fmt::format("{}: {}{}: the file is truncated, fetch it again", name_, *wrong,
                          stream_->decompresses() ? " (counted in decompressed bytes)" : ""));
}

Result<std::optional<MessageBlock>> FileMessageSource::next() {
  for (;;) {
    const Result<Slot*> slot = ahead_.next();
    if (!slot) return std::unexpected(slot.error());
    if (*slot == nullptr) return std::nullopt;
    const Slot& filled = **slot;
    progress_ = {filled.progress.consumed, filled.progress.total};
    counters_.trailing_bytes += filled.trailing_bytes;
    if (filled.cut.message_count == 0) continue;
    ++counters_.blocks;
    counters_.messages += filled.cut.message_count;
    return MessageBlock{std::span<const std::byte>(filled.bytes).first(filled.cut.size),
                        filled.cut.first_sequence, filled.cut.message_count, CaptureTime{0}};
  }
}

}  // namespace tapeline::feed
