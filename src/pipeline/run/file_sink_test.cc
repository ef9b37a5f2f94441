#include "pipeline/run/file_sink.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "event_log/journal/journal.h"
#include "os/posix/posix_file_system.h"
#include "os/posix/system_clock.h"
#include "pipeline/live/ingest.h"
#include "stream/row_log.h"

namespace tapeline::pipeline {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "file_sink_XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Every line but the first of every part, in no order; a part that is not whole has no place there.
std::vector<std::string> lines_of(const std::string& folder) {
  std::vector<std::string> lines;
  if (!std::filesystem::exists(folder)) return lines;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path());
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) lines.push_back(line);
  }
  std::ranges::sort(lines);
  return lines;
}

struct Lanes {
  explicit Lanes(const std::string& folder) : journal(files, folder) {
    EXPECT_TRUE(journal.create_topic(rows_topic, {.partitions = 2}));
    for (std::uint32_t i = 0; i < 2; ++i) writers.push_back(*journal.open_writer(rows_topic, i));
  }
  void append(std::uint32_t lane, unsigned rows) {
    stream::RowBatchBuilder builder;
    for (unsigned i = 0; i < rows; ++i) {
      ++sequence;
      builder.begin_message(Sequence{sequence});
      analytics::BboRow row{};
      row.sequence = sequence;
      row.bid_size = sequence;
      row.symbol = Symbol("AAPL");
      builder.add(static_cast<std::uint16_t>(RowTable::bbo), Locate{1}, std::as_bytes(std::span(&row, 1)));
    }
    const auto payload =
        builder.finish(FixedText<10>("S1"), {0, 48}, 48, stream::Position{0}, stream::Position{1});
    event_log::NewBatch batch;
    batch.record_count = 1 + rows;
    ASSERT_TRUE(writers[lane]->append(batch, payload));
  }

  os::PosixFileSystem files;
  os::SystemClock clock;
  std::unique_ptr<trace::Recorders> recorders = *trace::Recorders::open(files, "", 64);
  event_log::journal::Journal journal;
  std::vector<std::unique_ptr<event_log::Writer>> writers;
  std::uint64_t sequence = 0;
};

TEST(FileSink, WritesEachRowOnceWhereverItIsStopped) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Folder folder;
    std::mt19937_64 random(seed);
    Lanes lanes(folder.path() + "/journal");
    const FileSinkConfig config{.folder = folder.path() + "/tables", .part_ns = 50, .part_rows = 40};
    std::uint64_t now_ns = 1;
    for (int run = 0; run < 6; ++run) {
      FileSink sink(config, lanes.journal, lanes.files, lanes.clock, *lanes.recorders);
      ASSERT_TRUE(sink.open());
      for (int i = 0; i < 20; ++i) {
        lanes.append(static_cast<std::uint32_t>(random() % 2), static_cast<unsigned>(random() % 9));
        // Lanes are looked for by the clock.
        if (random() % 3 == 0) continue;
        ASSERT_TRUE(sink.turn(now_ns += 200'000'000 + random() % 30));
      }
      // Dropped as it is, as by a crash, or ended in order.
      if (random() % 3 != 0) continue;
      ASSERT_TRUE(sink.finish());
    }
    FileSink sink(config, lanes.journal, lanes.files, lanes.clock, *lanes.recorders);
    ASSERT_TRUE(sink.open());
    for (Result<bool> any = true; *any;) {
      any = sink.turn(now_ns += 200'000'000);
      ASSERT_TRUE(any);
    }
    ASSERT_TRUE(sink.finish());
    const std::vector<std::string> lines = lines_of(folder.path() + "/tables/bbo");
    EXPECT_EQ(lines.size(), lanes.sequence) << "seed " << seed;
    EXPECT_TRUE(std::ranges::adjacent_find(lines) == lines.end()) << "seed " << seed;
  }
}

TEST(FileSink, WritesAnewWhatACrashLeftBetweenThePartsAndTheProgress) {
  const Folder folder;
  Lanes lanes(folder.path() + "/journal");
  const FileSinkConfig config{.folder = folder.path() + "/tables"};
  lanes.append(0, 10);
  {
    FileSink sink(config, lanes.journal, lanes.files, lanes.clock, *lanes.recorders);
    ASSERT_TRUE(sink.open());
    ASSERT_TRUE(sink.turn(1));
    ASSERT_TRUE(sink.finish());
  }
  // The part has its name, but what vouches for it was not written.
  std::filesystem::remove(folder.path() + "/tables/PROGRESS");
  lanes.append(0, 5);
  FileSink sink(config, lanes.journal, lanes.files, lanes.clock, *lanes.recorders);
  ASSERT_TRUE(sink.open());
  EXPECT_TRUE(lines_of(folder.path() + "/tables/bbo").empty());
  ASSERT_TRUE(sink.turn(1));
  ASSERT_TRUE(sink.finish());
  EXPECT_EQ(lines_of(folder.path() + "/tables/bbo").size(), 15u);
}

TEST(FileSink, RefusesADamagedProgress) {
  const Folder folder;
  Lanes lanes(folder.path() + "/journal");
  std::filesystem::create_directories(folder.path() + "/tables");
  std::ofstream(folder.path() + "/tables/PROGRESS") << "12\nx";
  FileSink sink({.folder = folder.path() + "/tables"}, lanes.journal, lanes.files, lanes.clock,
                *lanes.recorders);
  const Result<void> opened = sink.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace tapeline::pipeline
