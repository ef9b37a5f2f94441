#include <fmt/format.h>
#include <zstd.h>

#include "base/check.h"
#include "capture/file/byte_stream.h"

namespace tapeline::capture {

namespace {

// RFC 8878. A file is one or more frames back to back, some of them skippable. The window is bounded by the
// library's default of 128 MiB.
class ZstdStream final : public ByteStream {
 public:
  ZstdStream(std::unique_ptr<ByteStream> input, std::string name)
      : input_(std::move(input)),
        name_(std::move(name)),
        compressed_(ZSTD_DStreamInSize() * 2),
        zstd_(ZSTD_createDStream()) {
    CHECK(zstd_ != nullptr);
  }

  Result<std::size_t> read(std::span<std::byte> into) override {
    ZSTD_outBuffer out = {into.data(), into.size(), 0};
    while (out.pos < out.size && !end_) {
      const bool drained = in_.pos == in_.size && !more_buffered_;
      if (drained) {
        if (out.pos > 0) break;
        refill();
        continue;
      }
      const std::size_t before = out.pos;
      const std::size_t status = ZSTD_decompressStream(zstd_.get(), &out, &in_);
      decoded_ += out.pos - before;
      if (ZSTD_isError(status) != 0) {
        end_ = corrupt(
            fmt::format("the zstd data are damaged after {} decompressed bytes ({}): fetch the file again",
                        decoded_, ZSTD_getErrorName(status)));
        break;
      }
      in_frame_ = status != 0;
      more_buffered_ = in_frame_ && out.pos == out.size;
    }
    if (out.pos > 0) return out.pos;
    return end_ ? *end_ : Result<std::size_t>(0);
  }

  [[nodiscard]] InputProgress progress() const override { return input_->progress(); }
  void interrupt() noexcept override { input_->interrupt(); }
  [[nodiscard]] bool decompresses() const override { return true; }

 private:
  void refill() {
    Result<std::size_t> got = input_->read(compressed_);
    if (!got) {
      end_ = std::move(got);
    } else if (*got == 0) {
      end_ = in_frame_ ? corrupt("the zstd data end in the middle: the file is truncated, fetch it again")
                       : Result<std::size_t>(0);
    } else {
      in_ = {compressed_.data(), *got, 0};
    }
  }

  std::unexpected<Error> corrupt(std::string_view what) const {
    return fail(ErrorCode::corrupt, fmt::format("{}: {}", name_, what));
  }

  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };

  std::unique_ptr<ByteStream> input_;
  std::string name_;
  std::vector<std::byte> compressed_;
  std::unique_ptr<ZSTD_DStream, Free> zstd_;
  ZSTD_inBuffer in_ = {nullptr, 0, 0};
  std::uint64_t decoded_ = 0;
  bool in_frame_ = false;       // Ending here would be a truncation.
  bool more_buffered_ = false;  // The library may hold decompressed bytes that did not fit.
  std::optional<Result<std::size_t>> end_;
};

}  // namespace

std::unique_ptr<ByteStream> make_zstd_stream(std::unique_ptr<ByteStream> input, std::string name) {
  return std::make_unique<ZstdStream>(std::move(input), std::move(name));
}

}  // namespace tapeline::capture
