#include "capture/file/byte_stream.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

namespace tapeline::capture {

namespace {

std::string display_name(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

class RawStream final : public ByteStream {
 public:
  RawStream(int file, bool owns, std::string name, std::optional<std::uint64_t> total)
      : file_(file), wake_(eventfd(0, EFD_CLOEXEC)), owns_(owns), name_(std::move(name)), total_(total) {}
  RawStream(const RawStream&) = delete;
  RawStream& operator=(const RawStream&) = delete;
  ~RawStream() override {
    if (owns_) close(file_);
    if (wake_ >= 0) close(wake_);
  }

  Result<std::size_t> read(std::span<std::byte> into) override {
    for (;;) {
      if (interrupted_.load(std::memory_order_relaxed)) return interrupted();
      // A regular file never waits; a pipe may, for ever, so it waits in poll where interrupt() reaches it.
      if (!total_ && wake_ >= 0) {
        std::array<pollfd, 2> ready = {{{file_, POLLIN, 0}, {wake_, POLLIN, 0}}};
        if (poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return io_error("poll");
        if (ready[1].revents != 0) return interrupted();
        if (ready[0].revents == 0) continue;
      }
      const ssize_t got = ::read(file_, into.data(), into.size());
      if (got >= 0) {
        consumed_.fetch_add(static_cast<std::uint64_t>(got), std::memory_order_relaxed);
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR && errno != EAGAIN) return io_error("read");
    }
  }

  [[nodiscard]] InputProgress progress() const override {
    return {consumed_.load(std::memory_order_relaxed), total_};
  }

  void interrupt() noexcept override {
    interrupted_.store(true, std::memory_order_relaxed);
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
  }

 private:
  std::unexpected<Error> io_error(std::string_view call) const {
    return fail(ErrorCode::io, fmt::format("{}: cannot {}: {}", name_, call, std::strerror(errno)));
  }
  std::unexpected<Error> interrupted() const {
    return fail(ErrorCode::interrupted, fmt::format("{}: reading was interrupted", name_));
  }

  int file_;
  int wake_;
  bool owns_;
  std::string name_;
  std::optional<std::uint64_t> total_;
  std::atomic<std::uint64_t> consumed_ = 0;
  std::atomic<bool> interrupted_ = false;
};

constexpr std::array gzip_magic = {std::byte{0x1f}, std::byte{0x8b}};
constexpr std::array zstd_magic = {std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f}, std::byte{0xfd}};
constexpr std::size_t magic_size = 4;

template <std::size_t N>
bool starts_with(std::span<const std::byte> bytes, const std::array<std::byte, N>& magic) {
  return bytes.size() >= N && std::equal(magic.begin(), magic.end(), bytes.begin());
}

// RFC 8878, section 3.1.2: sixteen magics mark skippable frames, which may open a zstd file.
bool starts_with_skippable_frame(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && (std::to_integer<unsigned>(bytes[0]) & 0xf0) == 0x50 &&
         std::to_integer<unsigned>(bytes[1]) == 0x2a && std::to_integer<unsigned>(bytes[2]) == 0x4d &&
         std::to_integer<unsigned>(bytes[3]) == 0x18;
}

}  // namespace

Result<std::unique_ptr<ByteStream>> open_raw_stream(const std::string& path) {
  const bool standard_input = path == "-";
  const int file = standard_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    const ErrorCode code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::not_found : ErrorCode::io;
    return fail(code, fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  }
  struct stat status = {};
  if (fstat(file, &status) != 0 || S_ISDIR(status.st_mode)) {
    const std::string reason = S_ISDIR(status.st_mode) ? "it is a directory" : std::strerror(errno);
    if (!standard_input) close(file);
    return fail(ErrorCode::io, fmt::format("cannot read {}: {}", display_name(path), reason));
  }
  std::optional<std::uint64_t> total;
  if (S_ISREG(status.st_mode)) {
    // A redirected standard input may stand past its start; what was read before is not ours to count.
    const off_t position = std::max<off_t>(0, lseek(file, 0, SEEK_CUR));
    total = static_cast<std::uint64_t>(std::max<off_t>(0, status.st_size - position));
    posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  return std::make_unique<RawStream>(file, !standard_input, display_name(path), total);
}

std::span<const std::byte> PeekedStream::peek(std::size_t size) {
  CHECK(served_ == 0);
  while (head_.size() < size && !end_) {
    const std::size_t before = head_.size();
    head_.resize(size);
    Result<std::size_t> got = input_->read(std::span(head_).subspan(before));
    head_.resize(before + got.value_or(0));
    if (!got || *got == 0) end_ = std::move(got);
  }
  return std::span<const std::byte>(head_).first(std::min(size, head_.size()));
}

Result<std::size_t> PeekedStream::read(std::span<std::byte> into) {
  if (served_ == head_.size()) return end_ ? *end_ : input_->read(into);
  const std::size_t size = std::min(into.size(), head_.size() - served_);
  std::memcpy(into.data(), head_.data() + served_, size);
  served_ += size;
  // A regular file fills the buffer at once, so that blocks do not start out tiny.
  if (size < into.size() && !end_ && input_->progress().total) {
    Result<std::size_t> got = input_->read(into.subspan(size));
    if (got && *got > 0) return size + *got;
    end_ = std::move(got);
  }
  return size;
}

Result<std::unique_ptr<PeekedStream>> open_byte_stream(const std::string& path) {
  Result<std::unique_ptr<ByteStream>> raw_stream = open_raw_stream(path);
  if (!raw_stream) return std::unexpected(raw_stream.error());
  auto peeked = std::make_unique<PeekedStream>(std::move(*raw_stream));
  const std::span<const std::byte> magic = peeked->peek(magic_size);
  if (starts_with(magic, gzip_magic))
    return std::make_unique<PeekedStream>(make_gzip_stream(std::move(peeked), display_name(path)));
  if (starts_with(magic, zstd_magic) || starts_with_skippable_frame(magic))
    return std::make_unique<PeekedStream>(make_zstd_stream(std::move(peeked), display_name(path)));
  return peeked;
}

}  // namespace tapeline::capture
