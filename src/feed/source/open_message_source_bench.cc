#include <filesystem>
#include <fstream>
#include <random>

#include <benchmark/benchmark.h>
#include <unistd.h>
#include <zlib.h>

#include "feed/itch50/encoder.h"
#include "feed/source/open_message_source.h"

namespace tapeline::feed {
namespace {

constexpr std::size_t file_size = 256U << 20;

// Adds and deletes with random contents, which compress about as badly as a real day.
std::vector<std::byte> make_content() {
  std::mt19937_64 random(1);
  std::vector<std::byte> bytes(file_size + 64);
  std::byte* at = bytes.data();
  std::uint64_t time = 0;
  while (at < bytes.data() + file_size) {
    const itch50::Header header = {0, Locate{static_cast<std::uint16_t>(random() % 8000)}, 0,
                                   EventTime{time += random() % 100'000}};
    if (random() % 2 == 0) {
      itch50::AddOrder add = {header,
                              OrderRef{random() % 1'000'000'000},
                              'B',
                              100,
                              Symbol("AAPL"),
                              Price{static_cast<std::uint32_t>(random() % 1000 * 100)}};
      at = itch50::encode_framed(add, at);
    } else {
      at = itch50::encode_framed(itch50::OrderDelete{header, OrderRef{random() % 1'000'000'000}}, at);
    }
  }
  bytes.resize(static_cast<std::size_t>(at - bytes.data()));
  return bytes;
}

// The file in the page cache, plain or compressed; removed at exit.
struct BenchFile {
  explicit BenchFile(bool compressed)
      : path(std::filesystem::temp_directory_path() /
             ("tapeline_bench_" + std::to_string(getpid()) + (compressed ? ".gz" : ".itch"))) {
    const std::vector<std::byte> content = make_content();
    size = content.size();
    gzFile file = gzopen(path.c_str(), compressed ? "wb6" : "wbT");
    gzbuffer(file, 1U << 20);
    for (std::size_t at = 0; at < size; at += 1U << 20)
      gzwrite(file, content.data() + at, static_cast<unsigned>(std::min<std::size_t>(1U << 20, size - at)));
    gzclose(file);
  }
  BenchFile(const BenchFile&) = delete;
  BenchFile& operator=(const BenchFile&) = delete;
  ~BenchFile() { std::filesystem::remove(path); }
  std::string path;
  std::size_t size = 0;
};

void read_blocks(benchmark::State& state) {
  static const BenchFile plain(false);
  static const BenchFile compressed(true);
  const BenchFile& file = state.range(0) == 0 ? plain : compressed;
  std::uint64_t messages = 0;
  for (auto _ : state) {
    auto source = open_message_source(file.path);
    for (auto block = (*source)->next(); block && *block; block = (*source)->next())
      messages += (*block)->message_count;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(file.size) * state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(messages));
}
BENCHMARK(read_blocks)->ArgName("gzip")->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tapeline::feed
