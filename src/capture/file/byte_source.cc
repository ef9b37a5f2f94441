#include "capture/file/byte_source.h"

#include "base/bytes.h"
#include "base/check.h"

namespace tapeline::capture {

namespace {

template <class Chunk>
std::vector<Chunk> make_chunks(const ReadAheadOptions& options) {
  CHECK(options.buffer_bytes > 0);
  std::vector<Chunk> chunks(options.buffers);
  for (Chunk& chunk : chunks) chunk.bytes.resize(options.buffer_bytes + decode_padding);
  return chunks;
}

}  // namespace

ByteSource::ByteSource(std::unique_ptr<ByteStream> stream, ReadAheadOptions options)
    : stream_(std::move(stream)),
      progress_(stream_->progress()),
      ahead_(
          make_chunks<Chunk>(options),
          [this](Chunk& chunk) -> Result<bool> {
            const std::span<std::byte> room =
                std::span(chunk.bytes).first(chunk.bytes.size() - decode_padding);
            const Result<std::size_t> got = stream_->read(room);
            if (!got) return std::unexpected(got.error());
            chunk.size = *got;
            chunk.progress = stream_->progress();
            return *got > 0;
          },
          [this] { stream_->interrupt(); }) {
  progress_.consumed = 0;
}

Result<std::span<const std::byte>> ByteSource::next() {
  const Result<Chunk*> chunk = ahead_.next();
  if (!chunk) return std::unexpected(chunk.error());
  if (*chunk == nullptr) return std::span<const std::byte>();
  progress_ = (*chunk)->progress;
  return std::span<const std::byte>((*chunk)->bytes).first((*chunk)->size);
}

}  // namespace tapeline::capture
