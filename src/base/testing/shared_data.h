#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>

namespace tapeline::testing {

// A sample that is not part of the project: in the folder TAPELINE_SHARED_DATA, else in ../shared/data beside
// the project. None if it is not there: then the test that needs it skips.
inline std::optional<std::filesystem::path> shared_data(std::string_view relative) {
  std::filesystem::path folder;
  if (const char* given = std::getenv("TAPELINE_SHARED_DATA"); given != nullptr)
    folder = given;
  else if (const char* source = std::getenv("TAPELINE_SOURCE_DIR"); source != nullptr)
    folder = std::filesystem::path(source) / "../shared/data";
  else
    return std::nullopt;
  std::filesystem::path path = folder / relative;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  return path;
}

}  // namespace tapeline::testing
