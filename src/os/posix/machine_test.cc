#include "os/machine.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace tapeline::os {
namespace {

// A folder for the files of one test.
class Machines : public ::testing::Test {
 protected:
  Machines() {
    std::string name = (std::filesystem::temp_directory_path() / "tapeline-machine-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Machines() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(Machines, FilesAreReadBelowTheRoot) {
  std::filesystem::create_directories(folder_ / "proc/sys");
  std::ofstream(folder_ / "proc/sys/value") << "212992\n";
  const auto machine = make_machine(folder_.string());
  EXPECT_EQ(machine->read("/proc/sys/value"), "212992");
  EXPECT_EQ(machine->read("/proc/sys/absent"), std::nullopt);
  EXPECT_EQ(machine->read("/proc/sys"), std::nullopt);
}

TEST_F(Machines, TheDiskIsMeasuredWithoutALeftover) {
  const auto machine = make_machine();
  const std::string below = (folder_ / "to/be/made").string();
  EXPECT_GT(machine->free_bytes(below).value(), 0);
  const auto times = machine->sync_times_ns(below, 3);
  ASSERT_TRUE(times.has_value()) << times.error().message;
  EXPECT_EQ(times->size(), 3);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(Machines, AnInterfaceThatIsNotThereHasNoTimestamps) {
  const auto machine = make_machine();
  EXPECT_FALSE(machine->timestamping("no-such-if"));
  EXPECT_FALSE(machine->timestamping("a-name-that-is-too-long-for-an-interface"));
  EXPECT_FALSE(machine->timestamping("lo").value_or(Timestamping{}).hardware);
}

}  // namespace
}  // namespace tapeline::os
