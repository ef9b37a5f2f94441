#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "event_log/journal/format.h"
#include "os/file_system.h"

namespace tapeline::event_log::journal {

enum class ScanState : std::uint8_t {
  batch,
  end,      // Not a byte more, now.
  cut_off,  // The file ends inside a batch.
  damaged,  // No batch of the expected or a later offset begins here.
};

struct ScannedBatch {
  ScanState state = ScanState::end;
  std::uint64_t position = 0;  // In the file.
  std::uint64_t size = 0;      // On disk.
  BatchHeader header{};
  Bytes payload;  // Valid until the next call.
};

// Walks the batches of one segment through a window. It grows while reads fill it, so that catching up is by
// large reads, and following the end needs little memory.
class BatchScanner {
 public:
  static constexpr std::size_t least_window_bytes = std::size_t{64} << 10;
  static constexpr std::size_t most_window_bytes = std::size_t{1} << 20;  // A larger batch is read whole.

  // From `position` on, where a batch of `expected` or a later offset begins.
  void open(std::shared_ptr<const os::File> file, std::uint64_t position, std::uint64_t expected);
  void close() { file_.reset(); }
  [[nodiscard]] bool is_open() const { return file_ != nullptr; }
  [[nodiscard]] const os::File& file() const { return *file_; }
  [[nodiscard]] std::shared_ptr<const os::File> shared_file() const { return file_; }

  // The next batch, or why there is none; then it stays where it is and the next call looks again at what the
  // file holds by then.
  Result<ScannedBatch> next();

  // The first whole batch behind position(), wherever it begins: what is there behind damage. It becomes
  // the current one. Without one the scanner stays where it is.
  Result<std::optional<ScannedBatch>> find_behind();

  [[nodiscard]] std::uint64_t position() const { return position_; }  // Of the next batch.
  [[nodiscard]] std::uint64_t expected() const { return expected_; }  // Its offset, or before it.

 private:
  Result<void> fill(std::size_t size);
  [[nodiscard]] Bytes window_at(std::uint64_t position) const;

  std::shared_ptr<const os::File> file_;
  std::uint64_t position_ = 0;
  std::uint64_t expected_ = 0;
  // The file's bytes from window_position_ on. Positions are multiples of batch_alignment, so payloads in the
  // window are aligned as they are in the file.
  std::vector<std::byte> window_;
  std::size_t room_ = least_window_bytes;  // To be read at once.
  std::uint64_t window_position_ = 0;
  std::size_t window_size_ = 0;
};

}  // namespace tapeline::event_log::journal
