#include "os/posix/posix_file_system.h"

#include <cstdlib>
#include <filesystem>

#include "os/testing/file_system_contract.h"

namespace tapeline::os::testing {
namespace {

class PosixEnvironment {
 public:
  PosixEnvironment() {
    std::string pattern = std::filesystem::temp_directory_path() / "tapeline-files-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~PosixEnvironment() { std::filesystem::remove_all(folder_); }
  FileSystem& files() { return files_; }
  const std::string& folder() { return folder_; }

 private:
  PosixFileSystem files_;
  std::string folder_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Posix, FileSystemContract, PosixEnvironment);

TEST(PosixFileSystem, AFullDiskIsToldWithARemedy) {
  PosixFileSystem files;
  Result<std::unique_ptr<File>> full = files.open("/dev/full", OpenMode::write);
  if (!full) GTEST_SKIP() << "there is no /dev/full";
  const Result<void> written = (*full)->write_at(0, bytes_of("x"));
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::io);
  EXPECT_THAT(written.error().message, ::testing::HasSubstr("/dev/full: No space left on device; free some"));
}

}  // namespace
}  // namespace tapeline::os::testing
