#include "os/simulated/simulated_file_system.h"

#include "os/testing/file_system_contract.h"

namespace tapeline::os::testing {
namespace {

class SimulatedEnvironment {
 public:
  SimulatedEnvironment() { EXPECT_TRUE(files_.make_folder("/disk").has_value()); }
  FileSystem& files() { return files_; }
  std::string folder() { return "/disk"; }

 private:
  SimulatedFileSystem files_{1};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, FileSystemContract, SimulatedEnvironment);

class SimulatedFaults : public ::testing::Test {
 protected:
  SimulatedFaults() { EXPECT_TRUE(files_.make_folder("/disk").has_value()); }
  std::unique_ptr<File> create(const std::string& path) { return *files_.open(path, OpenMode::create); }

  SimulatedFileSystem files_{7};
};

TEST_F(SimulatedFaults, AFullDiskTakesWhatFits) {
  files_.set_capacity(6);
  const auto file = create("/disk/file");
  EXPECT_TRUE(file->write_at(0, bytes_of("0123")).has_value());
  EXPECT_FALSE(file->write_at(4, bytes_of("4567")).has_value());
  EXPECT_EQ(text_of(files_, "/disk/file"), "012345");
  EXPECT_FALSE(file->preallocate(7).has_value());
  ASSERT_TRUE(file->truncate(4).has_value());
  EXPECT_TRUE(file->write_at(4, bytes_of("45")).has_value());
  EXPECT_EQ(*files_.free_bytes("/disk"), 0);
}

TEST_F(SimulatedFaults, ATornWriteStopsWhereItIsTold) {
  const auto file = create("/disk/file");
  files_.fail_write_after(6);
  EXPECT_TRUE(file->write_at(0, bytes_of("0123")).has_value());
  EXPECT_FALSE(file->write_at(4, bytes_of("4567")).has_value());
  EXPECT_EQ(text_of(files_, "/disk/file"), "012345");
  EXPECT_TRUE(file->write_at(4, bytes_of("4567")).has_value());
}

TEST_F(SimulatedFaults, DiesAtTheChangeItIsTold) {
  const auto file = create("/disk/file");
  files_.crash_at_change(2);
  EXPECT_TRUE(file->write_at(0, bytes_of("0123")).has_value());
  EXPECT_FALSE(file->write_at(4, bytes_of("4567")).has_value());
  EXPECT_TRUE(files_.has_crashed());
  EXPECT_FALSE(files_.list("/disk").has_value());
  EXPECT_FALSE(files_.open("/disk/other", OpenMode::create).has_value());
  EXPECT_EQ(files_.count_change(), SimulatedFileSystem::Change::crashes_before);
  files_.restart();
  EXPECT_FALSE(file->write_at(4, bytes_of("4567")).has_value()) << "the file is of the process that died";
  const std::string left = text_of(files_, "/disk/file");
  EXPECT_TRUE(std::string_view("01234567").starts_with(left));
  EXPECT_GE(left.size(), 4u);
  EXPECT_TRUE((*files_.open("/disk/file", OpenMode::write))->write_at(4, bytes_of("4567")).has_value());
}

TEST_F(SimulatedFaults, RatesOfOneAlwaysFail) {
  const auto file = create("/disk/file");
  files_.set_fault_rates({.read_fails = 1});
  std::array<std::byte, 1> into;
  EXPECT_FALSE(file->read_at(0, into).has_value());
  files_.set_fault_rates({.write_fails = 1});
  EXPECT_FALSE(file->write_at(0, bytes_of("abc")).has_value());
  EXPECT_EQ(file->status()->size, 0);
  files_.set_fault_rates({.write_is_torn = 1});
  EXPECT_FALSE(file->write_at(0, bytes_of("abc")).has_value());
  EXPECT_LT(file->status()->size, 3);
  files_.set_fault_rates({.sync_fails = 1});
  EXPECT_FALSE(file->sync().has_value());
}

TEST_F(SimulatedFaults, ACrashOfTheProcessKeepsWhatWasWritten) {
  const auto file = create("/disk/file");
  auto lock = files_.lock("/disk/lock");
  EXPECT_TRUE(file->write_at(0, bytes_of("abc")).has_value());
  files_.crash_process();
  EXPECT_EQ(text_of(files_, "/disk/file"), "abc");
  EXPECT_FALSE(file->write_at(3, bytes_of("d")).has_value()) << "the process that had it open is dead";
  const auto again = files_.lock("/disk/lock");
  EXPECT_TRUE(again.has_value());
  lock->reset();
  EXPECT_FALSE(files_.lock("/disk/lock").has_value())
      << "a dead process lets go of nothing that is not its own";
}

TEST_F(SimulatedFaults, APowerLossKeepsWhatWasSynced) {
  int shorter = 0;
  int zeros = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SimulatedFileSystem files(seed);
    ASSERT_TRUE(files.make_folder("/disk").has_value());
    const std::string written(9'000, 'w');
    {
      const auto file = *files.open("/disk/file", OpenMode::create);
      ASSERT_TRUE(file->write_at(0, bytes_of("synced")).has_value());
      ASSERT_TRUE(file->sync().has_value() && files.sync_folder("/disk").has_value());
      ASSERT_TRUE(file->write_at(6, bytes_of(written)).has_value());
      ASSERT_TRUE(file->write_at(6 + written.size(), bytes_of(written)).has_value());
    }
    files.lose_power();
    const std::string left = text_of(files, "/disk/file");
    ASSERT_EQ(left.substr(0, 6), "synced") << seed;
    ASSERT_LE(left.size(), 6 + 2 * written.size()) << seed;
    shorter += left.size() < 6 + 2 * written.size();
    zeros += left.find('\0') != std::string::npos;
  }
  EXPECT_GT(shorter, 50);
  EXPECT_GT(zeros, 20);
}

TEST_F(SimulatedFaults, APowerLossUndoesOverwritesAndTruncations) {
  bool old_seen = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedFileSystem files(seed);
    ASSERT_TRUE(files.make_folder("/disk").has_value());
    const auto file = *files.open("/disk/file", OpenMode::create);
    ASSERT_TRUE(file->write_at(0, bytes_of("0123456789")).has_value());
    ASSERT_TRUE(file->sync().has_value() && files.sync_folder("/disk").has_value());
    ASSERT_TRUE(file->truncate(4).has_value());
    ASSERT_TRUE(file->write_at(0, bytes_of("ab")).has_value());
    files.lose_power();
    const std::string left = text_of(files, "/disk/file");
    EXPECT_TRUE(left == "0123456789" || left.starts_with("0123") || left.starts_with("a1") ||
                left.starts_with("ab"))
        << left;
    old_seen |= left == "0123456789";
  }
  EXPECT_TRUE(old_seen);
}

TEST_F(SimulatedFaults, NamesSurviveOnceTheirFolderIsSynced) {
  bool lost = false;
  bool undone = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedFileSystem files(seed);
    ASSERT_TRUE(files.make_folder("/disk").has_value());
    ASSERT_TRUE(files.open("/disk/synced", OpenMode::create).has_value());
    ASSERT_TRUE(files.sync_folder("/disk").has_value());
    ASSERT_TRUE(files.rename("/disk/synced", "/disk/renamed").has_value());
    ASSERT_TRUE(files.open("/disk/new", OpenMode::create).has_value());
    files.lose_power();
    const std::vector<std::string> names = *files.list("/disk");
    const bool renamed = names.front() != "synced";
    EXPECT_EQ(std::ranges::count(names, renamed ? "renamed" : "synced"), 1)
        << "either name, never both or none";
    lost |= std::ranges::count(names, "new") == 0;
    undone |= !renamed;
    EXPECT_TRUE(renamed || std::ranges::count(names, "new") == 0) << "changes are lost from the last one on";
  }
  EXPECT_TRUE(lost);
  EXPECT_TRUE(undone);
}

}  // namespace
}  // namespace tapeline::os::testing
