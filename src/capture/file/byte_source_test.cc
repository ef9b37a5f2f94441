#include "capture/file/byte_source.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace tapeline::capture {
namespace {

std::string numbers(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i * 7919) + ",";
  text.resize(size);
  return text;
}

std::string gzip(const std::string& text) {
  z_stream zlib = {};
  EXPECT_EQ(deflateInit2(&zlib, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&zlib, text.size()) + 64, '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  zlib.avail_in = static_cast<uInt>(text.size());
  zlib.next_out = reinterpret_cast<Bytef*>(out.data());
  zlib.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&zlib, Z_FINISH), Z_STREAM_END);
  out.resize(zlib.total_out);
  deflateEnd(&zlib);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

class ByteSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("byte_source_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& bytes) {
    const std::string path = folder_ / "input";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  struct Read {
    std::string bytes;
    std::optional<Error> error;
    InputProgress progress;
  };

  static Read read_all(const std::string& path, ReadAheadOptions options = {}) {
    Read read;
    Result<std::unique_ptr<PeekedStream>> stream = open_byte_stream(path);
    if (!stream) return {"", stream.error(), {}};
    ByteSource source(std::move(*stream), options);
    for (;;) {
      const Result<std::span<const std::byte>> chunk = source.next();
      if (!chunk) read.error = chunk.error();
      if (!chunk || chunk->empty()) break;
      read.bytes.append(reinterpret_cast<const char*>(chunk->data()), chunk->size());
    }
    read.progress = source.progress();
    return read;
  }

  std::filesystem::path folder_;
};

TEST_F(ByteSourceTest, DeliversPlainGzipAndZstdAlikeWhateverTheBufferSize) {
  const std::string text = numbers(3'000'000);
  for (const std::string& bytes : {text, gzip(text), zstd(text)}) {
    const std::string path = write(bytes);
    for (const std::size_t buffer : {std::size_t{1} << 20, std::size_t{4099}}) {
      const Read read = read_all(path, {.buffers = 3, .buffer_bytes = buffer});
      EXPECT_FALSE(read.error.has_value());
      EXPECT_TRUE(read.bytes == text) << read.bytes.size();
      EXPECT_EQ(read.progress.consumed, bytes.size());
      EXPECT_EQ(read.progress.total, bytes.size());
    }
  }
}

TEST_F(ByteSourceTest, ReadsConcatenatedMembersAndFrames) {
  const std::string first = numbers(100'000);
  const std::string second = "and the rest";
  EXPECT_EQ(read_all(write(gzip(first) + gzip("") + gzip(second))).bytes, first + second);
  EXPECT_EQ(read_all(write(zstd(first) + zstd("") + zstd(second))).bytes, first + second);
  const std::string skippable("\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
  EXPECT_EQ(read_all(write(skippable + zstd(first))).bytes, first);
}

TEST_F(ByteSourceTest, TapePaddingBehindGzipIsNoError) {
  const Read read = read_all(write(gzip("text") + std::string(512, '\0')));
  EXPECT_EQ(read.bytes, "text");
  EXPECT_FALSE(read.error.has_value());
}

TEST_F(ByteSourceTest, GarbageBehindGzipIsAnErrorAfterTheBytes) {
  const Read read = read_all(write(gzip("text") + "garbage"));
  EXPECT_EQ(read.bytes, "text");
  ASSERT_TRUE(read.error.has_value());
  EXPECT_EQ(read.error->code, ErrorCode::corrupt);
}

TEST_F(ByteSourceTest, TornCompressedFilesFailAfterEverythingBeforeTheTear) {
  const std::string text = numbers(500'000);
  for (const std::string& whole : {gzip(text), zstd(text)}) {
    for (const std::size_t size : {std::size_t{5}, std::size_t{200}, whole.size() / 2, whole.size() - 1}) {
      const Read read = read_all(write(whole.substr(0, size)), {.buffers = 2, .buffer_bytes = 10'000});
      ASSERT_TRUE(read.error.has_value()) << size;
      EXPECT_EQ(read.error->code, ErrorCode::corrupt);
      EXPECT_THAT(read.error->message, ::testing::HasSubstr("truncated"));
      EXPECT_TRUE(text.starts_with(read.bytes));
      // gzip decodes up to the last byte that is there, zstd up to the last whole block.
      if (size > whole.size() / 3) {
        EXPECT_GT(read.bytes.size(), text.size() / 10) << size << " of " << whole.size();
      }
    }
  }
}

TEST_F(ByteSourceTest, DamagedGzipNamesThePlaceAndRepeatsTheError) {
  const std::string text = numbers(500'000);
  std::string bytes = gzip(text);
  bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 0x55);  // In the CRC.
  auto stream = open_byte_stream(write(bytes));
  ASSERT_TRUE(stream.has_value());
  ByteSource source(std::move(*stream));
  std::size_t size = 0;
  Result<std::span<const std::byte>> chunk = source.next();
  for (; chunk && !chunk->empty(); chunk = source.next()) size += chunk->size();
  EXPECT_EQ(size, text.size());
  ASSERT_FALSE(chunk.has_value());
  EXPECT_THAT(chunk.error().message, ::testing::HasSubstr("after 500000 decompressed bytes"));
  EXPECT_FALSE(source.next().has_value());
}

TEST_F(ByteSourceTest, EmptyFileIsACleanEnd) {
  const Read read = read_all(write(""));
  EXPECT_EQ(read.bytes, "");
  EXPECT_FALSE(read.error.has_value());
}

TEST_F(ByteSourceTest, MissingFileAndFolderAreNamed) {
  EXPECT_EQ(read_all(folder_ / "absent").error.value().code, ErrorCode::not_found);
  EXPECT_THAT(read_all(folder_).error.value().message, ::testing::HasSubstr("directory"));
}

TEST_F(ByteSourceTest, ReadsAPipeWrittenByteByByte) {
  const std::string path = folder_ / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const std::string text = numbers(300);
  const std::string bytes = gzip(text) + gzip("tail");
  std::jthread writer([&] {
    const int file = open(path.c_str(), O_WRONLY);
    for (const char value : bytes) EXPECT_EQ(::write(file, &value, 1), 1);
    close(file);
  });
  const Read read = read_all(path);
  EXPECT_EQ(read.bytes, text + "tail");
  EXPECT_FALSE(read.progress.total.has_value());
}

TEST_F(ByteSourceTest, ClosingDoesNotWaitForASilentPipe) {
  const std::string path = folder_ / "silent";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int writer = open(path.c_str(), O_RDWR);
  auto stream = open_raw_stream(path);
  ASSERT_TRUE(stream.has_value());
  const auto start = std::chrono::steady_clock::now();
  {
    ByteSource source(std::move(*stream));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  close(writer);
}

TEST_F(ByteSourceTest, ClosingEarlyStopsTheThread) {
  auto stream = open_byte_stream(write(numbers(3'000'000)));
  ByteSource source(std::move(*stream), {.buffers = 2, .buffer_bytes = 1000});
  EXPECT_EQ(source.next()->size(), 1000);
}

}  // namespace
}  // namespace tapeline::capture
