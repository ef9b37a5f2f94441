#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "capture/file/byte_stream.h"
#include "capture/file/read_ahead.h"

namespace tapeline::capture {

struct ReadAheadOptions {
  std::size_t buffers = 4;
  std::size_t buffer_bytes = std::size_t{1} << 20;
};

// The bytes of a stream, read and decompressed ahead on a thread of its own.
class ByteSource {
 public:
  explicit ByteSource(std::unique_ptr<ByteStream> stream, ReadAheadOptions options = {});

  // The next bytes, in order; empty at the clean end. They stay valid until the next call and are followed by
  // decode_padding readable bytes (base/bytes.h).
  Result<std::span<const std::byte>> next();

  // As of the bytes that next() returned last, not of the thread that runs ahead of them.
  [[nodiscard]] InputProgress progress() const { return progress_; }

 private:
  struct Chunk {
    std::vector<std::byte> bytes;
    std::size_t size = 0;
    InputProgress progress;
  };

  std::unique_ptr<ByteStream> stream_;
  InputProgress progress_;
  ReadAhead<Chunk> ahead_;  // Last: its thread uses the stream.
};

}  // namespace tapeline::capture
