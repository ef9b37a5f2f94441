#include <chrono>
#include <cstdlib>
#include <filesystem>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "event_log/journal/journal.h"
#include "os/posix/posix_file_system.h"

// What appending a batch and reading it back cost, in memory of the kernel: nothing is synced. The folder is
// TAPELINE_BENCH_FOLDER, or the system's for temporary files. `wall_ns` and
// `cpu_ns` are per batch, `cpu_ns` of the processor.

namespace tapeline::event_log::journal {
namespace {

constexpr std::uint64_t bytes_per_run = std::uint64_t{512} << 20;

// Wall and processor time between start() and stop(), added up.
class Stopwatch {
 public:
  void start() { wall_ns_ -= wall_now(), cpu_ns_ -= cpu_now(); }
  void stop() { wall_ns_ += wall_now(), cpu_ns_ += cpu_now(); }

  void report(benchmark::State& state, std::uint64_t batches) const {
    state.SetBytesProcessed(static_cast<std::int64_t>(batches) * state.range(0));
    state.counters["wall_ns"] = wall_ns_ / static_cast<double>(batches);
    state.counters["cpu_ns"] = cpu_ns_ / static_cast<double>(batches);
  }

 private:
  static double wall_now() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double, std::nano>(since).count();
  }
  static double cpu_now() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto ns = [](const timeval& time) {
      return double(time.tv_sec) * 1e9 + double(time.tv_usec) * 1e3;
    };
    return ns(usage.ru_utime) + ns(usage.ru_stime);
  }

  double wall_ns_ = 0;
  double cpu_ns_ = 0;
};

std::string scratch_folder() {
  const char* given = std::getenv("TAPELINE_BENCH_FOLDER");
  const std::filesystem::path parent = given != nullptr ? given : std::filesystem::temp_directory_path();
  std::string pattern = parent / "tapeline-bench-XXXXXX";
  const char* made = ::mkdtemp(pattern.data());
  CHECK(made != nullptr);
  return made;
}

// A journal in a folder of its own, which goes with it.
class Scratch {
 public:
  ~Scratch() { std::filesystem::remove_all(folder_); }

  // Of an empty log.
  std::unique_ptr<Writer> writer() {
    std::filesystem::remove_all(folder_ + "/data");
    if (!journal_.create_topic("feed", {.sync = SyncPolicy::none})) return nullptr;
    Result<std::unique_ptr<Writer>> opened = journal_.open_writer("feed", 0);
    if (!opened || (*opened)->end() != Offset{0}) return nullptr;
    return std::move(*opened);
  }
  std::unique_ptr<Reader> reader() { return std::move(journal_.open_reader("feed", 0).value()); }

 private:
  // The journal takes the folder as it is constructed, so the folder stands before it.
  const std::string folder_ = scratch_folder();
  os::PosixFileSystem files_;
  Journal journal_{files_, folder_ + "/data"};
};

void append(benchmark::State& state) {
  const std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
  const std::uint64_t per_run = bytes_per_run / payload.size();
  Scratch scratch;
  Stopwatch watch;
  for (auto _ : state) {
    state.PauseTiming();
    const std::unique_ptr<Writer> to = scratch.writer();
    if (to == nullptr) return state.SkipWithError("cannot write to the folder");
    state.ResumeTiming();
    watch.start();
    for (std::uint64_t i = 0; i < per_run; ++i)
      if (!to->append({.record_count = 100}, Bytes(payload))) return state.SkipWithError("append failed");
    watch.stop();
  }
  watch.report(state, per_run * state.iterations());
}

void read(benchmark::State& state) {
  const std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
  const std::uint64_t per_run = bytes_per_run / payload.size();
  Scratch scratch;
  const std::unique_ptr<Writer> to = scratch.writer();
  if (to == nullptr) return state.SkipWithError("cannot write to the folder");
  for (std::uint64_t i = 0; i < per_run; ++i)
    if (!to->append({.record_count = 100}, Bytes(payload))) return state.SkipWithError("append failed");
  Stopwatch watch;
  watch.start();
  for (auto _ : state) {
    const std::unique_ptr<Reader> from = scratch.reader();
    for (std::uint64_t i = 0; i < per_run; ++i) {
      const Result<std::optional<Batch>> batch = from->next();
      if (!batch || !*batch || (*batch)->payload.size() != payload.size())
        return state.SkipWithError("what was read is not what was appended");
      benchmark::DoNotOptimize((*batch)->payload.data());
    }
  }
  watch.stop();
  watch.report(state, per_run * state.iterations());
}

// One batch through the log: from append to the reader of the same process that waits for it.
void follow(benchmark::State& state) {
  const std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
  Scratch scratch;
  const std::unique_ptr<Writer> to = scratch.writer();
  if (to == nullptr) return state.SkipWithError("cannot write to the folder");
  const std::unique_ptr<Reader> from = scratch.reader();
  Stopwatch watch;
  watch.start();
  std::uint64_t batches = 0;
  for (auto _ : state) {
    if (!to->append({.record_count = 100}, Bytes(payload))) return state.SkipWithError("append failed");
    const Result<std::optional<Batch>> batch = from->next();
    if (!batch || !*batch || (*batch)->payload.size() != payload.size())
      return state.SkipWithError("what was read is not what was appended");
    ++batches;
  }
  watch.stop();
  watch.report(state, batches);
}

void checksum(benchmark::State& state) {
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

constexpr std::int64_t packet = 1'400;
constexpr std::int64_t batch = 16 << 10;
constexpr std::int64_t large = 256 << 10;

BENCHMARK(append)->Arg(packet)->Arg(batch)->Arg(large)->Iterations(3)->UseRealTime();
BENCHMARK(read)->Arg(packet)->Arg(batch)->Arg(large)->Iterations(3)->UseRealTime();
BENCHMARK(follow)->Arg(packet)->Arg(batch)->Iterations(30'000)->UseRealTime();
BENCHMARK(checksum)->Arg(packet)->Arg(batch);

}  // namespace
}  // namespace tapeline::event_log::journal
