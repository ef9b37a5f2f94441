#include "app/output_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace tapeline::app {

namespace {

constexpr std::size_t compressed_bytes = 256 * 1024;
constexpr int gzip_level = 1;  // The generator outruns every other level by far.
constexpr int zstd_level = 3;

std::unexpected<Error> io_failure(std::string_view what, const std::string& path, int error) {
  const ErrorCode code = error == ENOENT ? ErrorCode::not_found : ErrorCode::io;
  return fail(code, fmt::format("{} {}: {}", what, path, std::strerror(error)));
}

}  // namespace

// The file descriptor and the two names.
class OutputFile::Sink {
 public:
  Sink(int file, std::string path, std::string temporary)
      : file_(file), path_(std::move(path)), temporary_(std::move(temporary)) {}
  ~Sink() {
    if (file_ > STDOUT_FILENO) ::close(file_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  Result<void> write(const void* data, std::size_t size) {
    const char* from = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t written = ::write(file_, from, size);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return io_failure("cannot write to", path_, errno);
      from += written;
      size -= static_cast<std::size_t>(written);
      written_ += static_cast<std::uint64_t>(written);
    }
    return {};
  }

  Result<void> close() {
    const int file = std::exchange(file_, -1);
    if (file > STDOUT_FILENO && ::close(file) != 0) return io_failure("cannot finish", path_, errno);
    if (temporary_.empty()) return {};
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      return io_failure("the data is complete but cannot be renamed to", path_, errno);
    temporary_.clear();
    return {};
  }

  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  int file_;
  std::string path_;
  std::string temporary_;  // Empty where there is none.
  std::uint64_t written_ = 0;
};

class OutputFile::Compressor {
 public:
  virtual ~Compressor() = default;
  virtual Result<void> write(Sink& sink, std::span<const std::byte> bytes, bool last) = 0;
};

class OutputFile::Gzip : public Compressor {
 public:
  Gzip() : out_(compressed_bytes) {
    constexpr int gzip_window = 15 + 16;  // 16 asks zlib for the gzip wrapper.
    ready_ = deflateInit2(&stream_, gzip_level, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Gzip() override { deflateEnd(&stream_); }

  Result<void> write(Sink& sink, std::span<const std::byte> bytes, bool last) override {
    if (!ready_) return fail(ErrorCode::io, "not enough memory to compress with gzip");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = out_.data();
      stream_.avail_out = static_cast<uInt>(out_.size());
      deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
      if (auto done = sink.write(out_.data(), out_.size() - stream_.avail_out); !done) return done;
    } while (stream_.avail_out == 0);
    return {};
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  std::vector<Bytef> out_;
};

class OutputFile::Zstd : public Compressor {
 public:
  Zstd() : stream_(ZSTD_createCCtx()), out_(compressed_bytes) {
    if (stream_) ZSTD_CCtx_setParameter(stream_, ZSTD_c_compressionLevel, zstd_level);
  }
  ~Zstd() override { ZSTD_freeCCtx(stream_); }

  Result<void> write(Sink& sink, std::span<const std::byte> bytes, bool last) override {
    if (!stream_) return fail(ErrorCode::io, "not enough memory to compress with zstd");
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{out_.data(), out_.size(), 0};
      const std::size_t left = ZSTD_compressStream2(stream_, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left)) return fail(ErrorCode::io, fmt::format("zstd: {}", ZSTD_getErrorName(left)));
      if (auto done = sink.write(out_.data(), out.pos); !done) return done;
      if (last ? left == 0 : in.pos == in.size) return {};
    }
  }

 private:
  ZSTD_CCtx* stream_;
  std::vector<char> out_;
};

OutputFile::OutputFile(std::unique_ptr<Sink> sink, std::unique_ptr<Compressor> compressor)
    : sink_(std::move(sink)), compressor_(std::move(compressor)) {}
OutputFile::~OutputFile() = default;
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;

Result<OutputFile> OutputFile::open(const std::string& path) {
  if (path == "-") return OutputFile(std::make_unique<Sink>(STDOUT_FILENO, "standard output", ""), nullptr);
  std::unique_ptr<Compressor> compressor;
  if (path.ends_with(".gz")) compressor = std::make_unique<Gzip>();
  if (path.ends_with(".zst")) compressor = std::make_unique<Zstd>();
  struct stat status{};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode))
    return fail(ErrorCode::usage, fmt::format("{} is a directory; give the name of a file in it", path));
  // What is there and is not a plain file, such as /dev/null or a pipe, must not be replaced by one.
  if (exists && !S_ISREG(status.st_mode)) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file < 0) return io_failure("cannot write to", path, errno);
    return OutputFile(std::make_unique<Sink>(file, path, ""), std::move(compressor));
  }
  std::string temporary = fmt::format("{}.{}.part", path, ::getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0 && errno == ENOENT)
    return fail(ErrorCode::not_found,
                fmt::format("the directory of {} does not exist; create it first", path));
  if (file < 0) return io_failure("cannot create", temporary, errno);
  return OutputFile(std::make_unique<Sink>(file, path, std::move(temporary)), std::move(compressor));
}

Result<void> OutputFile::write(std::span<const std::byte> bytes) {
  return compressor_ ? compressor_->write(*sink_, bytes, false) : sink_->write(bytes.data(), bytes.size());
}

Result<void> OutputFile::close() {
  if (compressor_)
    if (auto done = compressor_->write(*sink_, {}, true); !done) return done;
  return sink_->close();
}

std::uint64_t OutputFile::bytes_written() const {
  return sink_->written();
}

}  // namespace tapeline::app
