#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture/file/byte_source.h"
#include "capture/file/read_ahead.h"
#include "feed/binary_file/frame_cutter.h"
#include "feed/message_source.h"

namespace tapeline::feed {

// Says what is wrong with a file by its first bytes; see itch50::explain_not_itch.
using Diagnosis = std::function<std::optional<std::string>(std::span<const std::byte> head,
                                                           std::optional<std::uint64_t> total)>;

struct FileSourceOptions {
  capture::ReadAheadOptions read_ahead;
  Diagnosis diagnosis;  // Empty: any content is framed.
};

// A BinaryFILE. Reading, decompressing and cutting at message boundaries happen on a thread of their own.
class FileMessageSource final : public MessageSource {
 public:
  // `name` is for messages.
  FileMessageSource(std::unique_ptr<capture::ByteStream> stream, std::string name,
                    FileSourceOptions options = {});

  Result<std::optional<MessageBlock>> next() override;
  [[nodiscard]] SessionName session() const override { return SessionName(""); }
  [[nodiscard]] SourceProgress progress() const override { return progress_; }
  [[nodiscard]] const SourceCounters& counters() const override { return counters_; }
  [[nodiscard]] std::span<const SequenceGap> gaps() const override { return {}; }

 private:
  struct Slot {
    std::vector<std::byte> bytes;
    std::size_t size = 0;  // Filled; the block is the front of it.
    binary_file::Cut cut;
    std::uint64_t trailing_bytes = 0;
    capture::InputProgress progress;
  };

  static std::vector<Slot> make_slots(const capture::ReadAheadOptions& options);
  Result<bool> fill(Slot& slot);
  Result<bool> drain(Slot& slot);
  Result<bool> finish(std::span<const std::byte> left_over);
  Result<void> diagnose(Slot& slot);
  Result<bool> read_more(Slot& slot);

  std::unique_ptr<capture::ByteStream> stream_;
  std::string name_;
  Diagnosis diagnosis_;

  // Of the thread.
  binary_file::FrameCutter cutter_;
  std::vector<std::byte> tail_;  // The frame that the last slot holds only the beginning of.
  bool diagnosed_ = false;
  std::optional<Result<bool>> after_drain_;  // What ended the bytes behind the end marker.

  // Of the consumer.
  SourceProgress progress_;
  SourceCounters counters_;

  capture::ReadAhead<Slot> ahead_;  // Last: its thread uses what stands above.
};

}  // namespace tapeline::feed
