#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace tapeline::capture {

// How far the reader has come in its input as it lies on disk: compressed bytes of a compressed file.
struct InputProgress {
  std::uint64_t consumed = 0;
  std::optional<std::uint64_t> total;  // Unknown for a pipe.
};

// Bytes pulled in order, on one thread. Everything that a stream could read before an error is delivered
// before the error; after an error or the end, further reads repeat it.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // Reads at least one byte, at most into.size(); 0 only at the clean end. A pipe returns what it has at
  // hand.
  virtual Result<std::size_t> read(std::span<std::byte> into) = 0;

  // Callable while another thread is in read().
  [[nodiscard]] virtual InputProgress progress() const = 0;

  // Makes a read() that waits for a pipe fail with `interrupted`, now and from now on. Callable from any
  // thread.
  virtual void interrupt() noexcept = 0;

  // Whether the bytes delivered are those on disk, so that offsets in messages can be looked up there.
  [[nodiscard]] virtual bool decompresses() const { return false; }
};

// A file as it is; "-" is standard input.
Result<std::unique_ptr<ByteStream>> open_raw_stream(const std::string& path);

// The decompressors take `name` for their messages.
std::unique_ptr<ByteStream> make_gzip_stream(std::unique_ptr<ByteStream> input, std::string name);
std::unique_ptr<ByteStream> make_zstd_stream(std::unique_ptr<ByteStream> input, std::string name);

// Serves bytes that were read from the stream earlier, then the rest of it. An error that ended that earlier
// read comes after them.
class PeekedStream final : public ByteStream {
 public:
  explicit PeekedStream(std::unique_ptr<ByteStream> input) : input_(std::move(input)) {}

  // The first `size` bytes, fewer where the input ends or fails before. Only before the first read().
  std::span<const std::byte> peek(std::size_t size);

  Result<std::size_t> read(std::span<std::byte> into) override;
  [[nodiscard]] InputProgress progress() const override { return input_->progress(); }
  void interrupt() noexcept override { input_->interrupt(); }
  [[nodiscard]] bool decompresses() const override { return input_->decompresses(); }

 private:
  std::unique_ptr<ByteStream> input_;
  std::vector<std::byte> head_;
  std::size_t served_ = 0;
  std::optional<Result<std::size_t>> end_;  // What ended the peek: the clean end or an error.
};

// Opens a file, decompressing gzip and zstd; recognised by content, never by name. "-" is standard input.
Result<std::unique_ptr<PeekedStream>> open_byte_stream(const std::string& path);

}  // namespace tapeline::capture
