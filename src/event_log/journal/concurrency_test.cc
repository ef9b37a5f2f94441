#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "event_log/journal/journal.h"
#include "event_log/journal/maintenance_thread.h"
#include "os/posix/posix_file_system.h"

// One writer, a maintenance thread and readers of this and of another journal at once, on the kernel's files;
// the thread sanitizer watches.

namespace tapeline::event_log::journal {
namespace {

constexpr std::uint64_t batch_count = 5'000;

std::string folder_for_test() {
  std::string pattern = std::filesystem::temp_directory_path() / "tapeline-journal-XXXXXX";
  return ::mkdtemp(pattern.data());
}

// Reads to the end and checks each batch; how many records were missed.
std::uint64_t follow(Reader& from) {
  std::uint64_t missed = 0;
  while (from.position().value < batch_count) {
    const Result<std::optional<Batch>> batch = from.next();
    if (!batch) {
      ADD_FAILURE() << batch.error().message;
      break;
    }
    if (!*batch) {
      std::this_thread::yield();
      continue;
    }
    missed += (*batch)->missed;
    const auto expected = static_cast<std::byte>((*batch)->first.value);
    EXPECT_EQ((*batch)->payload.size(), (*batch)->first.value % 700);
    for (const std::byte byte : (*batch)->payload)
      if (byte != expected) return ~std::uint64_t{0};
  }
  return missed;
}

class JournalConcurrencyTest : public ::testing::Test {
 protected:
  ~JournalConcurrencyTest() override { std::filesystem::remove_all(folder_); }

  // The records that each of the readers missed.
  std::vector<std::uint64_t> run(const TopicOptions& options) {
    EXPECT_TRUE(here_.create_topic("feed", options).has_value());
    const Result<std::unique_ptr<Writer>> to = here_.open_writer("feed", 0);
    EXPECT_TRUE(to.has_value());
    std::vector<std::unique_ptr<Reader>> readers;
    for (Journal* journal : {&here_, &elsewhere_, &here_})
      readers.push_back(*journal->open_reader("feed", 0));
    std::vector<std::uint64_t> missed(readers.size());
    {
      const MaintenanceThread maintenance({to->get()}, 200'000,
                                          [](const Error& error) { ADD_FAILURE() << error.message; });
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < readers.size(); ++i)
        threads.emplace_back([&, i] { missed[i] = follow(*readers[i]); });
      for (std::uint64_t i = 0; i < batch_count; ++i) {
        const std::vector<std::byte> payload(i % 700, static_cast<std::byte>(i));
        const auto appended = (*to)->append({.record_count = 1}, Bytes(payload));
        EXPECT_TRUE(appended.has_value()) << appended.error().message;
      }
    }
    EXPECT_EQ((*to)->synced(), Offset{batch_count}) << "the last act of the thread";
    return missed;
  }

  os::PosixFileSystem files_;
  std::string folder_ = folder_for_test();
  Journal here_{files_, folder_ + "/data"};
  Journal elsewhere_{files_, folder_ + "/data"};
};

TEST_F(JournalConcurrencyTest, EveryReaderSeesEveryBatch) {
  EXPECT_THAT(run({.segment_bytes = 100'000}), ::testing::Each(0));
  const auto verified = here_.verify("feed", 0);
  ASSERT_TRUE(verified.has_value());
  EXPECT_TRUE(verified->is_sound());
  EXPECT_GT(verified->segments.size(), 15);
}

TEST_F(JournalConcurrencyTest, RetentionBesideReadersTellsWhatTheyMissed) {
  for (const std::uint64_t missed : run({.segment_bytes = 50'000, .retention_bytes = 200'000}))
    EXPECT_LT(missed, batch_count) << "every byte that was read is right, and the rest is told";
  EXPECT_LT(here_.describe("feed", 0)->bytes, 400'000);
}

}  // namespace
}  // namespace tapeline::event_log::journal
