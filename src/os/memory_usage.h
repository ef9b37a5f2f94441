#pragma once

#include <cstdint>

namespace tapeline::os {

// Of this process.
struct MemoryUsage {
  std::uint64_t resident_bytes = 0;
  std::uint64_t peak_resident_bytes = 0;
};
[[nodiscard]] MemoryUsage memory_usage();

[[nodiscard]] std::uint64_t process_id();

}  // namespace tapeline::os
