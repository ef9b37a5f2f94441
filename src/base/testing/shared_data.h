#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tapeline::testing {

// The folder of sample data that may not be part of this repository: $TAPELINE_SHARED_DATA, or else
// ../shared/data beside the sources.
inline std::filesystem::path shared_data_folder() {
  if (const char* folder = std::getenv("TAPELINE_SHARED_DATA")) return folder;
  if (const char* source = std::getenv("TAPELINE_SOURCE_DIR"))
    return std::filesystem::path(source) / ".." / "shared" / "data";
  return std::filesystem::path("..") / "shared" / "data";
}

inline std::filesystem::path shared_data(std::string_view name) {
  return shared_data_folder() / name;
}

// The same, or none if it is not there.
inline std::optional<std::filesystem::path> find_shared_data(std::string_view name) {
  std::error_code error;
  std::filesystem::path path = shared_data(name);
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  return path;
}

inline std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

}  // namespace tapeline::testing

// Skips the test where the sample is absent; a plain checkout has none.
#define SKIP_WITHOUT_SHARED_DATA(name)                                                       \
  if (!std::filesystem::exists(tapeline::testing::shared_data(name)))                        \
  GTEST_SKIP() << "sample data not found: " << tapeline::testing::shared_data(name).string() \
               << " (set TAPELINE_SHARED_DATA to its folder)"
