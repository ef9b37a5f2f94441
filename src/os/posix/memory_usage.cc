#include "os/memory_usage.h"

#include <cstdio>

#include <sys/resource.h>
#include <unistd.h>

namespace tapeline::os {

MemoryUsage memory_usage() {
  MemoryUsage usage;
  rusage resources{};
  if (::getrusage(RUSAGE_SELF, &resources) == 0)
    usage.peak_resident_bytes = static_cast<std::uint64_t>(resources.ru_maxrss) * 1024;
  if (std::FILE* const file = std::fopen("/proc/self/statm", "re")) {
    unsigned long long total = 0;
    unsigned long long resident = 0;
    if (std::fscanf(file, "%llu %llu", &total, &resident) == 2)
      usage.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::fclose(file);
  }
  return usage;
}

std::uint64_t process_id() {
  return static_cast<std::uint64_t>(::getpid());
}

}  // namespace tapeline::os
