#include <algorithm>

#include <fmt/format.h>
#include <zlib.h>

#include "base/check.h"
#include "capture/file/byte_stream.h"

namespace tapeline::capture {

namespace {

constexpr std::size_t input_size = 256 * 1024;

// RFC 1952. A file is one or more members back to back; zero bytes may pad the last one, as tapes do.
class GzipStream final : public ByteStream {
 public:
  GzipStream(std::unique_ptr<ByteStream> input, std::string name)
      : input_(std::move(input)), name_(std::move(name)), compressed_(input_size) {
    constexpr int gzip_only = 15 + 16;
    CHECK(inflateInit2(&zlib_, gzip_only) == Z_OK);
  }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream() override { inflateEnd(&zlib_); }

  Result<std::size_t> read(std::span<std::byte> into) override {
    std::size_t produced = 0;
    while (produced < into.size() && !end_) {
      if (zlib_.avail_in == 0) {
        // What is at hand is handed over before waiting for more of a pipe.
        if (produced > 0) break;
        refill();
        continue;
      }
      produced += inflate_into(into.subspan(produced));
    }
    if (produced > 0) return produced;
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
      end_ = in_member_ ? corrupt("the gzip data end in the middle: the file is truncated, fetch it again")
                        : Result<std::size_t>(0);
    } else {
      zlib_.next_in = reinterpret_cast<Bytef*>(compressed_.data());
      zlib_.avail_in = static_cast<uInt>(*got);
    }
  }

  std::size_t inflate_into(std::span<std::byte> into) {
    if (between_members_ && !start_next_member()) return 0;
    in_member_ = true;
    zlib_.next_out = reinterpret_cast<Bytef*>(into.data());
    zlib_.avail_out = static_cast<uInt>(std::min<std::size_t>(into.size(), 1U << 30));
    const uInt room = zlib_.avail_out;
    const int status = ::inflate(&zlib_, Z_NO_FLUSH);
    const std::size_t produced = room - zlib_.avail_out;
    decoded_ += produced;
    if (status == Z_STREAM_END) {
      in_member_ = false;
      between_members_ = true;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      end_ = corrupt(
          fmt::format("the gzip data are damaged after {} decompressed bytes ({}): fetch the file again",
                      decoded_, zlib_.msg != nullptr ? zlib_.msg : "unknown error"));
    }
    return produced;
  }

  bool start_next_member() {
    while (zlib_.avail_in > 0 && *zlib_.next_in == 0) {
      ++zlib_.next_in;
      --zlib_.avail_in;
    }
    if (zlib_.avail_in == 0) return false;
    constexpr Bytef first_magic_byte = 0x1f;
    if (*zlib_.next_in != first_magic_byte) {
      end_ =
          corrupt("bytes that are no gzip data follow the gzip data: cut them off or fetch the file again");
      return false;
    }
    CHECK(inflateReset(&zlib_) == Z_OK);
    between_members_ = false;
    return true;
  }

  std::unexpected<Error> corrupt(std::string_view what) const {
    return fail(ErrorCode::corrupt, fmt::format("{}: {}", name_, what));
  }

  std::unique_ptr<ByteStream> input_;
  std::string name_;
  std::vector<std::byte> compressed_;
  z_stream zlib_ = {};
  std::uint64_t decoded_ = 0;
  bool in_member_ = false;        // Ending here would be a truncation.
  bool between_members_ = false;  // A member has ended.
  std::optional<Result<std::size_t>> end_;
};

}  // namespace

std::unique_ptr<ByteStream> make_gzip_stream(std::unique_ptr<ByteStream> input, std::string name) {
  return std::make_unique<GzipStream>(std::move(input), std::move(name));
}

}  // namespace tapeline::capture
